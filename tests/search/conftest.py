"""Commits must be real where the index is in play; the pure parts need no database."""

import pytest

PURE = ("test_analysis.py", "test_query.py", "test_ranking.py", "test_snippets.py", "test_passages.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/search/" in item.path.as_posix() and item.path.name not in PURE:
            item.add_marker(pytest.mark.django_db(transaction=True))
