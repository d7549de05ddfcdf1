"""The worker at imports, killed in the midst of one: the next one ends with the same store."""

import subprocess
import sys
import time

import pytest

from sessions import actions
from sessions.models import Import, Interaction, Session
from tests.actions.test_import_runs import lines
from tests.builders import ALICE

from .running import ROOT, environment, run

SESSIONS = 400


@pytest.mark.thorough
def test_a_killed_worker_is_gone_on_with() -> None:
    files = ((f"s{n}.jsonl", [lines(1, 2, session_id=f"s{n}")]) for n in range(SESSIONS))
    staged = actions.stage_import(files, options={}, actor=ALICE, confirmed=True)
    with subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "worker"], env=environment(), stdout=-3, stderr=-3
    ) as worker:
        deadline = time.monotonic() + 60
        while Session.objects.count() < 10 and time.monotonic() < deadline:
            time.sleep(0.005)
        worker.kill()
    part_way = Interaction.objects.count()

    assert run("worker", "--once").code == 0

    done = Import.objects.get(pk=staged.pk)
    assert 0 < part_way < 2 * SESSIONS
    assert (done.state, done.report["added"], done.report["sessions_created"]) == ("done", 2 * SESSIONS, SESSIONS)
    assert (Interaction.objects.count(), Session.objects.count()) == (2 * SESSIONS, SESSIONS)
    assert run("mirror", "verify").code == 0
