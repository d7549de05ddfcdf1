"""The log of what was changed, by whom, through which door; and the same as a file."""

import csv
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import push_url

from sessions import actions
from sessions.errors import NotFound
from sessions.exporters.table import harmless
from sessions.models import AuditEvent
from sessions.templatetags.activity import verb_label
from sessions.user_forms import ActivityForm

from .page import Request, query, show

PAGE_EVENTS = 50
_COLUMNS = ("at", "actor", "face", "verb", "session_id", "details")


@require_safe
def activity(request: Request) -> HttpResponse:
    form = _form(request)
    cursor = request.GET.get("cursor", "")
    found = actions.list_events(form.filters(), cursor=cursor, limit=PAGE_EVENTS)
    context = {
        "form": form,
        "found": found,
        "titles": actions.titles_of(found.events),
        "cursor": cursor,
        "actors": actions.known_actors(),
        "here": query(**form.given()),
        "next_page": query(**form.given(), cursor=found.next_cursor) if found.next_cursor else "",
    }
    response = show(request, "sessions/activity.html", context, part="results")
    if request.htmx:
        push_url(response, reverse("sessions:activity") + query(**form.given(), cursor=cursor))
    return response


@require_safe
def export(request: Request, kind: str) -> HttpResponseBase:
    """The log as the filters narrow it, all of it, as CSV for spreadsheets or as JSON Lines for programs."""
    if kind not in _WRITERS:
        raise NotFound(f"The log is not given out as {kind!r}.", hint="There is activity.csv and activity.jsonl.")
    write, content_type = _WRITERS[kind]
    lines = write(actions.all_events(_form(request).filters()))
    response = StreamingHttpResponse(lines, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="activity.{kind}"'
    return response


def _form(request: Request) -> ActivityForm:
    return ActivityForm(request.GET, verbs={verb: verb_label(verb) for verb in actions.known_verbs()})


class _Line:
    """What the csv module writes to, a line at a time."""

    def write(self, text: str) -> str:
        return text


def _as_csv(events: Iterator[AuditEvent]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(_COLUMNS)
    for event in events:
        yield writer.writerow([_harmless(value) for value in _values(event).values()])


def _harmless(value: Any) -> str:
    return harmless(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _as_lines(events: Iterator[AuditEvent]) -> Iterator[str]:
    for event in events:
        yield json.dumps(_values(event), ensure_ascii=False) + "\n"


def _values(event: AuditEvent) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(event, name) for name in _COLUMNS}
    return {**values, "at": event.at.isoformat()}


_WRITERS: dict[str, tuple[Callable[[Iterator[AuditEvent]], Iterator[str]], str]] = {
    "csv": (_as_csv, "text/csv; charset=utf-8"),
    "jsonl": (_as_lines, "application/x-ndjson"),
}
