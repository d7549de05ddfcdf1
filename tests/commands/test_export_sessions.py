"""`manage.py export_sessions` of many: into a folder, into a ZIP, in any format; gone on with, and verified."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sessions import actions
from sessions.exporters import catalogue
from tests.builders import ALICE, log, make_session

from .running import ROOT, environment, everything, run


def names_in(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir() if path.name != "manifest.jsonl"}


@pytest.mark.parametrize("form", catalogue.FORMATS)
def test_it_prints_any_format(form: str) -> None:
    session = make_session(turns=1)
    ran = run("export_sessions", session.pk, "--format", form)
    assert (ran.code, ran.err) == (0, "")
    assert "request 1" in ran.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--all"], {"a", "b", "c"}),
        (["--user", "bob"], {"b"}),
        (["--tag", "tea"], {"a"}),
        (["--state", "trashed"], {"c"}),
        (["--source", "mcp"], {"b"}),
        (["--prefix", "a"], {"a"}),
        (["--least", "2"], {"a"}),
        (["--since", "2020-01-01", "--before", "2099-01-01T00:00+02:00"], {"a", "b"}),
    ],
)
def test_it_chooses_as_lists_do(tmp_path: Path, arguments: list[str], expected: set[str]) -> None:
    make_session(session_id="a", tags=["tea"], turns=2)
    make_session(session_id="b", user_id="bob", source="mcp")
    actions.trash_session(make_session(session_id="c").pk, actor=ALICE)
    before = everything()
    assert run("export_sessions", *arguments, "--to", tmp_path / "out").code == 0
    assert names_in(tmp_path / "out") == expected
    assert everything() == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--to", "out"],
        ["a", "--all", "--to", "out"],
        ["a", "--user", "alice", "--to", "out"],
        ["--all"],
        ["--all", "--state", "active", "--to", "out"],
        ["--user", "", "--to", "out"],
        ["--since", "yesterday", "--to", "out"],
        ["a", "--format", "pdf"],
        ["--least", "-1", "--to", "out"],
    ],
)
def test_it_refuses_a_call_that_makes_no_sense(tmp_path: Path, arguments: list[str], monkeypatch: Any) -> None:
    make_session(session_id="a")
    monkeypatch.chdir(tmp_path)
    ran = run("export_sessions", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert list(tmp_path.glob("out")) == []


def test_it_packs_an_archive_that_verifies(tmp_path: Path) -> None:
    for name in "ab":
        make_session(session_id=name, turns=1)
    path = tmp_path / "all.zip"
    told = run("export_sessions", "--all", "--format", "html", "--to", path, "--json").json
    assert (told["documents"], told["left_out"], told["archive"]) == (2, 0, str(path))
    assert zipfile.ZipFile(path).namelist() == ["sessions/a.html", "sessions/b.html", "manifest.jsonl"]
    verified = run("export_sessions", "--verify", path, "--json")
    assert (verified.code, verified.json["documents"], verified.json["problems"]) == (0, 2, [])


def test_it_tells_where_an_archive_was_cut_off(tmp_path: Path) -> None:
    for name in "ab":
        log(make_session(session_id=name), prompt=os.urandom(5_000).hex())
    path = tmp_path / "all.zip"
    run("export_sessions", "--all", "--to", path)
    path.write_bytes(path.read_bytes()[:-3_000])
    ran = run("export_sessions", "--verify", path)
    assert ran.code == 1
    assert "The archive lacks its end" in ran.out
    assert "an export goes on with after=a" in ran.out


def test_it_verifies_a_folder(tmp_path: Path) -> None:
    make_session(session_id="a")
    run("export_sessions", "a", "--to", tmp_path)
    assert run("export_sessions", "--verify", tmp_path).code == 0
    (tmp_path / "a.json").write_text("{}")
    ran = run("export_sessions", "--verify", tmp_path)
    assert (ran.code, "a.json: not what the manifest says." in ran.out) == (1, True)
    assert run("export_sessions", "--verify", tmp_path / "none").code == 1


def test_it_writes_anew_what_changed(tmp_path: Path) -> None:
    for name in "ab":
        make_session(session_id=name, turns=1)
    run("export_sessions", "--all", "--to", tmp_path)
    log("b", prompt="more")
    told = run("export_sessions", "--all", "--to", tmp_path, "--json").json
    assert (told["written"], told["kept"]) == (1, 1)


def test_it_says_what_cannot_be_written(tmp_path: Path) -> None:
    make_session(session_id="a")
    (tmp_path / "file").write_text("x")
    ran = run("export_sessions", "a", "--to", tmp_path / "file" / "out")
    assert (ran.code, ran.out) == (1, "")
    assert "The export could not be written" in ran.err


@pytest.mark.thorough
def test_a_signal_ends_it_cleanly_and_the_same_call_goes_on(tmp_path: Path) -> None:
    for number in range(150):
        make_session(session_id=f"s{number:03}", turns=1)
    command = [sys.executable, str(ROOT / "manage.py"), "export_sessions", "--all", "--to", str(tmp_path / "out")]
    # On a busy machine it may be done before it is seen to have begun; then once more, from nothing.
    for _ in range(5):
        process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while process.poll() is None and not any(tmp_path.glob("out/s*")):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        if process.returncode != 0:
            break
        shutil.rmtree(tmp_path / "out")
    assert process.returncode == 130
    assert "The same call goes on where this one stopped." in err
    assert "Traceback" not in err
    written = len(list(tmp_path.glob("out/s*")))
    assert list(tmp_path.glob("out/.new-*")) == []
    told = run("export_sessions", "--all", "--to", tmp_path / "out", "--json").json
    assert told["kept"] >= written - 1
    assert told["kept"] + told["written"] == 150
    assert run("export_sessions", "--verify", tmp_path / "out").code == 0
    assert json.loads((tmp_path / "out/s149.json").read_text())["session_info"]["session_id"] == "s149"
