"""A session as files: its export as JSON or as Markdown, and its records as they stand."""

from collections.abc import Iterator
from itertools import chain

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from sessions import actions

from .page import Request

_READABLE = {"indent": 2, "ensure_ascii": False}


@require_safe
def export_markdown(request: Request, session_id: str) -> HttpResponseBase:
    session = actions.get_session(session_id)
    document = actions.export_session(session.pk, "markdown")
    return _as_file(document, f"{session.pk}.md", "text/markdown; charset=utf-8")


@require_safe
def raw_session(request: Request, session_id: str) -> HttpResponse:
    return JsonResponse(actions.session_document(session_id), json_dumps_params=_READABLE)


@require_safe
def raw_interaction(request: Request, session_id: str, sequence: int) -> HttpResponse:
    session = actions.get_session(session_id)
    return JsonResponse(actions.interaction_document(session.pk, sequence), json_dumps_params=_READABLE)


def _as_file(document: Iterator[str], name: str, content_type: str) -> StreamingHttpResponse:
    """The first piece is made now, so that what is wrong becomes an error page and not half a file."""
    start = next(document, "")
    response = StreamingHttpResponse(chain([start], document), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
