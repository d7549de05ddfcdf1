"""A merged session moves to another store whole: with what its absorbed sessions have still, and what they absorbed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sessions import actions
from sessions.actions import ImportReport
from sessions.actions.import_preview import preview
from sessions.actions.imports import import_steps
from sessions.exporters.schema import schema
from sessions.importers import open_sources
from sessions.models import Interaction, Merge, Session
from tests.builders import ALICE, draft, log, make_session
from tests.mirror.disk import findings, lose_database, reconcile

from .test_restoring import FORMS, Form, as_document, as_lines, lose_everything, take, whole, written

COMMON = "an interaction of an absorbed session that is not one here"


def family(turns: int = 0) -> Session:
    """`a` absorbed `b`, which had absorbed `c` and let `d` go; all four say the same under one key, and more."""
    for name in "abcd":
        make_session(session_id=name, title=name, tags=[name])
        drafts = [draft(prompt="the same", idempotency_key="k"), draft(prompt=f"{name}'s own")]
        drafts += [draft(prompt=f"{number}", idempotency_key=f"{number}") for number in range(turns)]
        actions.log_interactions(name, drafts, actor=ALICE)
    freed = actions.merge_sessions("b", absorbed="d", actor=ALICE)
    actions.merge_sessions("b", absorbed="c", actor=ALICE)
    actions.unmerge(freed.pk, actor=ALICE)
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    log(Session.objects.get(pk="a"), prompt="said since")
    return Session.objects.get(pk="a")


def said() -> Mapping[str, list[str]]:
    """What each session holds."""
    rows = Interaction.objects.exclude(session_id="d").order_by("session_id", "sequence")
    found: dict[str, list[str]] = {}
    for session_id, prompt in rows.values_list("session_id", "prompt"):
        found.setdefault(session_id, []).append(prompt)
    return found


def part_all() -> None:
    for survivor in ("a", "b"):
        for merge in Merge.objects.filter(survivor_id=survivor, undone_at=None):
            actions.unmerge(merge.pk, actor=ALICE)


@pytest.mark.parametrize("form", FORMS)
def test_undoing_the_merges_gives_back_in_the_other_store_what_it_does_here(form: Form, tmp_path: Path) -> None:
    session = family()
    before, path, here = whole(session.pk), form(tmp_path, session.pk), said()
    part_all()
    parted = said()
    assert parted["c"] == ["the same", "c's own"] != here.get("c")
    lose_everything()
    report = take(path)
    assert (report.added, report.known, report.damaged_count, report.set_aside) == (5, 0, 0, {})
    assert (whole(session.pk), said()) == (before, here)
    assert actions.get_session("c").pk == "a"
    lose_database()
    reconcile()
    assert (whole(session.pk), said()) == (before, here)
    part_all()
    assert said() == parted
    assert findings() == []


def test_a_retry_of_what_they_had_in_common_is_known_in_the_other_store(tmp_path: Path) -> None:
    path = as_document(tmp_path, family().pk)
    lose_everything()
    take(path)
    before = said()
    for name in "abc":
        actions.log_interactions(name, [draft(prompt="the same", idempotency_key="k")], actor=ALICE)
    assert said() == before


@pytest.mark.parametrize("form", FORMS)
def test_importing_it_again_adds_nothing_and_counts_what_the_preview_does(form: Form, tmp_path: Path) -> None:
    path = form(tmp_path, family().pk)
    before = actions.store_digest()
    foreseen = preview(open_sources(path))
    report = take(path)
    assert (report.added, report.known, report.set_aside) == (0, 5, {})
    assert (foreseen["new_interactions"], foreseen["known_interactions"]) == (0, 5)
    assert actions.store_digest() == before
    lose_everything()
    assert preview(open_sources(path))["new_interactions"] == take(path).added == 5


def test_an_import_that_broke_off_ahead_of_it_is_made_whole_by_the_next(tmp_path: Path) -> None:
    session = family()
    before, path = said(), as_lines(tmp_path, session.pk)
    lines = path.read_text().splitlines()
    broken = written(tmp_path / "broken.jsonl", (f"{one}\n" for one in lines if '"kind": "absorbed"' not in one))
    lose_everything()
    report = take(broken)
    assert [one.reason for one in report.damaged] == ["an export that was cut off"]
    assert said() != before
    assert (take(path).set_aside, said()) == ({}, before)


def test_what_fills_several_batches_comes_whole(tmp_path: Path) -> None:
    session = family(turns=700)
    before, path = (whole(session.pk), said()), as_document(tmp_path, session.pk)
    assert len(before[1]["b"]) > 700
    lose_everything()
    take(path)
    assert (whole(session.pk), said()) == before
    part_all()
    assert len(said()["c"]) == 702


def test_an_absorbed_session_that_is_here_by_itself_stays_as_it_is(tmp_path: Path) -> None:
    path = as_document(tmp_path, family().pk)
    lose_everything()
    make_session(session_id="b", title="mine", turns=1)
    report = take(path)
    merges = "a merge with a session that is here by itself"
    # b's merge, c's into it, and that of d, which was undone.
    assert (report.damaged_count, report.set_aside) == (0, {merges: 3, COMMON: 2})
    assert said()["b"] == ["request 1"]
    assert not Session.objects.filter(pk="c").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"session_id": None}, "an interaction of a session without an ID"),
        ({"session_id": "../b"}, COMMON),
        ({"session_id": "a"}, COMMON),
        ({"session_id": "d"}, COMMON),
        ({"interaction": []}, "The line's data lacks"),
        ({"interaction": {"kind": "dream"}}, "The line's data lacks"),
    ],
)
def test_what_belongs_nowhere_is_named_and_costs_no_other(change: dict[str, Any], reason: str, tmp_path: Path) -> None:
    document = actions.export_document(family().pk)
    assert [one["session_id"] for one in document["absorbed"]] == ["b", "c"]
    document["absorbed"][0] |= change
    path = written(tmp_path / "export.json", [json.dumps(document)])
    lose_everything()
    make_session(session_id="d", turns=1)
    report = take(path)
    assert (report.added, sum(report.set_aside.values())) == (5, 1)
    assert next(iter(report.set_aside)).startswith(reason)
    assert said()["c"] == ["the same"]


def test_an_owner_brings_none_of_it(tmp_path: Path) -> None:
    path = as_document(tmp_path, family().pk)
    lose_everything()
    for source in open_sources(path):
        for _ in import_steps(source, actor=ALICE, report=ImportReport(), owner="bob"):
            pass
    assert {session_id: len(prompts) for session_id, prompts in said().items()} == {"a": 5}
    assert findings() == []


def test_a_circle_of_merges_is_gone_round_once() -> None:
    session = family()
    Merge.objects.filter(absorbed_id="c").update(absorbed_id="a")
    assert len(actions.export_document(session.pk)["merges"]) == 3


@pytest.mark.parametrize("form", [as_document, as_lines])
def test_it_is_as_its_schema_says(form: Form, tmp_path: Path) -> None:
    path = form(tmp_path, family().pk)
    if form is as_document:
        Draft202012Validator(schema()).validate(json.loads(path.read_text()))
        return
    line = {**schema()["$defs"]["line"], "$defs": schema()["$defs"]}
    lines = [json.loads(one) for one in path.read_text().splitlines()]
    for one in lines:
        Draft202012Validator(line).validate(one)
    assert [one["kind"] for one in lines if one["kind"] in ("absorbed", "end")] == ["absorbed", "absorbed", "end"]
    assert lines[-1] == {"kind": "end", "interactions": 5, "absorbed": 2}
