"""Merging sessions into one, and taking that back."""

import itertools
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from sessions import actions
from sessions.actions import MergeGroup
from sessions.errors import InvalidInput, MergeRefused, NotFound, SessionNotFound
from sessions.models import Interaction, Session
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session
from tests.mirror.disk import findings, image_of, lose_database, reconcile

BEGAN = timezone.now().replace(microsecond=0) - timedelta(hours=5)


def at(minute: int) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def said(session: Session, *minutes: int, **fields: Any) -> Session:
    for minute in minutes:
        log(session, **{"prompt": f"{session.pk}{minute}", "occurred_at": at(minute), **fields})
    return session


def prompts(session_id: str) -> list[str]:
    rows = Interaction.objects.of(session_id)
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    return [row.prompt for row in rows]


def merge(survivor: str, *absorbed: str, **choices: Any) -> MergeGroup:
    done = actions.merge_sessions(survivor, absorbed=absorbed, choices=choices, actor=ALICE)
    assert findings() == []
    return done


def undo(done: MergeGroup) -> None:
    actions.unmerge(done.pk, actor=ALICE)
    assert findings() == []


def dump(session_id: str) -> dict[str, Any]:
    return actions.session_dump(session_id)


def sessions(*names: str) -> list[Session]:
    return [make_session(session_id=name) for name in names]


def test_it_weaves_by_time() -> None:
    a, b = sessions("a", "b")
    said(a, 1, 4, 6)
    said(b, 2, 3, 5)
    merge("a", "b")
    assert prompts("a") == ["a1", "b2", "b3", "a4", "b5", "a6"]
    row = Session.objects.get(pk="a")
    assert (row.interaction_count, row.last_sequence, row.opening) == (6, 6, "a1")
    assert Session.objects.get(pk="b").interaction_count == 0


def test_neither_sessions_own_order_changes_whatever_its_clock_said() -> None:
    a, b = sessions("a", "b")
    said(a, 9, 1, 10)
    said(b, 2, 8, 3)
    merge("a", "b")
    mine = prompts("a")
    assert [one for one in mine if one[0] == "a"] == ["a9", "a1", "a10"]
    assert [one for one in mine if one[0] == "b"] == ["b2", "b8", "b3"]


def test_every_interaction_remembers_where_it_came_from() -> None:
    a, b = sessions("a", "b")
    said(a, 1)
    said(b, 2, 3)
    done = merge("a", "b")
    origins = [row.origins for row in Interaction.objects.of("a")]
    assert origins == [
        [],
        [{"merge_id": str(done.pk), "session_id": "b", "sequence": 1, "key_scope": "", "idempotency_key": None}],
        [{"merge_id": str(done.pk), "session_id": "b", "sequence": 2, "key_scope": "", "idempotency_key": None}],
    ]
    assert len(image_of("a").interactions) == 3


def test_it_shows_once_what_both_have() -> None:
    a, b = sessions("a", "b")
    said(a, 1)
    for session in (a, b):
        said(session, 2, prompt="shared", idempotency_key="k")
    said(b, 3)
    preview = actions.preview_merge("a", "b")
    assert (preview.duplicates, preview.total, preview.moving) == ({"b": 1}, 3, {"b": 1})
    assert [item.duplicate for item in (*preview.beginning.items, *preview.end.items)] == [False, False, True, False]
    merge("a", "b")
    assert prompts("a") == ["a1", "shared", "b3"]
    assert log("b", prompt="shared", idempotency_key="k").session_id == "a"


def test_one_key_for_two_things_keeps_both() -> None:
    a, b = sessions("a", "b")
    said(a, 1, prompt="mine", idempotency_key="k")
    said(b, 2, prompt="yours", idempotency_key="k")
    before = dump("a"), dump("b")
    done = merge("a", "b")
    assert prompts("a") == ["mine", "yours"]
    assert [(row.idempotency_key, row.key_scope) for row in Interaction.objects.of("a")] == [("k", ""), ("k", "b")]
    assert log("b", prompt="yours", idempotency_key="k").sequence == 2
    undo(done)
    assert (dump("a"), dump("b")) == before


