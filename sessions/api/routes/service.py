"""The service itself: who a token is, whether the site is well, its figures, and this very list of operations."""

from datetime import datetime
from typing import Literal

from django.http import HttpResponse
from pydantic import BaseModel

from sessions import actions, errors
from sessions.agents.service import store_figures
from sessions.agents.shapes import Outgoing
from sessions.records import Scope

from .. import metrics, openapi
from ..answers import answer
from ..bodies import JSON_TYPE
from ..entrance import ProgramRequest
from ..errors import NotReady
from ..routing import Routes

routes = Routes("Service")


class Me(Outgoing):
    """Whom a token stands for. `user_id` is "" where it may know everybody's sessions."""

    name: str
    scope: Literal["read", "write", "admin"]
    user_id: str = ""
    expires_at: datetime | None = None
    requests_per_minute: int


class Health(BaseModel):
    status: Literal["ok"]


@routes.get("/me", scope=Scope.READ, answers=Me)
def get_me(request: ProgramRequest) -> HttpResponse:
    """Read what a token may do.

    The one that is sent.
    """
    admission = request.auth
    caller = admission.caller
    me = Me(
        name=caller.actor.name.removeprefix("token:"),
        scope=caller.scope.value,
        user_id=caller.user_id,
        expires_at=admission.expires_at,
        requests_per_minute=admission.allowance.limit,
    )
    return answer(me)


@routes.get("/health/live", scope=None, answers=Health)
def health_live(request: ProgramRequest) -> HttpResponse:
    """Ask whether the server lives.

    It looks at nothing beyond its own process.
    """
    return answer(Health(status="ok"))


@routes.get("/health/ready", scope=None, answers=Health, refusals=[NotReady])
def health_ready(request: ProgramRequest) -> HttpResponse:
    """Ask whether the server is ready.

    Its database answers, and its data directory can be written to.
    """
    if missing := actions.missing_parts():
        raise NotReady(missing)
    return answer(Health(status="ok"))


@routes.get("/openapi.json", scope=None, answers={200: None})
def get_openapi(request: ProgramRequest) -> HttpResponse:
    """Read the OpenAPI document.

    The description of all operations, in OpenAPI 3.1.
    """
    response = HttpResponse(openapi.as_json(), content_type=JSON_TYPE)
    response["Cache-Control"] = "public, max-age=300"
    return response


@routes.get("/metrics", scope=Scope.READ, answers={200: None}, refusals=[errors.ScopeMissing])
def get_metrics(request: ProgramRequest) -> HttpResponse:
    """Read the store's figures.

    In Prometheus' text format. The token must not be bound to a user.
    """
    text, content_type = metrics.exposition(store_figures(request.auth.caller), request.headers.get("Accept"))
    return HttpResponse(text, content_type=content_type)
