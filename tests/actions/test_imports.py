"""Taking in what importers found."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions import actions, validation
from sessions.actions import ImportReport
from sessions.actions.import_pieces import Writer
from sessions.errors import InvalidInput
from sessions.importers import open_sources
from sessions.models import Interaction, Session
from sessions.records import ImportedInteraction, ImportEvent, InteractionDraft, SessionDraft, SetAside
from tests.builders import ALICE, draft, log, make_session
from tests.importers.builders import FIXTURES
from tests.mirror.disk import findings, lose_database, reconcile

JUNE = datetime(2025, 6, 1, 10, tzinfo=UTC)


def session(session_id: str = "s1", **fields: Any) -> SessionDraft:
    return SessionDraft(session_id=session_id, source="test", **fields)


def said(number: int, session_id: str = "s1", **fields: Any) -> ImportedInteraction:
    values = {"prompt": f"p{number}", "idempotency_key": f"k{number}", "occurred_at": JUNE, **fields}
    return ImportedInteraction(session_id=session_id, draft=draft(**values), place=f"file:{number}")


def take(*events: ImportEvent) -> ImportReport:
    report = ImportReport()
    actions.import_events(events, actor=ALICE, report=report)
    assert findings() == []
    return report


def import_file(path: Path, **options: Any) -> ImportReport:
    report = ImportReport()
    for source in open_sources(path):
        actions.import_source(source, actor=ALICE, report=report, **options)
    return report


def prompts(session_id: str = "s1") -> Sequence[str]:
    return list(Interaction.objects.of(session_id).values_list("prompt", flat=True))


def test_it_takes_a_session_in() -> None:
    report = take(session(title="T", user_id="bob", tags=["t"]), said(1), said(2))
    row = Session.objects.get()
    assert (report.sessions_created, report.added, report.known) == (1, 2, 0)
    assert (row.pk, row.user_id, row.title, row.source, row.last_activity_at) == ("s1", "bob", "T", "test", JUNE)
    assert prompts() == ["p1", "p2"]


def test_importing_again_adds_nothing() -> None:
    events = session(title="T", metadata={"a": 1}), said(1), said(2)
    take(*events)
    before = actions.store_digest()
    report = take(*events)
    assert (report.sessions_created, report.added, report.known, report.differing_count) == (0, 0, 2, 0)
    assert actions.store_digest() == before


def test_importing_many_again_costs_no_more_queries_than_few(django_assert_num_queries: Any) -> None:
    def events(count: int) -> list[ImportEvent]:
        names = [f"s{number}" for number in range(count)]
        return [
            event for name in names for event in (session(name, title="T", tags=["t"]), said(1, name), said(2, name))
        ]

    take(*events(12))
    with CaptureQueriesContext(connection) as few:
        take(*events(3))
    with django_assert_num_queries(len(few)):
        report = take(*events(12))
    assert (report.added, report.known, report.differing_count) == (0, 24, 0)


def test_of_several_pieces_of_one_session_the_last_word_stands() -> None:
    for name in ("s1", "s2"):
        make_session(session_id=name, title="")
    take(
        session(title="one", metadata={"m": 1}),
        session(title="two", metadata={"m": 2}),
        session("s2"),
        session(title="three", metadata={"m": 3}),
    )
    row = Session.objects.get(pk="s1")
    assert (row.title, row.metadata) == ("three", {"m": 3})


def test_what_a_refused_piece_said_may_be_said_by_the_next() -> None:
    make_session(session_id="s1", title="")
    make_session(session_id="s2", title="")
    too_much = {"m": "x" * (validation.MAX_HEADER_BYTES + 1)}
    report = take(session(title="one"), session(metadata=too_much), session("s2"), session(title="one"))
    assert report.refused
    assert Session.objects.get(pk="s1").title == "one"


def test_what_cannot_even_be_looked_at_costs_its_neighbours_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("s1", "s2"):
        make_session(session_id=name, title="")
    real = Writer._fill_in

    def fill_in(writer: Writer, row: Session, about: SessionDraft) -> bool:
        if about.title == "bad":
            raise InvalidInput("title", "is bad.")
        return real(writer, row, about)

    monkeypatch.setattr(Writer, "_fill_in", fill_in)
    report = take(session(title="bad"), session("s2", title="good"))
    assert [*report.refused] == ["title: is bad."]
    assert Session.objects.get(pk="s2").title == "good"


def test_a_long_header_is_looked_at_alone() -> None:
    make_session(session_id="s1", metadata={"m": "x" * 100_000})
    take(said(1))
    report = take(session(title="T"), said(1), said(2))
    assert (report.added, report.known, Session.objects.get().title) == (1, 1, "T")
    again = take(session(title="T"), said(1), said(2))
    assert (again.added, again.known, again.differing_count) == (0, 2, 0)


def test_a_longer_version_adds_what_is_new() -> None:
    take(session(), said(1))
    report = take(session(), said(1), said(2), said(3))
    assert (report.added, report.known) == (2, 1)
    assert prompts() == ["p1", "p2", "p3"]


def test_what_differs_is_named_and_left() -> None:
    take(session(), said(1), said(2))
    report = take(session(), said(1), said(2, prompt="other"))
    assert (report.differing, report.differing_count) == (["file:2"], 1)
    assert prompts() == ["p1", "p2"]


def test_a_later_draft_amends_and_people_are_not_overruled() -> None:
    take(session(), said(1), session(title="first"), said(2), session(title="last", metadata={"a": 1}))
    assert Session.objects.get().title == "last"
    actions.update_context("s1", actor=ALICE, title="mine", metadata={"a": 2})
    take(session(title="again", metadata={"a": 1, "b": 1}))
    row = Session.objects.get()
    assert (row.title, row.metadata) == ("mine", {"a": 2, "b": 1})


def test_a_large_session_comes_in_batches() -> None:
    report = take(session(), *(said(number) for number in range(1_203)))
    assert report.added == 1_203
    assert Session.objects.get().last_sequence == 1_203
    lose_database()
    before = reconcile()
    assert before.copies.loaded_interactions == 1_203


def test_sources_clocks_do_not_lead_ours() -> None:
    take(session(created_at=datetime(2999, 1, 1, tzinfo=UTC)), said(1, occurred_at=datetime(2999, 1, 1, tzinfo=UTC)))
    assert Session.objects.get().last_activity_at <= timezone.now()


def test_what_cannot_be_kept_is_mended_and_named() -> None:
    report = take(
        session(
            title="nul \0",
            user_id=None,
            tags=["ok", "bad\nname", " ", "x" * 300],
            active_topics=["t" * 2_000, "half \ud800"],
            metadata={"n": 2**70, "f": float("inf"), "s": "\0"},
        ),
        said(1, prompt="nul \0 half \ud83d", tool_parameters={"big": 2**70, "nan": float("nan")}),
        said(2, status="s" * 300, model="m" * 300),
        said(3, source_record=b"x" * 9_000_000),
    )
    assert (report.added, dict(report.refused)) == (3, {})
    first, second, third = Interaction.objects.of("s1")
    assert first.prompt == "nul \ufffd half \ufffd"
    assert first.metadata["altered"] == ["prompt", "tool_parameters"]
    assert (len(second.status), len(second.model)) == (64, 255)
    assert third.source_record is None
    assert sorted(tag.name for tag in Session.objects.get().tags.all()) == ["bad name", "ok", "x" * 100]


def test_what_cannot_be_mended_is_set_aside_and_the_rest_taken() -> None:
    report = take(session(), said(1), said(2, input_tokens=-5), said(3, idempotency_key=""), said(4))
    assert (report.added, report.damaged_count) == (2, 2)
    assert [one.place for one in report.damaged] == ["file:2", "file:3"]
    assert prompts() == ["p1", "p4"]


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x", "", ".", "a/b", "x" * 200, "nul\0"])
def test_an_id_that_is_no_file_name_is_refused(name: str, data_dir: Path) -> None:
    report = take(session(name), said(1, name))
    assert sum(report.refused.values()) >= 1
    assert not Session.objects.exists()


def test_a_purged_session_stays_purged_and_a_trashed_one_in_the_trash() -> None:
    for name in ("purged", "trashed"):
        make_session(session_id=name)
        actions.trash_session(name, actor=ALICE)
    actions.purge_session("purged", actor=ALICE)
    report = take(session("purged"), said(1, "purged"), session("trashed"), said(2, "trashed"), session("s1"), said(3))
    assert len(report.refused) == 2
    assert report.added == 1
    assert prompts("trashed") == []


def test_what_lies_in_the_trash_is_refused_also_where_nothing_of_it_is_new() -> None:
    take(session(), said(1))
    actions.trash_session("s1", actor=ALICE)
    report = take(session(), said(1))
    assert (report.known, len(report.refused)) == (0, 1)


def test_what_is_known_is_tagged_all_the_same(tmp_path: Path) -> None:
    path = FIXTURES / "simonw__sample_session.jsonl"
    import_file(path)
    report = import_file(path, tags=["later"])
    assert report.added == 0
    assert [tag.name for tag in Session.objects.get().tags.all()] == ["later"]


def test_a_merged_session_gets_it_at_its_survivor() -> None:
    take(session("s1"), said(1))
    make_session(session_id="survivor")
    actions.merge_sessions("survivor", absorbed="s1", actor=ALICE)
    report = take(session("s1"), said(1), said(2))
    assert (report.added, report.known) == (1, 1)
    assert prompts("survivor") == ["p1", "p2"]


def test_what_was_logged_here_is_not_repeated() -> None:
    make_session(session_id="s1")
    log("s1", prompt="p1", idempotency_key="k1")
    assert take(session(), said(1)).known == 1


def test_a_parent_is_found_by_its_key_over_batches() -> None:
    events = [said(number) for number in range(501)]
    child = said(900)
    child = replace(child, draft=replace(child.draft, parent_key="k3"))
    take(session(), *events, child)
    parent = Interaction.objects.get(idempotency_key="k3")
    assert Interaction.objects.get(idempotency_key="k900").parent_id == parent.pk


def test_it_counts_what_is_no_interaction() -> None:
    report = take(
        SetAside(place="f:1", reason="a summary", damaged=False), SetAside(place="f:2", reason="not JSON", damaged=True)
    )
    assert dict(report.set_aside) == {"a summary": 1, "not JSON": 1}
    assert [one.place for one in report.damaged] == ["f:2"]


def test_adopting_leaves_a_known_session_as_it_is() -> None:
    assert actions.adopt(session(context_summary="old"), actor=ALICE)
    actions.update_context("s1", actor=ALICE, context_summary="")
    assert not actions.adopt(session(context_summary="old"), actor=ALICE)
    assert Session.objects.get().context_summary == ""


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.jsonl")), ids=lambda path: path.name)
def test_real_transcripts_come_in_once(path: Path) -> None:
    first = import_file(path, tags=["imported"], user_id="bob")
    assert first.added > 0
    assert findings() == []
    before = actions.store_digest()
    again = import_file(path, tags=["imported"], user_id="bob")
    assert (again.added, again.known) == (0, first.added + first.known)
    assert actions.store_digest() == before
    lose_database()
    reconcile()
    assert actions.store_digest() == before
    assert import_file(path).added == 0


def test_damaged_lines_are_kept_to_the_byte(tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "chat.jsonl"
    good = (FIXTURES / "simonw__sample_session.jsonl").read_bytes()
    path.write_bytes(good + b'{"type": "user", broken\n')
    report = import_file(path)
    assert report.damaged_count == 1
    (kept,) = (data_dir / "set-aside").iterdir()
    assert json.loads(kept.read_text().splitlines()[0])["place"].endswith(str(len(good.splitlines()) + 1))


def test_a_draft_of_any_kind_can_be_made_storable() -> None:
    hostile = InteractionDraft(kind="client_request", prompt="\0" * 10, metadata={"a": {"b": [float("nan")] * 3}})  # type: ignore[arg-type]
    validation.interaction(validation.storable(hostile))


def test_what_is_refused_late_costs_its_neighbours_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its interactions are inserted by the time that its header turns out too long for a journal."""
    monkeypatch.setattr(validation, "MAX_HEADER_BYTES", 2_000)
    large = session("large", metadata={"long": "x" * 3_000})
    report = take(session("s1"), said(1), large, said(2, "large"), session("s2"), said(3, "s2"))
    assert (report.added, sum(report.refused.values())) == (2, 1)
    assert set(Interaction.objects.values_list("session_id", flat=True)) == {"s1", "s2"}


def test_what_comes_in_is_searchable_at_once() -> None:
    take(session(title="Harbour"), said(1, prompt="a heron"))
    assert actions.search_debt() == 0
    assert [len(actions.search(word).hits) for word in ("heron", "harbour", "swan")] == [1, 1, 0]