def test_of_several_with_one_key_and_one_content_the_first_is_shown() -> None:
    said_by = {"a": "x", "b": "y", "c": "y", "d": "x"}
    for name, prompt in said_by.items():
        make_session(session_id=name)
        log(name, prompt=prompt, idempotency_key="k")
    preview = actions.preview_merge("a", ["b", "c", "d"])
    assert preview.duplicates == {"b": 0, "c": 1, "d": 1}
    done = merge("a", "b", "c", "d")
    assert prompts("a") == ["x", "y"]
    assert [log(name, prompt=text, idempotency_key="k").sequence for name, text in said_by.items()] == [1, 2, 2, 1]
    actions.unmerge(done.merges[0].pk, actor=ALICE)
    assert (prompts("a"), prompts("b"), prompts("c")) == (["x", "y"], ["y"], [])


def test_the_contexts_become_one() -> None:
    a = make_session(session_id="a", tags=["t", "a"])
    b = make_session(session_id="b", tags=["t", "b"], title="B")
    actions.update_context(
        a.pk, actor=ALICE, active_topics=["x"], user_preferences={"k": 1, "mine": 1}, context_summary="A"
    )
    actions.update_context(
        b.pk, actor=ALICE, active_topics=["y", "x"], user_preferences={"k": 2, "yours": 2}, context_summary="B"
    )
    actions.hold_session(b.pk, reason="kept", actor=ALICE)
    conflicts = {one.field for one in actions.preview_merge("a", "b").questions}
    assert conflicts == {"context_summary", "active_topics", "tags", "user_preferences"}
    merge("a", "b")
    row = Session.objects.get(pk="a")
    assert (row.title, row.context_summary, row.active_topics) == ("B", "A", ["x", "y"])
    assert row.user_preferences == {"k": 1, "mine": 1, "yours": 2}
    assert sorted(row.tags.values_list("name", flat=True)) == ["a", "b", "t"]
    assert row.hold_reason == "kept"
    assert row.created_at == min(a.created_at, b.created_at)


def test_the_preview_shows_the_order_that_the_merge_makes() -> None:
    a, b, c = sessions("a", "b", "c")
    said(a, 9, 1, 10, 30)
    said(b, 2, 8, 3)
    said(b, 4, prompt="shared", idempotency_key="k")
    said(c, 5, prompt="shared", idempotency_key="k")
    said(c, 7, 6, 5)
    preview = actions.preview_merge("a", ["b", "c"])
    merge("a", "b", "c")
    assert [one.opening for one in preview.beginning.items if not one.duplicate] == prompts("a")
    assert preview.total == len(prompts("a"))


def test_one_content_in_two_spellings_is_one() -> None:
    for name, parameters in {"a": {"x": 1, "y": 2}, "b": {"y": 2, "x": 1}, "c": {"x": 1, "y": 3}}.items():
        make_session(session_id=name)
        log(name, kind=InteractionKind.TOOL_CALL, tool_name="T", tool_parameters=parameters, idempotency_key="k")
    preview = actions.preview_merge("a", ["b", "c"])
    assert preview.duplicates == {"b": 1, "c": 0}
    merge("a", "b", "c")
    assert Session.objects.get(pk="a").interaction_count == preview.total == 2


def test_a_preview_changes_nothing() -> None:
    a, b = sessions("a", "b")
    said(a, 1)
    said(b, 2)
    before = actions.store_digest()
    actions.preview_merge("a", "b")
    assert actions.store_digest() == before


# --- Taking it back ---


def test_undoing_restores_both_dumps() -> None:
    a, b = sessions("a", "b")
    said(a, 1, 4)
    said(b, 2, 3, 7, idempotency_key=None)
    actions.update_context("b", actor=ALICE, context_summary="b", user_preferences={"x": 1}, tags=["t"])
    actions.hold_session("b", actor=ALICE)
    before = dump("a"), dump("b")
    undo(merge("a", "b"))
    assert (dump("a"), dump("b")) == before


def test_what_was_said_since_stays_with_the_survivor() -> None:
    a, b = sessions("a", "b")
    said(a, 1)
    said(b, 2)
    before = dump("b")
    done = merge("a", "b")
    for number in range(5):
        log("b" if number % 2 else "a", prompt=f"since {number}", idempotency_key=f"s{number}")
    undo(done)
    assert prompts("a") == ["a1", *(f"since {number}" for number in range(5))]
    assert dump("b") == before
    assert log("b", prompt="on").sequence == 2
    assert log("a", prompt="since 4", idempotency_key="s4").sequence == 6
    # `b` is a session of its own again, with keys of its own.
    assert log("b", prompt="since 3", idempotency_key="s3").session_id == "b"


