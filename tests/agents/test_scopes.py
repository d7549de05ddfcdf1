"""How far a caller's scope reaches: exactly as far as it says."""

from types import FunctionType

import pytest

from sessions import agents
from sessions.errors import ScopeMissing
from sessions.records import Scope

from .estate import Estate, caller, whole_store
from .verbs import VERBS

NO_VERBS = {
    "DEFAULT_TOKENS",
    "FORMATS",
    "LEAST_CHARACTERS",
    "MAX_BATCH",
    "MAX_CHARACTERS",
    "MOST_LISTED",
    "Export",
    "require",
}


def missing(verb: str, scope: Scope, user_id: str, estate: Estate) -> bool:
    try:
        VERBS[verb].call(caller(scope, user_id), estate)
    except ScopeMissing:
        return True
    return False


def test_it_is_known_of_every_verb() -> None:
    functions = {name for name in agents.__all__ if isinstance(getattr(agents, name), FunctionType)}
    assert functions - {"require"} == set(VERBS)


@pytest.mark.parametrize(
    ("scope", "other", "includes"),
    [(mine, other, list(Scope).index(mine) >= list(Scope).index(other)) for mine in Scope for other in Scope],
)
def test_each_scope_includes_those_before_it(scope: Scope, other: Scope, includes: bool) -> None:
    assert scope.includes(other) is includes


@pytest.mark.parametrize("user_id", ["", "alice"], ids=["unbound", "bound"])
def test_it_refuses_what_goes_beyond_and_changes_nothing(alices: Estate, user_id: str) -> None:
    before = whole_store()
    let_in = [
        f"{verb} with {scope}"
        for scope in (Scope.READ, Scope.WRITE)
        for verb, known in VERBS.items()
        if not scope.includes(known.needs) and not missing(verb, scope, user_id, alices)
    ]
    assert let_in == []
    assert whole_store() == before


@pytest.mark.parametrize("verb", VERBS)
def test_it_does_what_the_scope_reaches_to(alices: Estate, verb: str) -> None:
    known = VERBS[verb]
    assert known.call(caller(known.needs, "alice"), alices)


def test_it_tells_which_scope_is_needed() -> None:
    with pytest.raises(ScopeMissing, match="needs the scope 'admin'; the caller has 'write'"):
        agents.require(caller(Scope.WRITE), Scope.ADMIN)
