"""Counting happens between commits, so commits must be real here."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/analytics/" in item.path.as_posix():
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock differs here, so what was just said may be counted."""
    monkeypatch.setattr("sessions.analytics.tally.LAG_SECONDS", -1.0)
