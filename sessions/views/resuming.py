"""The resume link: for people a page that shows what an agent would receive, for programs the context pack itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from sessions import actions, packing
from sessions.agents.callers import visible_session
from sessions.api import bearer
from sessions.errors import InvalidInput, SessionNotFound, SessionsiteError, TokenRefused, TooManyRequests
from sessions.models import Session
from sessions.packing import ESTIMATE, ContextPack
from sessions.records import Face

from .page import SAFE_METHODS, Request, actor_of, page, show, tell
from .problems import problem, sign_in_first
from .recipes import site_of, ways_to_resume

PRESETS = (2_000, 8_000, 32_000, 100_000)
_FORMS = {"json": "application/json", "md": "text/markdown", "html": "text/html"}
_LABELS = {
    "frame": "Which session",
    "summary": "Summary",
    "preferences": "Preferences",
    "active_topics": "Topics",
    "project_context": "Project context",
    "semantic_context": "Semantic context",
    "pinned": "Pinned interactions",
    "latest": "Latest interactions",
    "left_out": "What was left out",
}


@login_not_required
def resume_link(request: Request, session_id: str) -> HttpResponseBase:
    """Where a resume link leads. Changes nothing: a link is followed by whoever looks at a page."""
    for_programs = request.method in SAFE_METHODS and _form_of(request) != "html"
    response = (_for_programs if for_programs else _for_people)(request, session_id)
    patch_vary_headers(response, ["Accept", "Authorization", "Cookie", "HX-Request"])
    patch_cache_control(response, private=True, no_cache=True, no_store=for_programs)
    return response


def _form_of(request: Request) -> str:
    """The form that was asked for, in the address or by what is accepted; a page where neither says."""
    asked = request.GET.get("format", "")
    if _comes_with_token(request):
        wanted = asked if asked in ("json", "md") else _preferred(request, "application/json", "text/markdown")
        return wanted or "json"
    if asked in _FORMS or request.htmx:
        return asked if asked in _FORMS else "html"
    return _preferred(request, "text/html", "application/json", "text/markdown") or "html"


def _preferred(request: Request, *kinds: str) -> str:
    preferred = request.get_preferred_type(kinds)
    return next((name for name, kind in _FORMS.items() if kind == preferred), "")


def _comes_with_token(request: Request) -> bool:
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


def _for_programs(request: Request, session_id: str) -> HttpResponseBase:
    if _comes_with_token(request):
        return _for_tokens(request, session_id)
    if not request.user.is_authenticated:
        return sign_in_first()
    try:
        _refuse_outsiders(request, session_id)
        return _pack(request, session_id)
    except SessionsiteError as error:
        return problem(error)


def _for_tokens(request: Request, session_id: str) -> HttpResponseBase:
    """The same for a program that comes with a token: what its user may not know is as good as unknown."""
    try:
        admission = bearer.admit(request, face=Face.REST)
    except (TokenRefused, TooManyRequests) as error:
        response = problem(error)
        bearer.tell_refusal(response, error)
        return response
    try:
        found: HttpResponse = _pack(request, visible_session(admission.caller, session_id).pk)
    except SessionsiteError as error:
        found = problem(error)
    bearer.tell_budget(found, admission)
    return found


def _pack(request: Request, session_id: str) -> HttpResponse:
    pack = actions.context_pack(session_id, max_tokens=_budget(request), cursor=request.GET.get("cursor", ""))
    if _form_of(request) == "md":
        return HttpResponse(packing.to_text(pack), content_type="text/markdown; charset=utf-8")
    return JsonResponse(packing.document(pack), json_dumps_params={"ensure_ascii": False, "separators": (",", ":")})


def _refuse_outsiders(request: Request, session_id: str) -> None:
    """To a program of somebody who may see no session, every ID is as good as unknown."""
    if not request.user.is_staff:
        raise SessionNotFound(session_id)


def _for_people(request: Request, session_id: str) -> HttpResponseBase:
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    # The page has the access of every other page: those who may see no session are told so, whatever the ID.
    answer: HttpResponseBase = page("", _page, name="resume-link").callback(request, session_id=session_id)
    return answer


def _budget(request: Request) -> int:
    given = request.GET.getlist("max_tokens") or [str(actions.DEFAULT_TOKENS)]
    # A preset's button stands behind the field and is sent with it.
    text = given[-1].strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput("max_tokens", "must be a whole number.")
    return packing.checked_budget(int(text))


# --- The page -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SectionRow:
    """One part of the pack: what it takes, and from where on it stands in a bar of all of them."""

    name: str
    label: str
    tokens: int
    start: int
    detail: str


@require_safe
def _page(request: Request, session_id: str) -> HttpResponse:
    session = actions.get_session(session_id)
    problem_text = ""
    try:
        max_tokens = _budget(request)
    except InvalidInput as error:
        max_tokens, problem_text = actions.DEFAULT_TOKENS, str(error)
    pack = actions.context_pack(session.pk, max_tokens=max_tokens)
    link = request.build_absolute_uri(reverse("sessions:resume-link", args=[session.pk]))
    context = {
        "session": session,
        "asked_for": session_id,
        "pack": pack,
        "pack_text": packing.to_text(pack),
        "rows": list(_rows(pack)),
        "problem": problem_text,
        "typed": request.GET.get("max_tokens", max_tokens) if problem_text else max_tokens,
        "presets": PRESETS,
        "limits": (packing.MIN_TOKENS, packing.MAX_TOKENS),
        "recipes": ways_to_resume(session.pk, site=site_of(request), link=link, max_tokens=max_tokens),
        "resume_url": link,
    }
    return show(request, "sessions/resume.html", context, part="pack")


def _rows(pack: ContextPack) -> Iterator[SectionRow]:
    start = 0
    for name, text in packing.sections(pack):
        tokens = ESTIMATE.count(text)
        yield SectionRow(name, _LABELS[name], tokens, start, _detail(pack, name))
        start += tokens


def _detail(pack: ContextPack, name: str) -> str:
    if name in ("pinned", "latest"):
        turns = pack.pinned if name == "pinned" else pack.latest
        shortened = sum(turn.shortened for turn in turns)
        return f"{len(turns):,}" + (f", {shortened:,} shortened" if shortened else "")
    if name == "left_out":
        return f"{sum(gap.count for gap in pack.gaps):,} interactions" if pack.gaps else ""
    missing = pack.members_left_out.get(name, 0)
    return f"{missing:,} left out" if missing else ""


# --- Beside the transcript ----------------------------------------------------------------------------------


@require_safe
def measures(request: Request, session_id: str) -> HttpResponse:
    """What has to be added up to be known: the size of the default pack, and the time that was taken."""
    session = actions.get_session(session_id)
    context: dict[str, Any] = {
        "session": session,
        "pack": actions.context_pack(session.pk),
        "elapsed_ms": actions.elapsed_ms(session),
    }
    return show(request, "sessions/measures.html", context, part="measures")


@require_POST
def resume(request: Request, session_id: str) -> HttpResponse:
    session: Session = actions.resume_session(session_id, actor=actor_of(request))
    tell(request, "The session is active again. No interaction was added.")
    return redirect("sessions:detail", session.pk)
