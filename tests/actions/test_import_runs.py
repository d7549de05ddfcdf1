"""Imports that a person follows: staged, looked at, taken in by the worker, undone."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from sessions import actions
from sessions.actions import ImportReport, import_work
from sessions.errors import Conflict, InvalidInput, NotFound, UploadTooLarge
from sessions.importers import open_sources
from sessions.models import Import, ImportedPart, Interaction, Session
from sessions.records import Actor, Face
from tests.builders import ALICE, log, make_session
from tests.importers.builders import FIXTURES
from tests.mirror.disk import findings

OPENAI = FIXTURES / "openai"


@pytest.fixture(autouse=True)
def idle_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_work, "_worker", import_work._Worker())


def lines(*numbers: int, session_id: str = "s1") -> bytes:
    """An export of our own form would keep IDs; a transcript of another tool is what most people bring."""
    return b"".join(
        json.dumps(
            {
                "type": "user",
                "sessionId": session_id,
                "uuid": f"00000000-0000-4000-8000-{number:012}",
                "parentUuid": f"00000000-0000-4000-8000-{number - 1:012}" if number > 1 else None,
                "timestamp": f"2025-06-01T10:00:{number:02}.000Z",
                "message": {"role": "user", "content": f"p{number}"},
            }
        ).encode()
        + b"\n"
        for number in numbers
    )


def stage(files: Mapping[str, bytes], *, confirmed: bool = True, **options: Any) -> Import:
    pieces = ((name, iter([content])) for name, content in files.items())
    return actions.stage_import(pieces, options=options, actor=ALICE, confirmed=confirmed)


def work(run: Import) -> Import:
    while actions.work_on_imports(seconds=60):
        pass
    run.refresh_from_db()
    return run


def undo(run: Import) -> dict[str, Any]:
    actions.undo_import(run.pk, actor=ALICE)
    assert work(run).state == "undone"
    assert findings() == []
    return dict(run.report["undo"])


def prompts(session_id: str = "s1") -> list[str]:
    return list(Interaction.objects.of(session_id).values_list("prompt", flat=True))


def test_it_looks_at_files_and_waits_for_a_yes() -> None:
    run = work(stage({"a/s1.jsonl": lines(1, 2)}, confirmed=False))
    assert (run.state, run.bytes_done) == ("ready", run.size_bytes)
    found = run.preview
    assert (found["sessions"], found["new_interactions"], found["files"][0]["name"]) == (1, 2, "a/s1.jsonl")
    assert not Session.objects.exists()


def test_it_takes_in_what_was_confirmed() -> None:
    run = work(stage({"s1.jsonl": lines(1, 2)}, confirmed=False))
    actions.confirm_import(run.pk, user_id="bob", tags=["t"], actor=ALICE)
    run = work(run)
    assert (run.state, run.report["sessions_created"], run.report["added"]) == ("done", 1, 2)
    assert (Session.objects.get().user_id, prompts()) == ("bob", ["p1", "p2"])
    part = ImportedPart.objects.get()
    assert (part.session_id, part.is_new, part.first, part.last) == ("s1", True, 1, 2)


def test_a_preview_tells_what_is_known() -> None:
    work(stage({"s1.jsonl": lines(1, 2)}))
    found = work(stage({"s1.jsonl": lines(1, 2, 3)}, confirmed=False)).preview
    assert (found["known_sessions"], found["known_interactions"], found["new_interactions"]) == (1, 2, 1)


def test_taking_files_in_twice_adds_nothing() -> None:
    work(stage({"s1.jsonl": lines(1, 2)}))
    run = work(stage({"elsewhere/s1.jsonl": lines(1, 2)}))
    assert (run.report["added"], run.report["known"], list(run.parts.all())) == (0, 2, [])


def test_places_are_named_as_the_person_names_them() -> None:
    run = work(stage({"mine/s1.jsonl": lines(1) + b'{"type": broken\n' + lines(2)}))
    assert [one["place"] for one in run.report["damaged"]] == ["mine/s1.jsonl:2"]


@pytest.mark.parametrize("name", ["../s1.jsonl", "a/../../s1.jsonl", "..\\s1.jsonl", "/".join("a" * 30)])
def test_it_refuses_a_name_that_leads_elsewhere(name: str, data_dir: Path) -> None:
    with pytest.raises(InvalidInput):
        stage({name: b"x"})
    assert list((data_dir / "imports").iterdir()) == []


def test_an_absolute_name_stays_within_its_folder(data_dir: Path) -> None:
    run = stage({"/etc/passwd": b"x", "etc/passwd": b"y"})
    folder = data_dir / "imports" / str(run.pk)
    assert (folder / "etc/passwd").read_bytes() == b"x"
    assert (folder / "etc/passwd").stat().st_mode & 0o777 == 0o600


def test_it_refuses_more_than_the_limit(settings: Settings, data_dir: Path) -> None:
    settings.SESSIONSITE_MAX_UPLOAD_MB = 1

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    with pytest.raises(UploadTooLarge):
        actions.stage_import([("a", endless())], options={}, actor=ALICE)
    assert list((data_dir / "imports").iterdir()) == []


def test_it_refuses_an_unknown_format_and_names_the_known() -> None:
    with pytest.raises(InvalidInput, match="chatgpt"):
        stage({"a": b"x"}, format="no-such")


def test_cancelling_deletes_the_files(data_dir: Path) -> None:
    run = work(stage({"s1.jsonl": lines(1)}, confirmed=False))
    assert actions.cancel_import(run.pk, actor=ALICE).state == "cancelled"
    assert list((data_dir / "imports").iterdir()) == []
    with pytest.raises(Conflict):
        actions.confirm_import(run.pk, actor=ALICE)


def test_what_was_taken_in_cannot_be_cancelled() -> None:
    run = work(stage({"s1.jsonl": lines(1)}))
    with pytest.raises(Conflict):
        actions.cancel_import(run.pk, actor=ALICE)


def test_it_begins_anew_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stage({f"s{n}.jsonl": lines(1, 2, 3, session_id=f"s{n}") for n in range(5)})
    for _ in range(8):
        actions.work_on_imports(seconds=0)
    part_way = Interaction.objects.count()
    monkeypatch.setattr(import_work, "_worker", import_work._Worker())
    run = work(run)
    assert part_way < 15
    assert (run.report["sessions_created"], run.report["added"], run.report["known"]) == (5, 15, 0)
    assert (Interaction.objects.count(), findings()) == (15, [])


def test_an_owner_gets_all_and_others_lose_nothing() -> None:
    make_session(session_id="s1", user_id="bob")
    log("s1", prompt="theirs")
    run = work(stage({"s1.jsonl": lines(1), "s2.jsonl": lines(1, session_id="s2")}, owner="carol"))
    assert (Session.objects.get(pk="s2").user_id, prompts("s1")) == ("carol", ["theirs"])
    assert sum(run.report["refused"].values()) == 1


def test_a_preview_tells_an_owner_nothing_of_what_others_hold() -> None:
    work(stage({"a.jsonl": lines(1, 2)}, user_id="bob"))
    told = work(stage({"b.jsonl": lines(1, 2)}, confirmed=False, owner="ann")).preview
    assert (told["known_sessions"], told["known_interactions"], told["differing"]) == (0, 0, 0)
    assert told["refused"] == {"A session of this ID is not yours.": 2}


def test_an_import_tells_an_owner_nothing_of_what_others_hold_either() -> None:
    work(stage({"a.jsonl": lines(1, 2)}, user_id="bob"))
    report = work(stage({"b.jsonl": lines(1, 2)}, owner="ann")).report
    assert (report["known"], report["added"], report["refused"]) == (0, 0, {"A session of this ID is not yours.": 2})


def test_an_owner_gets_what_an_export_says_is_somebody_elses() -> None:
    make_session(session_id="s1", user_id="bob", turns=1)
    whole = "".join(actions.export_session("s1")).encode()
    run = work(stage({"a.json": whole.replace(b'"s1"', b'"s2"'), "b.json": whole}, owner="carol"))
    assert (Session.objects.get(pk="s2").user_id, Session.objects.get(pk="s1").user_id) == ("carol", "bob")
    assert sum(run.report["refused"].values()) == 1


@pytest.mark.parametrize("guessed", ["question 1", "something else"])
def test_an_owner_is_not_told_what_is_somebody_elses_by_its_id(guessed: str) -> None:
    """An export under another name, with IDs that another user's interactions have, and a guess of what they say."""
    make_session(session_id="s1", user_id="bob")
    first = log("s1", prompt="question 1")
    log("s1", prompt="question 2", parent_id=first.pk)
    actions.pin_interaction("s1", first.pk, actor=ALICE)
    whole = "".join(actions.export_session("s1")).encode().replace(b'"s1"', b'"s2"')
    files = {"a.json": whole.replace(b"question 1", guessed.encode())}
    told = work(stage(files, confirmed=False, owner="carol")).preview
    assert (told["new_interactions"], told["known_interactions"], told["differing"]) == (2, 0, 0)
    report = work(stage(files, owner="carol")).report
    assert (report["added"], report["known"], report["differing_count"]) == (2, 0, 0)
    assert (prompts("s1"), prompts("s2")) == (["question 1", "question 2"], [guessed, "question 2"])
    ours = Interaction.objects.get(session_id="s2", sequence=1)
    assert Interaction.objects.get(session_id="s2", sequence=2).parent_id == ours.pk != first.pk
    assert Session.objects.get(pk="s2").pins == [str(ours.pk)]
    again = work(stage(files, owner="carol")).report
    assert (again["added"], again["known"], again["differing_count"], findings()) == (0, 2, 0, [])


