"""What is synced before what, read off a system-call trace. The large run is `python -m bench.synccheck`."""

import pytest

from bench import synccheck

from .conftest import Bench

pytestmark = pytest.mark.slow
STEPS = ("--steps", "15")


@pytest.fixture(autouse=True)
def strace() -> None:
    try:
        synccheck.require_strace()
    except synccheck.StraceUnavailable as error:
        pytest.skip(f"the order of syncs cannot be traced: {error}")


def test_it_syncs_both_copies_before_every_acknowledgement(bench: Bench) -> None:
    result = bench("synccheck", *STEPS)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.thorough
def test_it_syncs_what_a_killed_process_left_before_a_retry_is_acknowledged(bench: Bench) -> None:
    result = bench("synccheck", *STEPS, "--takeover")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("defect", "objection"),
    [
        ("ack-before-journal", "the journal was not written"),
        ("no-fdatasync", "the journal was not synced after its last write"),
    ],
)
def test_it_goes_red_on_its_defect(bench: Bench, defect: str, objection: str) -> None:
    result = bench("synccheck", *STEPS, "--defect", defect)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"(logged own-0-0): {objection}" in result.stdout
