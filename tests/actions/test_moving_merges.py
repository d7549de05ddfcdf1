"""A merged session moves to another store whole: with what its absorbed sessions have still, and what they absorbed."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from sessions import actions
from sessions.actions import ImportReport, import_pieces
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


def say(session_id: str, *numbers: int) -> None:
    drafts = [draft(prompt=f"{number}", idempotency_key=f"{number}") for number in numbers]
    actions.log_interactions(session_id, drafts, actor=ALICE)


def two_merged(ours: list[int], theirs: list[int]) -> Merge:
    """`b`, which said theirs, merged into `a`, which said ours."""
    for name, numbers in (("a", ours), ("b", theirs)):
        make_session(session_id=name)
        say(name, *numbers)
    return actions.merge_sessions("a", absorbed="b", actor=ALICE).merges[0]


def test_another_merge_of_the_same_sessions_is_not_taken_for_this_one(tmp_path: Path) -> None:
    """It left more with `b`, which this one moved, and which undoing this one gives back."""
    two_merged([1, 2, 3], [1, 2, 3, 4])
    path = as_document(tmp_path, "a")
    lose_everything()
    merge = two_merged([1, 2], [1, 2, 3, 4])
    report = take(path)
    assert report.set_aside == {"a merge of a session that was here before": 1, COMMON: 3}
    actions.unmerge(merge.pk, actor=ALICE)
    assert said()["b"] == ["1", "2", "3", "4"]
    assert findings() == []


def test_what_a_damaged_export_lacked_gets_its_own_place(tmp_path: Path) -> None:
    two_merged([1, 3], [1, 2, 3, 4])
    document = actions.export_document("a")
    whole_one = written(tmp_path / "whole.json", [json.dumps(document)])
    document["absorbed"][0]["interaction"]["sequence"] = "x"
    lose_everything()
    assert take(written(tmp_path / "damaged.json", [json.dumps(document)])).damaged_count == 1
    assert (take(whole_one).set_aside, said()["b"]) == ({}, ["1", "3"])
    actions.unmerge(Merge.objects.get().pk, actor=ALICE)
    assert said()["b"] == ["1", "2", "3", "4"]
    assert findings() == []


def test_nothing_that_a_file_says_keeps_a_merge_from_being_undone(tmp_path: Path) -> None:
    """Here the place and the key of what the merge took along."""
    merge = two_merged([1], [1, 2, 3])
    document = actions.export_document("a")
    forged = json.loads(json.dumps(document["absorbed"][0]))
    forged["interaction"] |= {"id": str(uuid4()), "sequence": 2, "idempotency_key": "2", "prompt": "forged"}
    document["absorbed"].append(forged)
    take(written(tmp_path / "forged.json", [json.dumps(document)]))
    actions.unmerge(merge.pk, actor=ALICE)
    rows = Interaction.objects.of("b").order_by("sequence").values_list("prompt", "idempotency_key")
    assert list(rows) == [("1", "1"), ("forged", "2"), ("3", "3"), ("2", None)]
    assert findings() == []


def test_an_undone_merge_with_a_session_that_is_here_takes_nothing_else_along(tmp_path: Path) -> None:
    """`b`, which absorbed `c`, was a part of `s` for a while."""
    for name in "abcs":
        make_session(session_id=name, turns=1)
    for_a_while = actions.merge_sessions("s", absorbed="b", actor=ALICE)
    actions.unmerge(for_a_while.pk, actor=ALICE)
    actions.merge_sessions("b", absorbed="c", actor=ALICE)
    actions.merge_sessions("a", absorbed=["s", "b"], actor=ALICE)
    path = as_document(tmp_path, "a")
    lose_everything()
    make_session(session_id="s", turns=1)
    assert take(path).damaged_count == 0
    assert (actions.get_session("c").pk, actions.get_session("s").pk) == ("a", "s")


@pytest.mark.parametrize(
    "change",
    [
        {"absorbed_id": "a"},
        {"absorbed_id": "a\0b"},
        {"absorbed_id": "\ud800"},
        {"survivor_id": "\ud800"},
        {"survivor_before": {"user_id": []}},
        {"merged_by": "\0"},
        {"survivor_after": {}},
        {"absorbed_before": {"user_id": "\0"}},
    ],
)
def test_a_merge_that_no_store_may_hold_costs_no_other(change: dict[str, Any], tmp_path: Path) -> None:
    for name in "abc":
        make_session(session_id=name, turns=1)
    for name in "bc":
        actions.merge_sessions("a", absorbed=name, actor=ALICE)
    document = actions.export_document("a")
    document["merges"][0] |= change
    lose_everything()
    report = take(written(tmp_path / "export.json", [json.dumps(document)]))
    assert (report.added, report.damaged_count) == (3, 1)
    assert (actions.get_session("c").pk, Session.objects.filter(pk="b").exists()) == ("a", False)
    actions.unmerge(Merge.objects.get().pk, actor=ALICE)
    assert said()["c"] == ["request 1"]


def test_an_owner_holds_no_other_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, held = as_document(tmp_path, family().pk), list[str]()
    lose_everything()
    monkeypatch.setattr(import_pieces, "hold_users", held.extend)
    for source in open_sources(path):
        for _ in import_steps(source, actor=ALICE, report=ImportReport(), owner="bob"):
            pass
    assert held == ["bob"]


def test_an_owner_brings_none_of_it(tmp_path: Path) -> None:
    path, report = as_document(tmp_path, family().pk), ImportReport()
    lose_everything()
    for source in open_sources(path):
        for _ in import_steps(source, actor=ALICE, report=report, owner="bob"):
            pass
    assert (report.added, report.set_aside) == (5, {})
    assert {session_id: len(prompts) for session_id, prompts in said().items()} == {"a": 5}
    assert findings() == []


def test_its_page_tells_of_its_own_merges_alone() -> None:
    page = "".join(actions.export_session(family().pk, "html"))
    assert "Merged with <code>b</code>" in page
    assert "Merged with <code>c</code>" not in page


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
