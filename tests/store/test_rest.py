"""The proofs over HTTP, small: kills in the middle of calls, and a crowd of slow clients."""

import pytest

from .conftest import Bench

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def test_it_keeps_in_both_copies_what_was_answered_before_a_kill(bench: Bench) -> None:
    # The database is the whole suite's.
    result = bench("restkill", "--kills", "8", "--clients", "3", "--victims", "client", "process", "server")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "GREEN" in result.stdout


def test_slow_clients_do_not_keep_a_quick_one_waiting(bench: Bench) -> None:
    result = bench("slow", "--connections", "100", "--appends", "100")
    assert "refused 0" in result.stdout, result.stdout + result.stderr
