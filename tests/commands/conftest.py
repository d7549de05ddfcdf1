"""Commits must be real here: the bell rings when they are."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/commands/" in item.path.as_posix():
            item.add_marker(pytest.mark.django_db(transaction=True))