def test_an_owner_sees_only_their_own() -> None:
    run = stage({"s1.jsonl": lines(1)}, owner="carol")
    stage({"s1.jsonl": lines(1)})
    assert [one.pk for one in actions.list_imports(owner="carol")] == [run.pk]
    with pytest.raises(NotFound):
        actions.get_import(run.pk, owner="bob")


# --- undoing ----------------------------------------------------------------------------------------------------


def test_undoing_puts_what_it_made_into_the_trash() -> None:
    undone = undo(work(stage({"s1.jsonl": lines(1, 2)})))
    row = Session.objects.get()
    assert (undone["trashed_count"], row.trash_reason, prompts()) == (1, "import undone", ["p1", "p2"])


def test_what_was_undone_comes_back_when_restored() -> None:
    undo(work(stage({"s1.jsonl": lines(1, 2)})))
    refused = work(stage({"s1.jsonl": lines(1, 2)})).report
    assert (refused["added"], [*refused["refused"]]) == (0, ["Session 's1' lies in the trash."])
    actions.restore_session("s1", actor=ALICE)
    assert work(stage({"s1.jsonl": lines(1, 2)})).report["known"] == 2


def test_undoing_leaves_a_held_one() -> None:
    run = work(stage({"s1.jsonl": lines(1)}))
    actions.hold_session("s1", actor=ALICE)
    assert [one["reason"] for one in undo(run)["left"]] == ["held; release the hold first"]
    assert Session.objects.get().trashed_at is None


