"""The people of the conversations, and what they prefer."""

from typing import Annotated, Any

from django.http import HttpResponse
from pydantic import Field

from sessions import agents, errors
from sessions.agents.shapes import Preferences, UserList, UserOut
from sessions.records import Scope

from .. import parameters
from ..answers import answer
from ..entrance import ProgramRequest
from ..parameters import Name, Query, Sent, Size
from ..routing import Routes

routes = Routes("Users")
Values = Annotated[dict[str, Any], Field(min_length=1, description="Values by name; the others stay as they are.")]


@routes.get("/users", scope=Scope.READ, answers=UserList)
def list_users(
    request: ProgramRequest,
    prefix: Annotated[str, Query("", description="How their IDs begin.")],
    cursor: Annotated[str, parameters.cursor()],
    limit: Annotated[Size, parameters.limit(50)],
) -> HttpResponse:
    """List users.

    Those who have sessions; who was active last comes first.
    """
    return answer(agents.list_users(request.auth.caller, prefix=prefix, cursor=cursor, limit=limit))


# A user's ID may hold a slash, so the longer addresses come first.
@routes.delete(
    "/users/{name:user_id}/preferences/{name:preference}",
    scope=Scope.WRITE,
    answers=Preferences,
    refusals=[errors.UserNotFound],
)
def remove_preference(request: ProgramRequest, user_id: Name, preference: Name) -> HttpResponse:
    """Remove a preference.

    One that is not there is no mistake.
    """
    return answer(agents.remove_preference(request.auth.caller, user_id, preference))


@routes.get("/users/{name:user_id}/preferences", scope=Scope.READ, answers=Preferences, refusals=[errors.UserNotFound])
def get_preferences(request: ProgramRequest, user_id: Name) -> HttpResponse:
    """Read a user's preferences.

    What their new sessions begin with.
    """
    return answer(agents.preferences_of(request.auth.caller, user_id))


@routes.patch(
    "/users/{name:user_id}/preferences", scope=Scope.WRITE, answers=Preferences, refusals=[errors.UserNotFound]
)
def set_preferences(request: ProgramRequest, user_id: Name, values: Sent[Values]) -> HttpResponse:
    """Set a user's preferences.

    Those that are given; the others stay. Sessions that begin from now on have them.
    """
    return answer(agents.set_preferences(request.auth.caller, user_id, values))


@routes.get("/users/{name:user_id}", scope=Scope.READ, answers=UserOut, refusals=[errors.UserNotFound])
def get_user(request: ProgramRequest, user_id: Name) -> HttpResponse:
    """Read one user.

    Sums over their sessions, and their preferences.
    """
    return answer(agents.get_user(request.auth.caller, user_id))
