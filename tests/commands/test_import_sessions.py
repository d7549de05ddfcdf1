"""`manage.py import_sessions`: everything that is whole comes in once, what is damaged is named and kept."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum

from sessions import actions
from sessions.importers import open_sources
from sessions.models import Import, Interaction, Session
from sessions.records import ImportedInteraction, SessionDraft
from tests.builders import ALICE, log
from tests.importers.builders import record, said, write
from tests.importers.test_bombs import BOMBS, MOST_BYTES, MOST_SECONDS, zipped

from .running import ROOT, environment, everything, run, run_process


def turn(name: str, session: str = "s1") -> list[dict[str, Any]]:
    """A question and its answer, as two records."""
    return [
        record("user", f"{session}-{name}-q", f"question {name}", sessionId=session),
        record("assistant", f"{session}-{name}-a", said(f"answer {name}"), f"{session}-{name}-q", sessionId=session),
    ]


def texts(session_id: str) -> list[str]:
    return [one.prompt or one.response for one in Interaction.objects.of(session_id)]


def kept_aside(data_dir: Path) -> dict[str, bytes]:
    """The damaged lines in the data directory, by the place that they came from."""
    lines = [json.loads(line) for path in (data_dir / "set-aside").iterdir() for line in path.read_text().splitlines()]
    return {line["place"]: base64.b64decode(line["base64"]) for line in lines}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "projects"
    write(folder / "-home-alice" / "s1.jsonl", *turn("one"), *turn("two"))
    write(folder / "-home-bob" / "s2.jsonl", *turn("one", session="s2"))
    return folder


@pytest.fixture
def damaged_tree(tree: Path) -> Path:
    """The same, with a torn line in the midst of one file and at the end of the other."""
    write(tree / "-home-alice" / "s1.jsonl", *turn("one"), b'{"type": "user", "uu', *turn("two"))
    with (tree / "-home-bob" / "s2.jsonl").open("ab") as stream:
        stream.write(b"\xff\xfe not a line\n\0\0\0")
    return tree


def test_it_imports_a_tree_in_order(tree: Path) -> None:
    ran = run("import_sessions", tree)

    assert ran.code == 0
    assert "2 files: 2 sessions created, 6 interactions added, 0 known already" in ran.out
    assert "of" in ran.err
    assert ran.err.endswith("read: 2 sessions, 6 interactions added, 0 known\n")
    assert texts("s1") == ["question one", "answer one", "question two", "answer two"]
    assert run("mirror", "verify").code == 0


def test_it_tells_a_program_what_came_in(tree: Path) -> None:
    told = run("import_sessions", tree, "--json").json
    assert told.pop("import_id") == str(Import.objects.get().pk)
    assert told == {
        "files": 2, "sessions_created": 2, "sessions_touched": 2, "added": 6, "known": 0, "set_aside": {},
        "damaged": [], "damaged_count": 0, "differing": [], "differing_count": 0, "refused": {},
    }  # fmt: skip


def test_it_adds_nothing_again(tree: Path) -> None:
    run("import_sessions", tree)
    before = everything()

    told = run("import_sessions", tree, tree, "--json").json

    assert (told["sessions_created"], told["sessions_touched"], told["added"], told["known"]) == (0, 0, 0, 12)
    assert everything() == before


def test_it_imports_all_around_damaged_lines_and_names_them(damaged_tree: Path, data_dir: Path) -> None:
    ran = run("import_sessions", damaged_tree)

    assert ran.code == 1
    assert "6 interactions added" in ran.out
    assert "3 damaged lines" in ran.out
    assert "set-aside" in ran.out
    for place in ("-home-alice/s1.jsonl:3", "-home-bob/s2.jsonl:3", "-home-bob/s2.jsonl:4"):
        assert f"{damaged_tree}/{place}  " in ran.out
    assert texts("s1") == ["question one", "answer one", "question two", "answer two"]
    assert {place.rpartition("/")[2]: raw for place, raw in kept_aside(data_dir).items()} == {
        "s1.jsonl:3": b'{"type": "user", "uu',
        "s2.jsonl:3": b"\xff\xfe not a line",
        "s2.jsonl:4": b"\0\0\0",
    }


def test_it_says_the_same_of_damage_again_and_adds_nothing(damaged_tree: Path) -> None:
    first = run("import_sessions", damaged_tree, "--json")
    before = everything()

    again = run("import_sessions", damaged_tree, "--json")

    assert first.code == again.code == 1
    assert again.json["damaged"] == first.json["damaged"]
    assert (again.json["added"], again.json["known"]) == (0, 6)
    assert everything() == before


def test_it_adds_only_what_a_longer_version_has_more(tree: Path) -> None:
    run("import_sessions", tree)
    with (tree / "-home-alice" / "s1.jsonl").open("a") as stream:
        stream.writelines(json.dumps(one) + "\n" for one in turn("three"))

    told = run("import_sessions", tree, "--json").json

    assert (told["added"], told["known"], told["sessions_touched"], told["sessions_created"]) == (2, 6, 1, 0)
    assert texts("s1")[-2:] == ["question three", "answer three"]
    assert run("mirror", "verify").code == 0


def test_it_leaves_and_names_what_the_source_says_differently_now(tree: Path) -> None:
    run("import_sessions", tree)
    file = tree / "-home-alice" / "s1.jsonl"
    file.write_text(file.read_text().replace("answer one", "something else"))

    told = run("import_sessions", tree, "--json")

    assert told.code == 0
    assert told.json["differing"] == [f"{file}:2"]
    assert "answer one" in texts("s1")


def test_it_keeps_what_was_logged_here_since(tree: Path) -> None:
    run("import_sessions", tree)
    log("s1", prompt="said here")

    run("import_sessions", tree)

    assert texts("s1")[-1] == "said here"
    assert len(texts("s1")) == 5


def test_it_names_users_and_tags(tree: Path) -> None:
    run("import_sessions", tree, "--user", "carol", "--tag", "work", "--tag", "2025")

    for session in Session.objects.all():
        assert session.user_id == "carol"
        assert set(session.tags.values_list("name", flat=True)) >= {"work", "2025"}


@pytest.mark.parametrize("arguments", [["--user", ""], ["--tag", ""], ["--tag", " "], ["--user", " x"]])
def test_it_refuses_names_that_nobody_has(tree: Path, arguments: list[str]) -> None:
    ran = run("import_sessions", tree, *arguments, "--json")

    assert ran.code != 0
    assert Session.objects.count() == 0


def test_it_imports_one_file_of_a_tree(tree: Path) -> None:
    run("import_sessions", tree / "-home-bob" / "s2.jsonl")

    assert [one.pk for one in Session.objects.all()] == ["s2"]


def test_it_refuses_a_path_that_is_not_there_and_imports_nothing(tree: Path) -> None:
    ran = run("import_sessions", tree, tree / "missing", "--json")

    assert (ran.code, ran.out) == (1, "")
    assert "missing" in ran.err
    assert Session.objects.count() == 0
    assert run("import_sessions").code == 2


def test_it_leaves_what_lies_in_the_trash_and_what_was_purged(tree: Path) -> None:
    run("import_sessions", tree)
    for session_id in ("s1", "s2"):
        actions.trash_session(session_id, actor=ALICE)
    actions.purge_session("s2", actor=ALICE)
    before = everything()

    ran = run("import_sessions", tree, "--json")

    assert ran.code == 1
    assert {name for reason in ran.json["refused"] for name in ("s1", "s2") if repr(name) in reason} == {"s1", "s2"}
    assert everything() == before


def test_it_sets_aside_what_is_no_conversation_and_no_file(tree: Path) -> None:
    (tree / "notes.txt").write_text("hello")
    (tree / "empty.jsonl").touch()
    os.mkfifo(tree / "pipe.jsonl")
    (tree / "link.jsonl").symlink_to("/etc/passwd")
    (tree / os.fsdecode(b"\xff\x1b[2J.jsonl")).write_bytes(b"{ torn")

    ran = run("import_sessions", tree)
    told = run("import_sessions", tree, "--json")

    assert "6 interactions added" in ran.out
    assert "\x1b" not in ran.out
    assert ran.out.encode()
    assert told.out.encode()
    assert told.json["known"] == 6


def test_it_never_quotes_a_damaged_line(tree: Path) -> None:
    torn = b'{"type": "user", "message": "the secret phrase'
    write(tree / "bad.jsonl", *turn("one", session="s3"), torn, b'{"uuid": "the secret phrase"} {}')

    ran = run("import_sessions", tree)

    assert (ran.code, ran.out.count("damaged  ")) == (1, 2)
    assert "the secret phrase" not in ran.out + ran.err


# --- Looking first, stopping, undoing ---


def test_it_tells_what_is_there_and_writes_nothing(tree: Path) -> None:
    before = everything()

    ran = run("import_sessions", tree, "--dry-run", "--json")

    assert (ran.code, ran.json["sessions"], ran.json["new_interactions"], ran.json["messages"]) == (0, 2, 6, 6)
    assert (everything(), Import.objects.count()) == (before, 0)
    assert "Nothing was written" in run("import_sessions", tree, "--dry-run").out


def test_a_dry_run_counts_what_the_import_then_does(damaged_tree: Path) -> None:
    found = run("import_sessions", damaged_tree, "--dry-run", "--json").json
    done = run("import_sessions", damaged_tree, "--json").json

    assert (found["sessions"], found["new_interactions"]) == (done["sessions_created"], done["added"])
    assert (found["damaged"], found["set_aside"]) == (done["damaged"], done["set_aside"])


def test_it_reads_standard_input(tree: Path) -> None:
    with (tree / "-home-bob" / "s2.jsonl").open() as stream:
        ran = run_process("import_sessions", "-", "--json", stdin=stream)
    assert (ran.code, ran.json["added"]) == (0, 2)
    assert run("import_sessions", tree / "-home-bob" / "s2.jsonl", "--json").json["added"] == 0


def test_it_refuses_a_format_that_it_does_not_know_and_names_the_others(tree: Path) -> None:
    ran = run("import_sessions", tree, "--format", "nothing")
    assert (ran.code, "chatgpt" in ran.err, Session.objects.count()) == (2, True, 0)


def test_it_reads_a_file_as_what_it_is_told(tree: Path) -> None:
    ran = run("import_sessions", tree, "--format", "chatgpt", "--json")
    assert (ran.json["added"], ran.json["damaged_count"] > 0) == (0, True)


def test_it_is_listed_and_undone(tree: Path) -> None:
    import_id = run("import_sessions", tree, "--json").json["import_id"]
    assert [one["id"] for one in run("import_sessions", "--list", "--json").json["imports"]] == [import_id]

    undone = run("import_sessions", "--undo", import_id, "--json")

    assert (undone.code, undone.json["trashed_count"]) == (0, 2)
    assert not Session.objects.live().exists()
    assert run("mirror", "verify").code == 0
    assert run("import_sessions", "--undo", "no-such").code == 1


@pytest.mark.parametrize(("name", "code"), [pytest.param("SIGINT", 130, marks=pytest.mark.thorough), ("SIGTERM", 143)])
def test_a_signal_stops_it_and_running_it_again_does_the_rest(tmp_path: Path, name: str, code: int) -> None:
    for number in range(400):
        write(tmp_path / "many" / f"s{number}.jsonl", *turn("one", session=f"s{number}"))
    arguments = [sys.executable, str(ROOT / "manage.py"), "import_sessions", str(tmp_path / "many"), "--json"]
    with subprocess.Popen(arguments, env=environment(), stdout=-1, stderr=-1, text=True) as process:
        deadline = time.monotonic() + 60
        while Session.objects.count() < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(getattr(signal, name))
        out, err = process.communicate(timeout=60)

    assert (process.returncode, "run it again" in err) == (code, True)
    told = json.loads(out)
    assert told["added"] == Interaction.objects.count()
    assert 0 < told["added"] < 800
    assert run("import_sessions", tmp_path / "many", "--json").json["added"] == 800 - told["added"]
    assert run("mirror", "verify").code == 0


# --- The real ones ---


def drafts(folder: Path) -> tuple[dict[str, SessionDraft], set[tuple[str, str]]]:
    """What the importers read in a folder: sessions by ID, and interactions by session and key."""
    events = [event for source in open_sources(folder) for event in source.read()]
    sessions = {event.session_id: event for event in reversed(events) if isinstance(event, SessionDraft)}
    keys = {
        (event.session_id, event.draft.idempotency_key or "")
        for event in events
        if isinstance(event, ImportedInteraction)
    }
    return sessions, keys


def test_it_imports_all_real_transcripts_once(shared_data: Path) -> None:
    folder = shared_data / "claude-code"
    sessions, keys = drafts(folder)

    first = run("import_sessions", folder, "--json")

    assert (first.json["added"], first.json["refused"]) == (len(keys), {})
    assert Interaction.objects.count() == len(keys) > 100
    assert set(Session.objects.values_list("pk", flat=True)) == set(sessions)
    before = everything()
    again = run("import_sessions", folder, "--json").json
    assert (again["added"], again["sessions_created"], again["sessions_touched"]) == (0, 0, 0)
    assert again["differing"] == first.json["differing"]
    assert everything() == before
    assert run("mirror", "verify").code == 0


def test_it_imports_all_documents_of_the_old_system_once(shared_data: Path) -> None:
    folder = shared_data / "legacy-sessions"
    stated = {document["session_id"]: document for document in map(read, sorted(folder.glob("*.json")))}

    first = run("import_sessions", folder, "--json")

    assert first.code == 0
    assert first.json["sessions_created"] == len(stated) == Session.objects.count() == 58
    assert Interaction.objects.count() == 0
    assert Session.objects.aggregate(all=Sum("stated_interactions"))["all"] == sum(
        document["total_interactions"] for document in stated.values()
    )
    for session in Session.objects.all():
        assert session.total_interactions == stated[session.pk]["total_interactions"]
        assert session.last_activity_at.isoformat() == stated[session.pk]["last_activity"] + "+00:00"
    before = everything()
    assert run("import_sessions", folder, "--json").json["sessions_created"] == 0
    assert everything() == before
    assert run("mirror", "verify").code == 0


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.thorough
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_costs_it_little_time_and_memory(bomb: str, tmp_path: Path) -> None:
    """Beyond what a file of one line takes, start and end of the program included."""
    small, large = tmp_path / "small.jsonl", tmp_path / "large.zip"
    write(small, turn("a"))
    zipped(large, BOMBS[bomb])
    (usual_seconds, usual_bytes), (seconds, size_bytes) = (measured("import_sessions", path) for path in (small, large))
    assert seconds - usual_seconds < MOST_SECONDS
    assert size_bytes - usual_bytes < MOST_BYTES
    assert set(Interaction.objects.values_list("session_id", flat=True)) == {"s1"}


def measured(*arguments: object) -> tuple[float, int]:
    """The processor time and the memory that a command takes in a process of its own."""
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, arguments)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
