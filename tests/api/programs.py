"""A program that asks over REST, through Django's own way of a request."""

import json
from dataclasses import dataclass
from typing import Any

from django.http.response import HttpResponseBase
from django.test import Client

from sessions import actions
from sessions.records import Actor, Face, Scope

ROOT = Actor("root", Face.COMMAND)
BASE = "/api/v1"


@dataclass(frozen=True)
class Program:
    token: str
    client: Client

    @classmethod
    def new(cls, scope: str, *, user_id: str = "", per_minute: int | None = None) -> "Program":
        _, secret = actions.create_token(
            f"a {scope}er", scope=Scope(scope), user_id=user_id, requests_per_minute=per_minute, actor=ROOT
        )
        return cls(secret, Client(raise_request_exception=False))

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def put(self, path: str) -> Any:
        return self.send("PUT", path)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`body` is sent as JSON, or as it is where it is bytes; `If_Match="x"` sends `If-Match: x`."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method,
            BASE + path,
            data,
            content_type=named.pop("Content-Type", "application/json"),
            headers={"Authorization": f"Bearer {self.token}", **named},
        )


def told(response: HttpResponseBase) -> Any:
    """What an answer holds, as JSON."""
    return json.loads(b"".join(response.streaming_content) if response.streaming else response.content)  # type: ignore[attr-defined]


def code(response: Any) -> tuple[int, str]:
    """The status of a refusal, and its code."""
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, told(response)["code"]
