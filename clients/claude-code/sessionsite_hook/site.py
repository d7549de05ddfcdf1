"""The site, asked with nothing but the standard library."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from .settings import Settings

TIMEOUT_SECONDS = 10


class Away(Exception):
    """The site does not answer, or cannot take anything now: it is sent again later."""


class Refusal(Exception):
    """The site answered, and will not take it: what and why."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


class Site:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def me(self) -> dict[str, Any]:
        """Who the token is. Raises Refusal and Away, as all of these."""
        return self._ask("GET", "/me")

    def start(self, wanted: dict[str, Any]) -> None:
        """Begin a session, or bring it back to life where it is there."""
        user = {"user_id": self._settings.user} if self._settings.user else {}
        self._ask("POST", "/sessions", {**wanted, **user})

    def append(self, session_id: str, interactions: list[dict[str, Any]]) -> None:
        path = f"/sessions/{quote(session_id, safe='')}/interactions:batch"
        self._ask("POST", path, {"interactions": interactions})

    def entitle(self, session_id: str, title: str) -> None:
        self._ask("PATCH", f"/sessions/{quote(session_id, safe='')}/context", {"title": title})

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else encoded(body)
        headers = {"Authorization": f"Bearer {self._settings.token}", "Content-Type": "application/json"}
        asked = urllib.request.Request(f"{self._settings.url}/api/v1{path}", data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                told: dict[str, Any] = json.load(answer)
                return told
        except urllib.error.HTTPError as error:
            with error:
                raise _meant(error) from None
        except (OSError, ValueError) as error:
            raise Away(f"{self._settings.url} does not answer: {error}") from None


def encoded(value: Any) -> bytes:
    """JSON in UTF-8, where an escape would take three times the room; half a surrogate is escaped all the same."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _meant(error: urllib.error.HTTPError) -> Exception:
    try:
        told = json.load(error)
    except (OSError, ValueError):
        told = {}
    told = told if isinstance(told, dict) else {}
    detail = str(told.get("detail") or error.reason)
    if error.code == 429 or error.code >= 500:
        return Away(f"{error.code}: {detail}")
    return Refusal(error.code, str(told.get("code") or "http_error"), detail)
