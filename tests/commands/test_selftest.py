"""`manage.py selftest`: five steps on the live configuration, and not a trace of them afterwards."""

from pathlib import Path

import pytest

from sessions.models import Interaction, Session, Tombstone
from tests.builders import make_session

from .running import everything, run, run_process

STEPS = ["create", "update", "persist", "resume after a restart", "merge"]


def test_it_walks_five_steps_and_leaves_nothing_behind() -> None:
    make_session(turns=1)
    before = everything()

    ran = run_process("selftest")

    assert ran.code == 0, ran
    lines = ran.out.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [f"✅ {step}" for step in STEPS]
    assert lines[-1] == "All five steps passed; nothing left behind."
    assert everything() == before


def test_it_tells_a_program_of_its_steps() -> None:
    told = run_process("selftest", "--json").json

    assert told["passed"] is True
    assert [step["step"] for step in told["steps"]] == STEPS
    assert Session.objects.count() == Interaction.objects.count() == Tombstone.objects.count() == 0


def test_it_names_the_broken_promise_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.actions.selftest._RESUME", "raise SystemExit('a seeded defect')")
    make_session(turns=1)
    before = everything()

    ran = run("selftest")
    told = run("selftest", "--json")

    assert ran.code == told.code == 1
    promise = "Broken promise: a new process resumes the session (a seeded defect)."
    assert ran.out.splitlines()[3] == f"❌ {promise}"
    assert (told.json["passed"], len(told.json["steps"]), told.json["error"]) == (False, 3, promise)
    assert everything() == before


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_it_says_what_a_disk_that_cannot_be_written_does(data_dir: Path, json: list[str]) -> None:
    data_dir.mkdir()
    (data_dir / "sessions").write_text("not a folder")
    before = everything()

    ran = run("selftest", *json)

    assert ran.code == 1
    assert json == [] or ran.json["passed"] is False
    assert everything() == before
