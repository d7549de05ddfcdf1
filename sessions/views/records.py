"""A session as files: its export in any format, and its records as they stand."""

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from sessions import actions
from sessions.errors import NotFound
from sessions.exporters.catalogue import FORMATS

from . import streaming
from .page import Request

_READABLE = {"indent": 2, "ensure_ascii": False}


@require_safe
def export(request: Request, session_id: str, form: str) -> HttpResponse:
    if form not in FORMATS:
        raise NotFound(f"There is no format {form!r}.", hint=f"There are {', '.join(FORMATS)}.")
    session, format = actions.get_session(session_id), FORMATS[form]
    pieces = (text.encode() for text in actions.export_session(session.pk, form))
    return streaming.download(pieces, name=f"{session.pk}.{format.ending}", content_type=format.media_type)


@require_safe
def export_json(request: Request, session_id: str) -> HttpResponse:
    return export(request, session_id, "json")


@require_safe
def export_markdown(request: Request, session_id: str) -> HttpResponse:
    return export(request, session_id, "markdown")


@require_safe
def raw_session(request: Request, session_id: str) -> HttpResponse:
    return JsonResponse(actions.session_document(session_id), json_dumps_params=_READABLE)


@require_safe
def raw_interaction(request: Request, session_id: str, sequence: int) -> HttpResponse:
    session = actions.get_session(session_id)
    return JsonResponse(actions.interaction_document(session.pk, sequence), json_dumps_params=_READABLE)
