"""Finding interactions, in pages."""

from typing import Any

import pytest

from sessions import actions
from sessions.errors import InvalidInput
from tests.builders import make_session


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_it_refuses_a_limit_that_makes_no_page(limit: int) -> None:
    with pytest.raises(InvalidInput):
        actions.list_interactions("x", limit=limit)


def test_it_pages_through_interactions_both_ways() -> None:
    session = make_session(turns=7)

    def sequences(**place: Any) -> tuple[list[int], int | None, int | None]:
        page = actions.list_interactions(session.pk, limit=3, **place)
        return [row.sequence for row in page.interactions], page.before, page.after

    assert sequences() == ([1, 2, 3], None, 3)
    assert sequences(after=3) == ([4, 5, 6], 4, 6)
    assert sequences(after=6) == ([7], 7, None)
    assert sequences(before=8) == ([5, 6, 7], 5, 7)
    assert sequences(before=3) == ([1, 2], None, 2)
    assert sequences(after=7) == ([], None, None)
    assert sequences(after=2**70) == ([], None, None)