def test_what_was_edited_since_stays_edited() -> None:
    sessions("a", "b")
    actions.update_context("a", actor=ALICE, user_preferences={"mine": 1}, active_topics=["m"])
    actions.update_context(
        "b",
        actor=ALICE,
        context_summary="B",
        title="B",
        user_preferences={"x": 1, "y": 1},
        active_topics=["n"],
        tags=["t"],
    )
    done = merge("a", "b")
    row = Session.objects.get(pk="a")
    actions.update_context(
        "a",
        actor=ALICE,
        context_summary="edited",
        user_preferences={**row.user_preferences, "x": 2, "new": 3},
        active_topics=["m", "n", "o"],
    )
    undo(done)
    row = Session.objects.get(pk="a")
    assert (row.context_summary, row.title, row.active_topics) == ("edited", "", ["m", "o"])
    assert row.user_preferences == {"mine": 1, "x": 2, "new": 3}
    assert list(row.tags.all()) == []


def furnished() -> dict[str, dict[str, Any]]:
    """Four sessions that differ in everything and share one thing; their dumps."""
    a, *others = sessions("a", "b", "c", "d")
    said(a, 5)
    for minute, other in enumerate(others, start=1):
        said(other, minute, 10 - minute)
        said(other, 20, prompt="shared", idempotency_key="k")
        said(other, 21, prompt=f"only {other.pk}", idempotency_key="c")
        actions.update_context(
            other.pk,
            actor=ALICE,
            context_summary=other.pk,
            user_preferences={"k": other.pk, other.pk: 1},
            active_topics=["all", other.pk],
            tags=["all", other.pk],
        )
        Session.objects.filter(pk=other.pk).update(stated_interactions=minute)
    Session.objects.filter(pk="c").update(created_at=at(-100))
    for other in others:
        row = Session.objects.get(pk=other.pk)
        row.header_revision = row.raise_revision()
        row.save()
    actions.hold_session("d", actor=ALICE)
    actions.add_note("c", text="a note", actor=ALICE)
    actions.pin_interaction("b", Interaction.objects.of("b")[1].pk, actor=ALICE)
    return {name: dump(name) for name in "abcd"}


CHOICES = {
    "context_summary": "both",
    "active_topics": "c",
    "tags": "d",
    "user_preferences": {"k": "d"},
}


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "together"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_merges_can_be_undone_in_any_order(order: tuple[int, ...], together: bool) -> None:
    before = furnished()
    if together:
        done = [str(one.pk) for one in merge("a", "b", "c", "d", **CHOICES).merges]
    else:
        done = [str(merge("a", name).pk) for name in "bcd"]
    for number, place in enumerate(order, start=1):
        actions.unmerge(done[place], actor=ALICE)
        assert findings() == []
        assert dump("bcd"[place]) == before["bcd"[place]]
        # As long as one of them is merged, what they had in common is there.
        assert prompts("a").count("shared") == (1 if number < 3 else 0)
    assert {name: dump(name) for name in "abcd"} == before


def test_several_merged_at_once_are_undone_at_once() -> None:
    before = furnished()
    done = merge("a", "b", "c", "d", **CHOICES)
    undone = actions.unmerge(done.pk, actor=ALICE)
    assert findings() == []
    assert undone.absorbed_ids == ["b", "c", "d"]
    assert {name: dump(name) for name in "abcd"} == before
    with pytest.raises(MergeRefused, match="already undone"):
        actions.unmerge(done.pk, actor=ALICE)


def test_undoing_all_takes_what_is_left_of_it() -> None:
    before = furnished()
    done = merge("a", "c", "b", "d")
    actions.unmerge(done.merges[0].pk, actor=ALICE)
    assert actions.unmerge(done.pk, actor=ALICE).absorbed_ids == ["b", "d"]
    assert {name: dump(name) for name in "abcd"} == before


def test_merging_at_once_is_merging_one_after_the_other() -> None:
    furnished()
    done = merge("a", "b", "c", "d")
    at_once = dump("a")
    undo(done)
    for name in "bcd":
        merge("a", name)
    one_by_one = dump("a")
    for interaction in (*at_once["interactions"], *one_by_one["interactions"]):
        interaction.pop("origins", None)
    assert at_once == one_by_one


