"""Imports through the browser: files sent and looked at, taken in once somebody says yes, and undone as a whole."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sessions import actions, conf
from sessions.errors import InvalidInput, UploadTooLarge
from sessions.models import Import
from sessions.records import Face

from .import_forms import ImportForm
from .import_look import WAITING, WORKING, found_in, taken_in, undo_of
from .import_origins import ORIGINS
from .page import Request, actor_of, query, show
from .uploads import SentFile, files_of, problem_of

PAGE_IMPORTS = 20
PAGE_SESSIONS = 50


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: Request) -> HttpResponse:
    """What was imported, and the form to send more."""
    if request.method != "POST":
        return _listed(request, ImportForm(None))
    form, files, problem = ImportForm(request.POST), files_of(request), problem_of(request)
    if not (problem or files):
        form.add_error(None, "Choose a file first: what was sent had none.")
    if problem:
        form.add_error(None, problem)
    if not form.is_valid():
        status = HTTPStatus.CONTENT_TOO_LARGE if problem else HTTPStatus.BAD_REQUEST
        return _listed(request, form, status=status)
    try:
        run = _staged(request, form, files)
    except (InvalidInput, UploadTooLarge) as error:
        form.refuse(error)
        is_much = isinstance(error, UploadTooLarge)
        return _listed(request, form, status=HTTPStatus.CONTENT_TOO_LARGE if is_much else HTTPStatus.BAD_REQUEST)
    return redirect("sessions:import", run.pk)


@require_safe
def one(request: Request, import_id: UUID) -> HttpResponse:
    """An import as it stands: how far it is, what was found, what became of it."""
    return _shown(request, import_id, None)


@require_POST
def confirm(request: Request, import_id: UUID) -> HttpResponse:
    form = ImportForm(request.POST)
    if not form.is_valid():
        return _shown(request, import_id, form, status=HTTPStatus.BAD_REQUEST)
    try:
        actions.confirm_import(import_id, user_id=form.user_id(), tags=form.tag_names(), actor=actor_of(request))
    except InvalidInput as error:
        form.refuse(error)
        return _shown(request, import_id, form, status=HTTPStatus.BAD_REQUEST)
    return redirect("sessions:import", import_id)


@require_POST
def cancel(request: Request, import_id: UUID) -> HttpResponse:
    actions.cancel_import(import_id, actor=actor_of(request))
    return redirect("sessions:import", import_id)


@require_POST
def undo(request: Request, import_id: UUID) -> HttpResponse:
    actions.undo_import(import_id, actor=actor_of(request))
    return redirect("sessions:import", import_id)


def _listed(request: Request, form: ImportForm, *, status: int = HTTPStatus.OK) -> HttpResponse:
    before = _before(request)
    found = actions.list_imports(before=before, limit=PAGE_IMPORTS + 1)
    shown = found[:PAGE_IMPORTS]
    context = {
        "form": form,
        "imports": shown,
        "origins": ORIGINS,
        "most_bytes": conf.max_upload_bytes(),
        "first_page": reverse("sessions:imports") if before else "",
        "next_page": query(before=shown[-1].pk) if len(found) > PAGE_IMPORTS else "",
    }
    return show(request, "sessions/imports/list.html", context, part="results", status=status)


def _shown(request: Request, import_id: UUID, form: ImportForm | None, *, status: int = HTTPStatus.OK) -> HttpResponse:
    run = actions.get_import(import_id)
    is_working, files_from = run.state in WORKING, _files_from(request)
    context: dict[str, Any] = {"run": run, "is_working": is_working, "is_waiting": run.state in WAITING}
    # What a command does tells nothing of how far it is, nor whether it was broken off.
    context["by_command"] = run.state == Import.State.IMPORTING and run.face == Face.COMMAND
    if run.state == Import.State.READY:
        form = form or ImportForm(None, options=run.options)
        context |= {"form": form, "found": found_in(run.preview, files_from=files_from)}
    elif not is_working and run.state != Import.State.CANCELLED:
        context |= _ended(run, files_from) | _members(request, run)
    return show(request, "sessions/imports/one.html", context, part="run", status=status)


def _ended(run: Import, files_from: int) -> dict[str, Any]:
    """What became of an import. One that failed half-way has added something and has no report."""
    return {
        "found": taken_in(run.preview, run.report, files_from=files_from),
        "undo": undo_of(run.report),
        "is_undone": run.state == Import.State.UNDONE,
        "is_reported": "added" in run.report,
    }


def _members(request: Request, run: Import) -> dict[str, Any]:
    """A page of the sessions that an import made or added to."""
    after = request.GET.get("after", "")
    found = actions.sessions_of_import(run.pk, after=after, limit=PAGE_SESSIONS + 1)
    shown = found[:PAGE_SESSIONS]
    here = reverse("sessions:import", args=[run.pk])
    return {
        "members": shown,
        "after": after,
        "members_first": here if after else "",
        "members_next": here + query(after=shown[-1].session_id) if len(found) > PAGE_SESSIONS else "",
    }


def _staged(request: Request, form: ImportForm, files: Sequence[SentFile]) -> Import:
    options = {"user_id": form.user_id(), "tags": form.tag_names()}
    return actions.stage_import(
        ((file.path, file.pieces()) for file in files), options=options, actor=actor_of(request)
    )


def _before(request: Request) -> UUID | None:
    """The import that a page of the list goes on behind."""
    text = request.GET.get("before", "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidInput("before", "must be an import's ID.", hint="Start from the first page.") from None


def _files_from(request: Request) -> int:
    """Where the page of files begins."""
    text = request.GET.get("files", "")
    return int(text) if text.isdecimal() and len(text) < 7 else 0
