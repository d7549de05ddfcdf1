"""Programs that come with tokens. Commits are real, so that the bell rings, unless a module says otherwise."""

from collections.abc import Callable

import pytest

from sessions import throttle

from .programs import Program


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/api/" in item.path.as_posix() and not item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(autouse=True)
def unhurried() -> None:
    """No test meets what another one used of its token's minute: IDs of tokens come again in every test."""
    throttle.forget()


@pytest.fixture
def reader(db: None) -> Program:
    return Program.new("read")


@pytest.fixture
def writer(db: None) -> Program:
    return Program.new("write")


@pytest.fixture
def admin(db: None) -> Program:
    return Program.new("admin")


@pytest.fixture
def bound(db: None) -> Callable[[str], Program]:
    """Makes a program of a scope that may know alice's sessions alone."""
    return lambda scope: Program.new(scope, user_id="alice")