def test_undoing_parts_what_it_added_to_a_session_that_was_there() -> None:
    work(stage({"s1.jsonl": lines(1, 2)}))
    run = work(stage({"s1.jsonl": lines(1, 2, 3, 4)}))
    log("s1", prompt="mine")
    undone = undo(run)
    apart = Session.objects.get(pk=undone["parted"][0]["apart"])
    assert (prompts(), prompts(apart.pk)) == (["p1", "p2", "mine"], ["p3", "p4"])
    assert (apart.trashed_at is not None, apart.interaction_count) == (True, 2)
    assert list(Interaction.objects.of("s1").values_list("sequence", flat=True)) == [1, 2, 3]


def test_what_was_parted_can_be_merged_back() -> None:
    work(stage({"s1.jsonl": lines(1, 2)}))
    apart = undo(work(stage({"s1.jsonl": lines(1, 2, 3)})))["parted"][0]["apart"]
    actions.restore_session(apart, actor=ALICE)
    actions.merge_sessions("s1", absorbed=apart, actor=ALICE)
    assert (prompts(), findings()) == (["p1", "p2", "p3"], [])


def test_undoing_parts_a_session_that_somebody_went_on_with() -> None:
    run = work(stage({"s1.jsonl": lines(1, 2)}))
    log("s1", prompt="mine")
    undone = undo(run)
    assert (prompts(), undone["trashed_count"], undone["parted_count"]) == (["mine"], 0, 1)


def test_undoing_an_earlier_import_leaves_the_later_one_to_undo() -> None:
    first = work(stage({"s1.jsonl": lines(1, 2)}))
    second = work(stage({"s1.jsonl": lines(1, 2, 3)}))
    undo(first)
    assert prompts() == ["p3"]
    assert undo(second)["parted_count"] == 1
    assert prompts() == []


