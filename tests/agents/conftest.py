"""Commits must be real here: the bell rings when they are."""

import pytest

from .estate import Estate, settle


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/agents/" in item.path.as_posix():
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture
def alices(db: None) -> Estate:
    """What is alice's."""
    return settle("alice")


@pytest.fixture
def bobs(db: None) -> Estate:
    """What is bob's."""
    return settle("bob")