def test_a_group_that_was_absorbed_itself_is_undone_from_the_top() -> None:
    before = furnished()
    inner = merge("b", "c", "d")
    between = dump("b")
    outer = merge("a", "b")
    with pytest.raises(MergeRefused, match="later"):
        actions.unmerge(inner.pk, actor=ALICE)
    undo(outer)
    assert dump("b") == between
    undo(inner)
    assert {name: dump(name) for name in "abcd"} == before


def test_one_of_several_stays_when_another_is_taken_out() -> None:
    furnished()
    done = merge("a", "b", "c", "d", context_summary="c", user_preferences={"k": "c"})
    assert Session.objects.get(pk="a").context_summary == "c"
    actions.unmerge(done.merges[1].pk, actor=ALICE)
    row = Session.objects.get(pk="a")
    assert (row.context_summary, row.user_preferences["k"]) == ("b", "b")
    assert "c20" not in prompts("a")
    assert {"only b", "only d"} <= set(prompts("a"))


def test_it_knows_a_merge_by_its_own_id_and_by_each_parts() -> None:
    sessions("a", "b", "c", "d")
    done, alone = merge("a", "b", "c"), merge("a", "d")
    keys: list[Any] = [done.pk, *(one.pk for one in done.merges), str(done.pk)]
    for key in keys:
        found = actions.get_merge(key)
        assert (found.pk, found.survivor_id, found.absorbed_ids) == (done.pk, "a", ["b", "c"])
    assert actions.get_merge(alone.pk).pk == alone.merges[0].pk
    for unknown in ("nonsense", "", str(uuid4())):
        with pytest.raises(NotFound):
            actions.get_merge(unknown)


def test_what_was_decided_is_in_the_journal_and_survives_the_loss_of_the_database() -> None:
    furnished()
    done = merge("a", "b", "c", "d", **CHOICES)
    actions.unmerge(done.merges[1].pk, actor=ALICE)
    before = actions.store_digest()
    lose_database()
    assert reconcile().copies.failures == []
    assert actions.store_digest() == before
    found = actions.get_merge(done.pk)
    assert [one.choices for one in found.merges] == [CHOICES] * 3
    assert [one.undone_at is None for one in found.merges] == [True, False, True]


def test_a_user_that_was_merged_away_meanwhile_gets_nothing_back() -> None:
    make_session(session_id="a", user_id="alice")
    make_session(session_id="b", user_id="bob")
    make_session(user_id="carol")
    done = merge("a", "b", user_id="b")
    assert Session.objects.get(pk="a").user_id == "bob"
    actions.merge_users("carol", absorbed="bob", actor=ALICE)
    undo(done)
    assert Session.objects.get(pk="a").user_id == "alice"
    assert Session.objects.get(pk="b").user_id == "carol"
    make_session(user_id="alice")
    done = merge("a", "b", user_id="b")
    actions.merge_users("carol", absorbed="alice", actor=ALICE)
    undo(done)
    assert Session.objects.get(pk="a").user_id == "carol"


def test_merges_of_merges_are_undone_from_the_top() -> None:
    a, b, c = sessions("a", "b", "c")
    for minute, session in enumerate((a, b, c)):
        said(session, minute, minute + 10)
    before = {name: dump(name) for name in "abc"}
    inner = merge("b", "c")
    between = dump("b")
    outer = merge("a", "b")
    assert prompts("a") == ["a0", "b1", "c2", "a10", "b11", "c12"]
    assert actions.get_session("c").pk == "a"
    with pytest.raises(MergeRefused, match="later"):
        actions.unmerge(inner.pk, actor=ALICE)
    undo(outer)
    assert dump("b") == between
    assert actions.get_session("c").pk == "b"
    undo(inner)
    assert {name: dump(name) for name in "abc"} == before


def test_it_can_be_done_undone_and_done_again() -> None:
    a, b = sessions("a", "b")
    said(a, 1)
    said(b, 2)
    for _ in range(3):
        undo(merge("a", "b"))
    merge("b", "a")
    assert prompts("b") == ["a1", "b2"]
    assert len(actions.merges_of("a")) == 4


# --- Refusals ---


def test_it_merges_all_or_none() -> None:
    said(sessions("a", "b", "c", "d")[1], 1)
    merge("d", "c")
    before = actions.store_digest()
    for absorbed in (["b", "c"], ["b", "nope"], ["b", "a"], []):
        with pytest.raises((MergeRefused, SessionNotFound)):
            actions.merge_sessions("a", absorbed=absorbed, actor=ALICE)
    assert actions.store_digest() == before