def test_undoing_leaves_what_was_merged_since() -> None:
    run = work(stage({"s1.jsonl": lines(1), "s2.jsonl": lines(5, session_id="s2")}))
    merge = actions.merge_sessions("s1", absorbed="s2", actor=ALICE)
    undone = undo(run)
    assert (undone["left_count"], prompts()) == (2, ["p1", "p5"])
    assert all("undo the merge first" in one["reason"] for one in undone["left"])
    actions.unmerge(merge.pk, actor=ALICE)


def test_pins_go_with_what_is_parted() -> None:
    work(stage({"s1.jsonl": lines(1)}))
    run = work(stage({"s1.jsonl": lines(1, 2)}))
    pinned = Interaction.objects.of("s1").last()
    assert pinned is not None
    actions.pin_interaction("s1", pinned.pk, actor=ALICE)
    apart = undo(run)["parted"][0]["apart"]
    assert (Session.objects.get(pk="s1").pins, Session.objects.get(pk=apart).pins) == ([], [str(pinned.pk)])


def test_undoing_goes_on_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    run = work(stage({f"s{n}.jsonl": lines(1, session_id=f"s{n}") for n in range(4)}))
    actions.undo_import(run.pk, actor=ALICE)
    actions.work_on_imports(seconds=0)
    monkeypatch.setattr(import_work, "_worker", import_work._Worker())
    assert work(run).report["undo"]["trashed_count"] == 4
    assert (run.state, findings()) == ("undone", [])


def test_sessions_of_an_import_are_told_page_by_page() -> None:
    run = work(stage({f"s{n}.jsonl": lines(1, 2, session_id=f"s{n}") for n in range(3)}))
    found = actions.sessions_of_import(run.pk, after="s0", limit=1)
    assert [(one.session_id, one.is_new, one.added, one.title) for one in found] == [("s1", True, 2, "p1")]


# --- the same by whichever way ------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_samples_sent_after_they_came_from_disk_add_nothing(shared_data: Path) -> None:
    files = [path for path in sorted(shared_data.rglob("*")) if path.is_file() and path.stat().st_size < 1_000_000][:60]
    for path in files:
        report = ImportReport()
        for source in open_sources(path):
            actions.import_source(source, actor=ALICE, report=report)
    run = work(stage({str(path.relative_to(shared_data)): path.read_bytes() for path in files}))
    assert (run.state, run.report["added"]) == ("done", 0)
    assert run.report["known"] > 0


def test_undoing_an_import_ends_the_command_that_is_still_at_it(tmp_path: Path) -> None:
    path = tmp_path / "two.jsonl"
    path.write_bytes(lines(1))
    command = Actor("operator", Face.COMMAND)
    recorded = actions.record_import(["two.jsonl"], size_bytes=1, options=actions.checked_options({}), actor=command)
    take = partial(actions.import_source, actor=command, report=recorded.report, on_added=recorded.note)
    take(next(iter(open_sources(path))))
    undone = undo(recorded.run)
    assert [one["session_id"] for one in undone["trashed"]] == ["s1"]
    path.write_bytes(lines(1, session_id="s2"))
    with pytest.raises(Conflict):
        take(next(iter(open_sources(path))))
    recorded.finish("done")
    recorded.run.refresh_from_db()
    assert (recorded.run.state, Session.objects.filter(pk="s2").exists()) == ("undone", False)


def test_what_was_parted_and_merged_back_is_known_to_the_next_import() -> None:
    work(stage({"s1.jsonl": lines(1, 2)}))
    (session_id,) = Session.objects.values_list("pk", flat=True)
    undo(work(stage({"s1.jsonl": lines(1, 2, 3, 4)})))
    apart = Session.objects.exclude(pk=session_id).get().pk
    actions.restore_session(apart, actor=ALICE)
    done = actions.merge_sessions(session_id, absorbed=apart, actor=ALICE)
    again = work(stage({"s1.jsonl": lines(1, 2, 3, 4)}))
    assert (again.report["added"], again.report["known"], prompts(session_id)) == (0, 4, ["p1", "p2", "p3", "p4"])
    actions.unmerge(done.pk, actor=ALICE)
    assert work(stage({"s1.jsonl": lines(1, 2, 3, 4)})).report["added"] == 2
