"""`manage.py list_sessions`, `merge_sessions` and `export_sessions`."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from sessions import actions
from sessions.models import Merge, Session
from tests.builders import ALICE, log, make_session

from .running import everything, run, run_process


def listed(*arguments: object) -> list[str]:
    return [row["session_id"] for row in run("list_sessions", "--json", *arguments).json["sessions"]]


# --- list_sessions ---


def test_it_lists_the_latest_first() -> None:
    old, new = make_session(turns=2, idle_days=3, title="Bread"), make_session(user_id="bob")

    ran = run("list_sessions")

    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.out.splitlines()] == [new.pk, old.pk]
    assert "2  alice  Bread" in ran.out
    (_, row) = run("list_sessions", "--json").json["sessions"]
    assert row == {
        "session_id": old.pk,
        "state": "active",
        "last_activity": old.last_activity_at.isoformat(),
        "total_interactions": 2,
        "user_id": "alice",
        "title": "Bread",
    }


def test_it_lists_nothing_of_an_empty_store() -> None:
    assert run("list_sessions").out == "No sessions.\n"
    assert run("list_sessions", "--json").json == {"sessions": [], "next_cursor": ""}


def test_it_lists_by_state() -> None:
    active, expired, held, trashed, merged = [make_session().pk for _ in range(5)]
    Session.objects.filter(pk=expired).update(last_activity_at=timezone.now() - timedelta(days=8))
    actions.hold_session(held, actor=ALICE)
    actions.trash_session(trashed, actor=ALICE)
    actions.merge_sessions(active, absorbed=merged, actor=ALICE)

    expected = {
        "active": {active, held}, "expired": {expired}, "held": {held}, "trashed": {trashed}, "merged": {merged},
        "all": {active, expired, held, trashed, merged},
    }  # fmt: skip
    assert {state: set(listed("--state", state)) for state in expected} == expected
    assert run("list_sessions", "--state", "lost").code == 2


def test_it_lists_by_user_source_and_tag() -> None:
    one = make_session(user_id="bob", source="mcp", tags=["bread"])
    make_session(user_id="alice", source="rest", tags=["tea"])

    assert listed("--user", "bob") == listed("--source", "mcp") == listed("--tag", "bread") == [one.pk]
    assert listed("--user", "bob", "--tag", "tea") == []


def test_it_pages_through_all_by_the_cursor_it_prints() -> None:
    every = {make_session().pk for _ in range(5)}
    seen, arguments = [], ["--limit", "2"]
    while True:
        *lines, last = run("list_sessions", *arguments).out.splitlines()
        seen += [line.split()[0] for line in lines]
        if not last.startswith("More: --cursor "):
            seen.append(last.split()[0])
            break
        arguments = ["--limit", "2", *last.removeprefix("More: ").split()]

    assert len(seen) == 5
    assert set(seen) == every


@pytest.mark.parametrize(
    "arguments",
    [["--limit", "0"], ["--limit", "501"], ["--limit", "x"], ["--cursor", "?"], ["--user", ""], ["--tag", ""]],
)
def test_it_refuses_what_no_list_has(arguments: list[str]) -> None:
    make_session()

    ran = run("list_sessions", "--json", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert arguments[0].strip("-") in ran.err


def test_a_title_cannot_steer_the_terminal_nor_forge_a_line() -> None:
    session = make_session(title="one\n\x1b[2Jtwo\u202e")

    out = run("list_sessions").out

    assert out.count("\n") == 1
    assert "one \\x1b[2Jtwo\\u202e" in out
    assert run("list_sessions", "--json").json["sessions"][0]["title"] == session.title


def test_it_prints_what_a_poor_terminal_can_show() -> None:
    make_session(title="日本 🆕")

    ran = run_process("list_sessions", PYTHONIOENCODING="ascii")

    assert ran.code == 0
    assert "\\u65e5\\u672c \\U0001f195" in ran.out


# --- merge_sessions ---


def test_it_merges_and_takes_back_by_the_line_it_prints() -> None:
    survivor, absorbed = make_session(turns=2), make_session(turns=1)
    digest = actions.store_digest()

    ran = run("merge_sessions", survivor.pk, absorbed.pk)

    assert (ran.code, ran.err) == (0, "")
    assert actions.get_session(absorbed.pk).pk == survivor.pk
    assert actions.get_session(survivor.pk).interaction_count == 3
    undone = run("merge_sessions", *ran.out.split("merge_sessions ")[1].split())
    assert (undone.code, undone.out) == (0, f"Undone: {absorbed.pk} is a session of its own again.\n")
    assert actions.get_session(absorbed.pk).interaction_count == 1
    assert run("mirror", "verify").code == 0
    assert actions.store_digest() != digest  # it remembers that there was a merge


def test_it_tells_a_program_of_the_merge() -> None:
    survivor, absorbed = make_session(), make_session()

    told = run("merge_sessions", survivor.pk, absorbed.pk, "--json").json

    assert told == {"merge": str(Merge.objects.get().pk), "survivor": survivor.pk, "absorbed": absorbed.pk}
    assert run("merge_sessions", "--undo", told["merge"], "--json").json == told


def test_it_merges_several_at_once_and_keeps_what_it_is_told_to() -> None:
    names = [make_session(session_id=name, title=name.upper(), metadata={"k.l": name}).pk for name in "abc"]

    told = run("merge_sessions", *names, "--keep", "title=c", "--keep", "metadata.k.l=b", "--json").json

    assert (told["survivor"], told["absorbed"]) == ("a", ["b", "c"])
    assert (actions.get_session("c").title, actions.get_session("c").metadata) == ("C", {"k.l": "b"})
    undone = run("merge_sessions", "--undo", told["merge"])
    assert undone.out == "Undone: b, c are sessions of their own again.\n"
    assert actions.get_session("a").title == "A"


@pytest.mark.parametrize(
    "keep", [["title"], ["title="], ["=a"], ["metadata=a", "metadata.k=a"], ["title=x"], ["x=a"], ["metadata=a"]]
)
def test_it_refuses_to_keep_what_makes_no_sense(keep: list[str]) -> None:
    names = [make_session(session_id=name).pk for name in "ab"]
    before = everything()

    ran = run("merge_sessions", *names, *(word for one in keep for word in ("--keep", one)))

    assert (ran.code, ran.out) == (2, "")
    assert everything() == before


def test_it_shows_what_would_be_combined_and_changes_nothing() -> None:
    survivor, absorbed = make_session(turns=2), make_session(turns=3)
    actions.update_context(survivor.pk, context_summary="ours", actor=ALICE)
    actions.update_context(absorbed.pk, context_summary="theirs", actor=ALICE)
    before = everything()

    ran = run("merge_sessions", survivor.pk, absorbed.pk, "--dry-run")
    told = run("merge_sessions", survivor.pk, absorbed.pk, "--dry-run", "--json").json

    assert ran.code == 0
    assert (told["from_survivor"], told["conflicts"]) == (2, ["context_summary"])
    assert told["total"] == told["from_survivor"] + told["from_absorbed"]
    assert told["from_absorbed"] + told["duplicates"] == 3
    assert f"make {told['total']};" in ran.out
    assert everything() == before


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_it_refuses_to_merge_what_cannot_be(dry: list[str]) -> None:
    one, trashed = make_session(turns=1), make_session(turns=1)
    actions.trash_session(trashed.pk, actor=ALICE)
    before = everything()

    for pair, reason in {
        (one.pk, "unknown"): "There is no session 'unknown'",
        ("../x", one.pk): "There is no session '../x'",
        (one.pk, one.pk): "into itself",
        (one.pk, trashed.pk): "lies in the trash",
    }.items():
        ran = run("merge_sessions", *pair, *dry, "--json")
        assert (ran.code, ran.out) == (1, ""), pair
        assert reason in ran.err, pair
    assert everything() == before


def test_it_refuses_to_take_back_what_was_not_merged() -> None:
    make_session()
    before = everything()

    for merge in ("nonsense", "01890000-0000-7000-8000-000000000000"):
        ran = run("merge_sessions", "--undo", merge)
        assert (ran.code, ran.out) == (1, "")
        assert "There is no merge" in ran.err
    assert everything() == before


def test_it_refuses_a_call_that_could_mean_two_things() -> None:
    survivor, absorbed, third = make_session(), make_session(), make_session()
    merge = run("merge_sessions", survivor.pk, absorbed.pk, "--json").json["merge"]
    before = everything()

    for arguments in (
        [], [survivor.pk], ["--undo", merge, "--dry-run"], ["--undo", merge, survivor.pk, third.pk],
        [survivor.pk, third.pk, "--undo", ""],
    ):  # fmt: skip
        ran = run("merge_sessions", *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
    assert everything() == before


# --- export_sessions ---


def test_it_exports_one_session_whole_to_standard_output() -> None:
    session = make_session(turns=3, title="日本")
    before = everything()

    ran = run("export_sessions", session.pk)

    assert (ran.code, ran.err) == (0, "")
    assert ran.json["session_info"]["title"] == "日本"
    assert [one["sequence"] for one in ran.json["interactions"]] == [1, 2, 3]
    assert everything() == before


def test_it_exports_several_into_a_folder(tmp_path: Path) -> None:
    one, other = make_session(turns=1), make_session(turns=2)
    folder = tmp_path / "new" / "exports"

    ran = run("export_sessions", one.pk, other.pk, "--to", folder, "--json")

    assert (ran.code, ran.json["written"], ran.json["folder"]) == (0, 2, str(folder))
    documents = [json.loads((folder / f"{pk}.json").read_text()) for pk in (one.pk, other.pk)]
    assert [len(document["interactions"]) for document in documents] == [1, 2]
    names = {f"{one.pk}.json", f"{other.pk}.json", "manifest.jsonl"}
    assert {path.name for path in folder.iterdir()} == names


def test_it_exports_a_merged_session_as_its_survivor(tmp_path: Path) -> None:
    survivor, absorbed = make_session(turns=1), make_session()
    log(absorbed, prompt="from the other")
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)

    assert len(run("export_sessions", absorbed.pk).json["interactions"]) == 2
    run("export_sessions", absorbed.pk, "--to", tmp_path / "exports")
    assert {path.stem for path in (tmp_path / "exports").iterdir()} == {survivor.pk, "manifest"}


def test_it_refuses_what_it_cannot_export_and_writes_nothing(tmp_path: Path) -> None:
    session = make_session(turns=1)

    unknown = run("export_sessions", "unknown", "--json")
    assert (unknown.code, unknown.out) == (1, "")
    assert "There is no session 'unknown'" in unknown.err
    assert run("export_sessions", session.pk, "unknown").code == 2
    assert run("export_sessions").code == 2
    assert run("export_sessions", session.pk, "unknown", "--to", tmp_path / "exports").code == 1
    assert not (tmp_path / "exports").exists()


def test_it_exports_two_ids_of_one_session_once(tmp_path: Path) -> None:
    survivor, absorbed = make_session(), make_session()
    actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)

    assert run("export_sessions", absorbed.pk, survivor.pk, "--to", tmp_path, "--json").json["written"] == 1


def test_it_ends_quietly_when_the_reader_of_its_pipe_leaves() -> None:
    session = make_session()
    log(session, response="x" * 500_000)
    reading, writing = os.pipe()
    os.close(reading)

    ran = run_process("export_sessions", session.pk, stdout=writing)

    os.close(writing)
    assert (ran.code, ran.err) == (1, "")
