"""Context and profiles."""

from typing import Any

import pytest

from sessions import actions
from sessions.errors import ContextChanged, InvalidInput, SessionNotFound, SessionTrashed
from sessions.models import Profile
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings, image_of

FULL: actions.ContextChanges = {
    "title": "T",
    "context_summary": "what it was about",
    "active_topics": ["b", "a", "b"],
    "user_preferences": {"lang": "de"},
    "project_context": {"repo": {"branch": "main"}},
    "semantic_context": {"entities": [1, None]},
    "metadata": {"client": "cursor"},
    "tags": ["z", "a", "z"],
}


def test_it_replaces_what_is_given_and_leaves_the_rest() -> None:
    session = make_session()
    actions.update_context(session.pk, actor=ALICE, **FULL)
    actions.update_context(session.pk, actor=ALICE, context_summary="")
    row = actions.get_session(session.pk)
    assert (row.title, row.context_summary, row.active_topics) == ("T", "", ["b", "a"])
    assert (row.user_preferences, row.project_context) == ({"lang": "de"}, {"repo": {"branch": "main"}})
    assert [tag.name for tag in row.tags.all()] == ["a", "z"]
    assert findings() == []


def test_it_takes_tags_away() -> None:
    session = make_session(tags=["a", "b"])
    actions.update_context(session.pk, actor=ALICE, tags=["b", "c"])
    assert sorted(session.tags.values_list("name", flat=True)) == ["b", "c"]
    actions.update_context(session.pk, actor=ALICE, tags=[])
    assert not session.tags.exists()
    assert findings() == []


def test_it_goes_to_the_survivor() -> None:
    survivor, absorbed = make_session(), make_session()
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
    assert actions.update_context(absorbed.pk, actor=ALICE, title="T").pk == survivor.pk


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "\0"),
        ("title", None),
        ("context_summary", "\ud800"),
        ("active_topics", "topic"),
        ("active_topics", [1]),
        ("user_preferences", []),
        ("project_context", {"a": float("nan")}),
        ("semantic_context", {"a": 2**70}),
        ("metadata", None),
        ("tags", ["\n"]),
        ("user_id", "mallory"),
    ],
)
def test_it_names_the_field_that_it_refuses(field: str, value: Any) -> None:
    session = make_session()
    with pytest.raises(InvalidInput) as caught:
        actions.update_context(session.pk, actor=ALICE, **{field: value})
    assert caught.value.field == field
    assert findings() == []


def test_it_refuses_more_than_a_journal_line_holds() -> None:
    session = make_session()
    with pytest.raises(InvalidInput):
        actions.update_context(
            session.pk,
            actor=ALICE,
            context_summary="🜂" * 1_000_000,
            active_topics=["🜂" * 1000 + str(n) for n in range(900)],
        )
    assert actions.get_session(session.pk).context_summary == ""
    assert log(session, prompt="on").sequence == 1
    assert findings() == []


def test_it_refuses_a_session_in_the_trash_and_an_unknown_one() -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    with pytest.raises(SessionTrashed):
        actions.update_context(session.pk, actor=ALICE, title="T")
    with pytest.raises(SessionNotFound):
        actions.update_context("unknown", actor=ALICE, title="T")


def test_a_stale_session_does_not_set_the_mirror_back() -> None:
    session = make_session()
    actions.update_context(session.pk, actor=ALICE, title="one")
    actions.settle_mirror()
    for title in ("two", "three"):
        actions.update_context(session.pk, actor=ALICE, title=title)
    row = actions.get_session(session.pk)
    assert row.mirrored_revision == row.revision
    assert 0 < row.documented_revision < row.revision
    header = image_of(session).header
    assert header is not None
    assert header.title == "three"


# --- Profiles ---


def test_a_profile_is_set_and_unset_by_name() -> None:
    actions.update_profile("bob", actor=ALICE, replace={"lang": "de", "tone": "dry"})
    actions.update_profile("bob", actor=ALICE, replace={"lang": "fr"}, remove=["tone", "unknown"])
    assert Profile.objects.get().preferences == {"lang": "fr"}
    assert findings() == []


def test_a_profile_leaves_the_sessions_that_are_there() -> None:
    session = make_session()
    actions.update_profile("alice", actor=ALICE, replace={"lang": "de"})
    assert actions.get_session(session.pk).user_preferences == {}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 256}, "user_id"),
        ({"replace": {"a": float("nan")}}, "preferences"),
        ({"replace": [1]}, "preferences"),
        ({"remove": ["\ud800"]}, "remove"),
        ({"remove": [1]}, "remove"),
    ],
)
def test_a_profile_names_the_field_that_it_refuses(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        actions.update_profile(**{"user_id": "bob", "actor": ALICE, **arguments})
    assert caught.value.field == field
    assert not Profile.objects.exists()


# --- the version of a context ---


def test_the_version_is_another_one_as_soon_as_any_field_is() -> None:
    session = make_session()
    versions = [actions.context_version(actions.get_session(session.pk))]
    for name, value in FULL.items():
        change: Any = {name: value}
        actions.update_context(session.pk, actor=ALICE, **change)
        versions.append(actions.context_version(actions.get_session(session.pk)))
    assert len(set(versions)) == len(FULL) + 1


def test_the_version_stays_while_only_other_things_change() -> None:
    session = make_session(title="T", tags=["a", "b"])
    seen = actions.context_version(session)
    log(session, prompt="x")
    actions.hold_session(session.pk, actor=ALICE)
    actions.add_note(session.pk, "note", actor=ALICE)
    actions.update_context(session.pk, actor=ALICE, title="T", tags=["b", "a"])
    assert actions.context_version(actions.get_session(session.pk)) == seen


def test_it_refuses_a_change_of_a_context_of_another_version() -> None:
    session = make_session(title="T")
    seen = actions.context_version(session)
    actions.update_context(session.pk, actor=ALICE, context_summary="another field")
    before = image_of(session)
    for version in (seen, "0" * 24, "é"):
        with pytest.raises(ContextChanged):
            actions.update_context(session.pk, actor=ALICE, version=version, title="New")
    assert image_of(session) == before
    now = actions.context_version(actions.get_session(session.pk))
    assert actions.update_context(session.pk, actor=ALICE, version=now, title="New").title == "New"


def test_it_refuses_to_remove_a_tag_that_no_session_can_have() -> None:
    session = make_session(tags=["a"])
    for name in ("\0", "\ud800", "x" * 101):
        with pytest.raises(InvalidInput, match="tags"):
            actions.remove_tag(session.pk, name, actor=ALICE)
