"""`search_index`, as a shell runs it."""

from sessions import actions
from sessions.models import Passage
from tests.builders import make_session

from .running import run


def test_it_tells_the_debt_and_changes_nothing() -> None:
    make_session(turns=2)
    told = run("search_index", "--status", "--json")
    assert (told.code, told.json) == (1, {"indexed": 0, "waiting": 1})
    assert not Passage.objects.exists()


def test_it_indexes_what_waits() -> None:
    make_session(turns=2)
    told = run("search_index")
    assert told.code == 0
    assert "2 interactions indexed." in told.out
    assert run("search_index", "--status").code == 0


def test_it_makes_the_index_anew() -> None:
    make_session(turns=2)
    run("search_index")
    Passage.objects.all().delete()
    assert run("search_index", "--rebuild", "--json").json == {"indexed": 2, "waiting": 0}
    assert len(actions.search("answer").hits) == 2


def test_it_takes_one_of_both() -> None:
    assert run("search_index", "--rebuild", "--status").code == 2
