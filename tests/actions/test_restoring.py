"""Our own exports come in as they were, and come out again without a difference."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings

from sessions import actions
from sessions.actions import ImportReport
from sessions.analytics import tally
from sessions.importers import open_sources
from sessions.models import ActivityMark, Interaction, Merge, Session
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session
from tests.importers.test_fuzz_documents import broken, reshaped
from tests.mirror.disk import findings, lose_database, lose_files, reconcile


def rich_session(session_id: str = "rich") -> Session:
    """A session with something in every corner."""
    session = make_session(session_id=session_id, title="Tïtle", tags=["b", "a"], source="test", metadata={"m": [1]})
    actions.update_context(
        session.pk, actor=ALICE, context_summary="sum", active_topics=["x"], user_preferences={"k": 1}
    )
    first = log(
        session, prompt="p", model="gpt", input_tokens=3, idempotency_key="k1", source_record=b'{"a": "\xc3\xa4"}'
    )
    log(session, kind=InteractionKind.AGENT_RESPONSE, response="one", parent_id=first.pk, source_record=b"\xff\x00")
    log(session, kind=InteractionKind.AGENT_RESPONSE, response="two \U0001f600", reasoning="hm", parent_id=first.pk)
    log(session, kind=InteractionKind.TOOL_CALL, tool_name="grep", tool_parameters={"z": 1, "a": "ä"})
    log(session, kind=InteractionKind.ERROR, error_message="no", status="error", execution_time_ms=1.5, cost_microusd=7)
    actions.pin_interaction(session.pk, first.pk, actor=ALICE)
    actions.add_note(session.pk, "see here", actor=ALICE)
    actions.hold_session(session.pk, reason="keep", actor=ALICE)
    return Session.objects.get(pk=session.pk)


def merged_session() -> Session:
    """A session that absorbed two, one of which was let go again."""
    session = rich_session("survivor")
    for name in ("absorbed", "freed"):
        other = make_session(turns=2, session_id=name, title=name, tags=[name])
        merged = actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    actions.unmerge(merged.pk, actor=ALICE)
    return Session.objects.get(pk=session.pk)


def whole(session_id: str) -> tuple[Any, Any]:
    """What the store says of a session, and what its export does, but for when that was made."""
    document = actions.export_document(session_id)
    document.pop("export_timestamp")
    return actions.session_dump(session_id), document


def as_document(folder: Path, session_id: str) -> Path:
    return written(folder / "export.json", actions.export_session(session_id))


def as_lines(folder: Path, session_id: str) -> Path:
    return written(folder / "export.jsonl", actions.export_session(session_id, "jsonl"))


def as_archive(folder: Path, session_id: str) -> Path:
    path = folder / "export.zip"
    path.write_bytes(b"".join(actions.export_archive([session_id])))
    return path


def as_sorted(folder: Path, session_id: str) -> Path:
    """As a tool writes it that sorts the members: the interactions come ahead of their session."""
    document = actions.export_document(session_id)
    return written(folder / "sorted.json", [json.dumps(document, sort_keys=True, indent=2)])


FORMS = [as_document, as_lines, as_archive, as_sorted]
type Form = Callable[[Path, str], Path]


def written(path: Path, pieces: Iterable[str]) -> Path:
    path.write_text("".join(pieces))
    return path


def take(path: Path, **options: Any) -> ImportReport:
    report = ImportReport()
    for source in open_sources(path):
        actions.import_source(source, actor=ALICE, report=report, **options)
    assert findings() == []
    return report


def lose_everything() -> None:
    lose_database()
    lose_files()


@pytest.mark.parametrize("form", FORMS)
def test_an_export_comes_back_as_it_was(form: Form, tmp_path: Path) -> None:
    session = rich_session()
    before, path = whole(session.pk), form(tmp_path, session.pk)
    lose_everything()
    report = take(path)
    assert (report.sessions_created, report.added, report.known, report.damaged_count) == (1, 5, 0, 0)
    assert whole(session.pk) == before
    lose_database()
    reconcile()
    assert whole(session.pk) == before


@pytest.mark.parametrize("form", FORMS)
def test_importing_it_again_adds_nothing(form: Form, tmp_path: Path) -> None:
    path = form(tmp_path, rich_session().pk)
    before = actions.store_digest()
    for _ in range(2):
        report = take(path)
        assert (report.sessions_created, report.added, report.known, report.differing_count) == (0, 0, 5, 0)
        assert actions.store_digest() == before


@pytest.mark.parametrize("form", FORMS)
def test_merges_come_back_and_can_be_undone(form: Form, tmp_path: Path) -> None:
    session = merged_session()
    before, path = whole(session.pk), form(tmp_path, session.pk)
    lose_everything()
    report = take(path)
    assert (report.damaged_count, whole(session.pk)) == (0, before)
    assert actions.get_session("absorbed").pk == session.pk
    standing = Merge.objects.get(absorbed_id="absorbed")
    actions.unmerge(standing.pk, actor=ALICE)
    assert (actions.get_session("absorbed").title, Interaction.objects.of("absorbed").count()) == ("absorbed", 2)
    assert findings() == []


def test_a_longer_export_adds_what_is_new(tmp_path: Path) -> None:
    session = rich_session()
    shorter = as_document(tmp_path, session.pk)
    log(session, prompt="later", idempotency_key="k2")
    longer = written(tmp_path / "longer.json", actions.export_session(session.pk))
    before = whole(session.pk)
    lose_everything()
    assert take(shorter).added == 5
    report = take(longer)
    assert (report.added, report.known) == (1, 5)
    assert whole(session.pk) == before


def test_a_large_export_comes_in_parts(tmp_path: Path) -> None:
    session = make_session(session_id="large")
    drafts = [draft(prompt=f"p{n}") for n in range(1_203)]
    actions.log_interactions(session.pk, drafts, actor=ALICE)
    before, path = whole(session.pk), as_document(tmp_path, session.pk)
    lose_everything()
    assert take(path).added == 1_203
    assert whole(session.pk) == before


def test_what_was_changed_here_stays_and_is_named(tmp_path: Path) -> None:
    session = rich_session()
    path = as_document(tmp_path, session.pk)
    actions.update_context(session.pk, actor=ALICE, title="mine")
    report = take(path)
    assert (report.differing, Session.objects.get().title) == ([f"{path}:1"], "mine")


def test_an_interaction_that_another_session_has_is_known(tmp_path: Path) -> None:
    session = merged_session()
    path = as_document(tmp_path, session.pk)
    actions.unmerge(Merge.objects.get(absorbed_id="absorbed").pk, actor=ALICE)
    report = take(path)
    assert (report.added, report.known) == (0, 7)
    assert Interaction.objects.of("absorbed").count() == 2


def test_a_session_that_is_here_is_not_merged_by_an_export(tmp_path: Path) -> None:
    session = merged_session()
    path = as_document(tmp_path, session.pk)
    lose_everything()
    make_session(session_id="absorbed")
    report = take(path)
    assert report.set_aside == {"a merge with a session that is here by itself": 1}
    assert report.damaged_count == 0
    assert actions.get_session("absorbed").pk == "absorbed"


@pytest.mark.parametrize("form", [as_document, as_lines])
def test_an_export_that_is_cut_off_gives_what_is_whole_and_is_named(form: Form, tmp_path: Path) -> None:
    path = form(tmp_path, rich_session().pk)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"error_message")])
    lose_everything()
    report = take(path)
    assert (report.added, report.damaged_count >= 1, Session.objects.get().title) == (4, True, "Tïtle")


def test_tags_and_users_of_the_import_are_added(tmp_path: Path) -> None:
    session = make_session(turns=1, user_id="anonymous", tags=["own"])
    path = as_document(tmp_path, session.pk)
    lose_everything()
    take(path, user_id="bob", tags=["imported"])
    row = Session.objects.get()
    assert (row.user_id, sorted(row.tags.values_list("name", flat=True))) == ("bob", ["imported", "own"])


@pytest.mark.parametrize(
    "change",
    [
        {"session_info": {"session_id": "../../etc/passwd"}},
        {"session_info": {"session_id": "x", "created_at": "yesterday"}},
        {"session_info": []},
        {"export_version": 99},
        {"session_info": {"session_id": "x\0"}},
    ],
)
def test_a_session_that_no_store_may_hold_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    document = actions.export_document(rich_session().pk)
    if isinstance(change.get("session_info"), dict):
        change = {"session_info": document["session_info"] | change["session_info"]}
    path = written(tmp_path / "export.json", [json.dumps(document | change)])
    lose_everything()
    report = take(path)
    assert report.damaged_count + sum(report.refused.values()) >= 1
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"id": "not an ID"},
        {"sequence": 0},
        {"kind": "dream"},
        {"input_tokens": -1},
        {"source_record": {"base64": "?"}},
        {"origins": [{}]},
        {"occurred_at": "2020-01-01"},
        {"prompt": "\0"},
    ],
)
def test_an_interaction_that_no_store_may_hold_costs_no_other(tmp_path: Path, change: dict[str, Any]) -> None:
    document = actions.export_document(rich_session().pk)
    document["interactions"][1] |= change
    path = written(tmp_path / "export.json", [json.dumps(document)])
    lose_everything()
    report = take(path)
    assert (report.added, report.damaged_count) == (4, 1)
    assert [one.place for one in report.damaged] == [f"{path}:interactions[1]"]


def test_a_leap_in_the_numbers_is_not_believed(tmp_path: Path) -> None:
    document = actions.export_document(rich_session().pk)
    document["interactions"][1]["sequence"] = 2**63 - 1
    path = written(tmp_path / "export.json", [json.dumps(document)])
    lose_everything()
    assert take(path).added == 5
    assert list(Interaction.objects.of("rich").values_list("sequence", flat=True)) == [1, 2, 3, 4, 5]


def test_the_trash_and_a_purge_are_not_undone(tmp_path: Path) -> None:
    session = rich_session()
    path = as_document(tmp_path, session.pk)
    actions.release_hold(session.pk, actor=ALICE)
    actions.trash_session(session.pk, actor=ALICE)
    assert sum(take(path).refused.values()) == 5
    actions.purge_session(session.pk, actor=ALICE)
    assert sum(take(path).refused.values()) == 5
    assert not Session.objects.exists()


def test_what_came_back_is_counted_by_day(tmp_path: Path) -> None:
    session = rich_session()
    path = as_document(tmp_path, session.pk)
    tally.forget()
    ActivityMark.objects.update(counted_before=UUID(int=2**128 - 1))
    lose_everything()
    take(path)
    assert tally.is_exact()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(reshaped() | broken())
def test_no_export_of_anybody_ever_raises(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz.json"
    path.write_bytes(data)
    take(path)
    before = actions.store_digest()
    take(path)
    assert actions.store_digest() == before
    lose_everything()