def test_a_refusal_names_the_session_and_a_way_out() -> None:
    sessions("a", "b", "c", "t")
    merge("c", "b")
    actions.trash_session("t", actor=ALICE)
    for name, way_out in {"b": "undo the earlier merge", "t": "Restore it", "a": "Choose another"}.items():
        with pytest.raises(MergeRefused) as refused:
            actions.merge_sessions("a", absorbed=["c", name], actor=ALICE)
        assert refused.value.session_id == name
        assert way_out in refused.value.hint


def test_it_merges_no_more_at_once_than_a_page_can_show() -> None:
    names = [f"s{number}" for number in range(actions.MAX_MERGED + 1)]
    sessions(*names)
    with pytest.raises(MergeRefused, match="too many"):
        actions.merge_sessions(names[0], absorbed=names[1:], actor=ALICE)
    assert len(merge(*names[:-1]).merges) == actions.MAX_MERGED - 1


@pytest.mark.parametrize(
    "choices",
    [{"title": "x"}, {"created_at": "a"}, {"title": {"k": "a"}}, {"metadata": "a"}, {"metadata": {"k": "x"}}],
)
def test_it_refuses_choices_that_make_no_sense(choices: dict[str, Any]) -> None:
    sessions("a", "b")
    before = actions.store_digest()
    with pytest.raises(InvalidInput):
        actions.merge_sessions("a", absorbed="b", choices=choices, actor=ALICE)
    assert actions.store_digest() == before


def test_it_refuses_a_result_that_could_not_be_kept() -> None:
    for name in ("a", "b"):
        make_session(session_id=name)
        actions.update_context(name, actor=ALICE, context_summary=name * 3_000_000)
    before = actions.store_digest()
    with pytest.raises(InvalidInput, match="context_summary"):
        actions.merge_sessions("a", absorbed="b", choices={"context_summary": "both"}, actor=ALICE)
    assert actions.store_digest() == before


def test_it_refuses_what_makes_no_sense() -> None:
    said(sessions("a", "b", "c")[0], 1)
    merge("a", "b")
    actions.trash_session("c", actor=ALICE)
    before = actions.store_digest()
    for survivor, absorbed in (("a", "a"), ("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")):
        with pytest.raises(MergeRefused):
            actions.preview_merge(survivor, absorbed)
        with pytest.raises(MergeRefused):
            actions.merge_sessions(survivor, absorbed=absorbed, actor=ALICE)
    for survivor, absorbed in (("a", "x"), ("x", "a"), ("a", "../x"), ("a", "\0")):
        with pytest.raises(SessionNotFound):
            actions.merge_sessions(survivor, absorbed=absorbed, actor=ALICE)
    assert actions.store_digest() == before


def test_it_undoes_a_merge_once() -> None:
    sessions("a", "b")
    done = merge("a", "b")
    undo(done)
    with pytest.raises(MergeRefused):
        actions.unmerge(done.pk, actor=ALICE)
    for name in ("no uuid", str(uuid4()), "", "\0"):
        with pytest.raises(NotFound):
            actions.unmerge(name, actor=ALICE)


def test_it_undoes_nothing_in_the_trash() -> None:
    sessions("a", "b")
    done = merge("a", "b")
    actions.trash_session("a", actor=ALICE)
    with pytest.raises(MergeRefused):
        actions.unmerge(done.pk, actor=ALICE)
    actions.restore_session("b", actor=ALICE)
    undo(done)


def test_a_merge_outlives_the_trash_byte_for_byte() -> None:
    a, b = sessions("a", "b")
    said(a, 1)
    said(b, 2)
    before = dump("a"), dump("b")
    done = merge("a", "b")
    actions.trash_session("a", actor=ALICE)
    actions.resume_session("b", actor=ALICE)
    undo(done)
    assert dump("b") == before[1]
    assert prompts("a") == ["a1"]


@pytest.mark.slow
def test_two_thousand_interactions_merge_in_time() -> None:
    a, b = sessions("a", "b")
    for session, first in ((a, 0), (b, 1)):
        drafts = [draft(prompt=f"{n}", occurred_at=at(0) + timedelta(seconds=2 * n + first)) for n in range(1_000)]
        actions.log_interactions(session.pk, drafts, actor=ALICE)
    before = dump("b")
    done = merge("a", "b")
    assert len(prompts("a")) == 2_000
    undo(done)
    assert dump("b") == before
