"""One box for all that was said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import replace_url

from sessions import actions
from sessions.actions import SearchHit, SearchPage
from sessions.errors import InvalidInput
from sessions.models import Session
from sessions.search.query import MAX_CHARACTERS, beginning_with, wider
from sessions.search.snippets import Piece, highlighted

from .page import Request, query, show

PAGE_HITS = 20


@dataclass(slots=True)
class Found:
    """A session's hits on a page; its title shows its own."""

    session: Session
    title: Sequence[Piece]
    hits: list[SearchHit] = field(default_factory=list)


@require_safe
def search(request: Request) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    if "palette" in request.GET:
        return render(request, "sessions/search.html#palette", {"sessions": actions.suggest_sessions(text)})
    cursor = request.GET.get("cursor", "")
    try:
        context = _answer(text, cursor)
    except InvalidInput as error:
        context = {"problem": error}
    context |= {"query_text": text, "cursor": cursor, "first_page": query(q=text)}
    status = 400 if "problem" in context and not request.htmx else 200
    response = show(request, "sessions/search.html", context, part="results", status=status)
    if request.htmx:
        # Not one entry in the history for each letter.
        replace_url(response, reverse("sessions:search") + query(q=text, cursor=cursor))
    return response


def _answer(text: str, cursor: str) -> dict[str, Any]:
    """What fits; where nothing does, what would if the last word were only the beginning of one."""
    page = actions.search(text, cursor=cursor, limit=PAGE_HITS)
    begun = ""
    if not page.hits and not cursor and len(text) < MAX_CHARACTERS and (longer := beginning_with(text)) != text:
        guessed = actions.search(longer, limit=PAGE_HITS)
        if guessed.hits:
            page, begun, text = guessed, text, longer
    found = _by_session(page)
    return {
        "page": page,
        "begun": begun,
        "found": found,
        "count": len(page.hits),
        "next_page": query(q=text, cursor=page.next_cursor) if page.next_cursor else "",
        "tries": [] if found else [(other, query(q=other)) for other in wider(page.query)],
    }


def _by_session(page: SearchPage) -> list[Found]:
    """The hits session by session, in the order of each one's best."""
    found: dict[str, Found] = {}
    for hit in page.hits:
        if hit.session.pk not in found:
            found[hit.session.pk] = Found(hit.session, highlighted(str(hit.session), page.query.words))
        if hit.field != "title":
            found[hit.session.pk].hits.append(hit)
    return list(found.values())
