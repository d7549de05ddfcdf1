"""Where every request that needs a token comes in: who it is, how far the scope reaches, and what may be asked."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.http import HttpRequest

from sessions import agents
from sessions.actions import Admission
from sessions.errors import InvalidInput
from sessions.records import Face, Scope

from .bearer import admit

_MOST_PARAMETERS = 1_000


class ProgramRequest(HttpRequest):
    """A request as the routes get it: of a program that was let in."""

    auth: Admission


class Entrance:
    """Lets in who comes with a token of a scope; also says so in the OpenAPI document."""

    openapi_security_schema: Mapping[str, Any] = {"type": "http", "scheme": "bearer"}

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        # By name, whether it may be given several times; filled once the operation is known.
        self.parameters: Mapping[str, bool] = {}

    def __call__(self, request: HttpRequest) -> Admission:
        admission = admit(request, face=Face.REST)
        # Known to the answer, whatever becomes of the request.
        request.auth = admission  # type: ignore[attr-defined]
        agents.require(admission.caller, self.scope)
        if query := request.META.get("QUERY_STRING", ""):
            refuse_unknown_parameters(query, self.parameters)
        return admission


def refuse_unknown_parameters(query: str, known: Mapping[str, bool]) -> None:
    """Raise InvalidInput for what an operation does not know: a misspelt filter must not show everything."""
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=False, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except UnicodeDecodeError:
        raise InvalidInput("query", "is not UTF-8.") from None
    except ValueError:
        raise InvalidInput("query", f"has more than {_MOST_PARAMETERS:,} parameters.") from None
    for name, times in Counter(name for name, _ in pairs).items():
        if name not in known:
            raise InvalidInput("query", "has a parameter that is not known here.", hint=f"Known: {_told(known)}.")
        if times > 1 and not known[name]:
            raise InvalidInput(name, "is given more than once.")
    if any("\0" in value for _, value in pairs):
        raise InvalidInput("query", "holds a NUL character.")


def _told(known: Mapping[str, bool]) -> str:
    return ", ".join(sorted(known)) or "none"
