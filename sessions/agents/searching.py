"""Finding what was said."""

from sessions import actions
from sessions.records import Caller, Scope

from .callers import require
from .shapes import Found
from .shapes.found import Hit


def search(caller: Caller, text: str, *, cursor: str = "", limit: int = 20) -> Found:
    """Hits in the sessions that the caller may know, as docs/search.md tells. Needs `read`. Raises InvalidInput."""
    require(caller, Scope.READ)
    page = actions.search(text, of_user=caller.user_id, cursor=cursor, limit=limit)
    return Found.model_construct(
        hits=[Hit.of(hit) for hit in page.hits], next_cursor=page.next_cursor, behind=page.behind
    )
