"""Commits must be real here: the bell rings when they are."""

import pytest

WITHOUT_DATABASE = ("test_layout.py", "test_codec.py", "test_journal.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/mirror/" in item.path.as_posix() and item.path.name not in (
            "test_layout.py",
            "test_codec.py",
            "test_journal.py",
        ):
            item.add_marker(pytest.mark.django_db(transaction=True))
