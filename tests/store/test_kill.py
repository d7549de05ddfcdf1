"""SIGKILL at random moments. The large run is `python -m bench.killtest --kills 500`."""

import pytest

from .conftest import Bench

pytestmark = pytest.mark.slow


def test_it_keeps_in_both_copies_what_was_acknowledged_before_a_kill(bench: Bench) -> None:
    result = bench("killtest", "--kills", "24")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.thorough
def test_it_goes_red_on_an_acknowledgement_before_the_journal(bench: Bench) -> None:
    result = bench("killtest", "--kills", "18", "--defect", "ack-before-journal")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "is not in the journal" in result.stdout
    assert "is not in the database" not in result.stdout
