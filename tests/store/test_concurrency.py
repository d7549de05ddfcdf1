"""Several processes at once. The large runs are `python -m bench.contention` and `python -m bench.races`."""

import pytest

from .conftest import Bench

pytestmark = pytest.mark.slow


def test_two_processes_log_to_one_session_without_gaps_or_repeats(bench: Bench) -> None:
    result = bench("contention", "--writers", "2", "--each", "100")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.thorough
def test_no_session_is_both_resumed_and_trashed(bench: Bench) -> None:
    result = bench("races", "--cleanup", "30")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_killed_merge_is_before_or_after_and_can_be_undone(bench: Bench) -> None:
    result = bench("races", "--merge-kills", "6")
    assert result.returncode == 0, result.stdout + result.stderr
