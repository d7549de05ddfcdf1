"""The entrance over HTTP: who comes in, by which address, with how much, and what is answered at once."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from mcp.server.lowlevel import Server
from pytest_django import Settings

from sessions.mcp_server.http import endpoint
from sessions.models import Interaction
from sessions.records import Scope
from tests.builders import make_session

from .conftest import MakeToken

type Post = Callable[..., HttpResponse]

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def modern(method: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A request of the present revision, and the headers that go with it."""
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    if name := params.get("name") or params.get("uri"):
        headers["Mcp-Name"] = name
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}, headers


def legacy(method: str, params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The same of the revision before."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, {"MCP-Protocol-Version": "2025-11-25"}


@pytest.fixture
def post(client: Client, token: MakeToken) -> Post:
    """Posts to /mcp with a token; `body` is sent as it is where it is bytes."""
    secret = token(Scope.ADMIN)

    def send(body: Any, headers: Mapping[str, str] | None = None, **more: Any) -> HttpResponse:
        sent = {
            "Authorization": f"Bearer {secret}",
            "Accept": "application/json, text/event-stream",
            "Host": "localhost",
            **(headers or {}),
        }
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer: Any = client.post("/mcp", content, content_type="application/json", headers=sent, **more)
        return answer  # type: ignore[no-any-return]

    return send


def listed(answer: HttpResponse) -> bool:
    """Whether an answer is the list of tools that was asked for."""
    return answer.status_code == 200 and len(json.loads(answer.content)["result"]["tools"]) > 5


LIST = modern("tools/list", {})


def test_it_answers_and_tells_the_budget(post: Post) -> None:
    answer = post(*LIST)
    assert listed(answer)
    assert answer["Content-Type"] == "application/json"
    assert answer["RateLimit-Limit"] == "6000"


@pytest.mark.parametrize("header", ["", "Basic Zm9v", "Bearer", "Bearer nonsense", "Bearer sst_unknown"])
def test_it_wants_a_token(post: Post, header: str) -> None:
    body, headers = LIST
    answer = post(body, {**headers, "Authorization": header})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert json.loads(answer.content)["error"]["data"]["code"] == "token_refused"


def test_it_slows_who_asks_too_often(client: Client, token: MakeToken) -> None:
    body, headers = LIST
    sent = {**headers, "Authorization": f"Bearer {token(requests_per_minute=1)}", "Accept": "application/json"}
    answers = [client.post("/mcp", body, content_type="application/json", headers=sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert int(answers[1]["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://localhost:6274", 200),
        ("https://127.0.0.1", 200),
        ("http://[::1]:8000", 200),
        ("https://app.example.org", 200),
        ("http://evil.example.com", 403),
        ("http://localhost.evil.example.com", 403),
        ("http://user@localhost@evil.example.com", 403),
        ("http://localhost/path", 403),
        ("file://localhost", 403),
        ("null", 403),
        ("", 403),
        ("http://[::1", 403),
    ],
)
def test_it_answers_no_page_of_another_site(post: Post, settings: Settings, origin: str | None, status: int) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.example.org"]
    body, headers = LIST
    assert post(body, headers | ({} if origin is None else {"Origin": origin})).status_code == status


@pytest.mark.parametrize("host", ["evil.example.com", "localhost.evil.example.com", "localhost@evil"])
def test_it_answers_to_no_name_but_its_own(post: Post, host: str) -> None:
    body, headers = LIST
    answer = post(body, {**headers, "Host": host})
    assert answer.status_code == 400
    assert json.loads(answer.content)["error"]["data"]["code"] == "foreign_host"


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_it_takes_post_alone_and_says_so_at_once(client: Client, method: str) -> None:
    answer = getattr(client, method)("/mcp", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"


@pytest.mark.parametrize("method", ["subscriptions/listen", "resources/subscribe", "logging/setLevel", "no/such"])
def test_it_keeps_no_stream_open(post: Post, method: str) -> None:
    answer = post(*modern(method, {"notifications": {"toolsListChanged": True}, "uri": "session://one"}))
    assert answer.status_code == 404
    assert json.loads(answer.content)["error"]["code"] == -32601


def test_a_session_of_the_transport_means_nothing(post: Post) -> None:
    body, headers = legacy("tools/list", {})
    answer = post(body, {**headers, "Mcp-Session-Id": "made up"})
    assert listed(answer)
    assert "Mcp-Session-Id" not in answer


def test_it_takes_no_more_than_it_may(post: Post, settings: Settings) -> None:
    settings.SESSIONSITE_MAX_REQUEST_MB = 1
    body, headers = modern("tools/call", {"name": "log_interaction", "arguments": {"prompt": "x" * 2**20}})
    answer = post(body, headers)
    assert answer.status_code == 413
    assert "1,048,576 bytes" in json.loads(answer.content)["error"]["message"]


def test_it_takes_as_much_as_it_may(post: Post) -> None:
    make_session(session_id="one")
    arguments = {"session_id": "one", "prompt": "x" * 4_000_000}
    answer = post(*modern("tools/call", {"name": "log_interaction", "arguments": arguments}))
    assert json.loads(answer.content)["result"]["structuredContent"]["added"] == 1


def test_it_says_when_the_database_does_not_answer(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OperationalError

    monkeypatch.setattr("sessions.mcp_server.http.admit", gone)
    answer = post(*LIST)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_it_gives_up_in_time(rf: RequestFactory, token: MakeToken, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("sessions.mcp_server.http.WAIT_SECONDS", 0.2)
    view = endpoint(lambda: Server("silent", on_list_tools=hang))
    body, headers = LIST
    sent = {**headers, "Authorization": f"Bearer {token()}", "Accept": "application/json", "Host": "localhost"}
    answer = view(rf.post("/mcp", json.dumps(body), content_type="application/json", headers=sent))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"


# --- What is no good request --------------------------------------------------------------------------------


@pytest.mark.parametrize("era", [modern, legacy])
@pytest.mark.parametrize(
    "content",
    [
        b" ",
        b"{",
        b"[]",
        b"null",
        b"42",
        b'"text"',
        b"\xff\xfe",
        b'{"jsonrpc": "2.0", "id": NaN, "method": "ping"}',
        b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": 1e999, "method": "ping"}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"9" * 100_000,
    ],
    ids=lambda content: content[:30].decode("latin-1") if isinstance(content, bytes) else "",
)
def test_it_refuses_what_is_no_request(post: Post, era: Callable[..., Any], content: bytes) -> None:
    answer = post(content, era("tools/list", {})[1])
    if b"id" in content and era is legacy:
        # Without an ID that could be one it is a notification there, which nobody answers.
        assert answer.status_code in (202, 400)
        return
    assert answer.status_code == 400
    assert json.loads(answer.content)["error"]["code"] in (-32700, -32600, -32602)


HOSTILE = {
    "NaN": "NaN",
    "Infinity": "Infinity",
    "1e999": "1e999",
    "lone surrogate": r'"\ud800"',
    "NUL": r'"\u0000"',
    "deep": "[" * 5_000 + "]" * 5_000,
    "long number": "9" * 4_000,
    "duplicate": '{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("era", [modern, legacy])
@pytest.mark.parametrize("member", ["prompt", "tool_parameters", "metadata", "execution_time_ms", "idempotency_key"])
@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_hostile_crashes_it(post: Post, era: Callable[..., Any], member: str, value: str) -> None:
    make_session(session_id="one")
    arguments = {"session_id": "one", "response": "heard", member: "@"}
    body, headers = era("tools/call", {"name": "log_interaction", "arguments": arguments})
    answer = post(json.dumps(body).replace('"@"', HOSTILE[value]).encode(), headers)
    assert answer.status_code in (200, 400), answer.content[:300]
    told = json.loads(answer.content)
    if answer.status_code == 400:
        assert told["error"]["code"] in (-32700, -32602)
    elif told["result"].get("isError"):
        assert told["result"]["content"][0]["text"].startswith("invalid_input: ")
    stored = bool(Interaction.objects.exists())
    assert stored is (answer.status_code == 200 and not told["result"].get("isError"))
    assert listed(post(*LIST))


@pytest.mark.parametrize("tool", ["list_sessions", "search_sessions", "list_preferences", "resume_session"])
@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 100_000, "%", "'; --", "«»"])
def test_no_text_crashes_a_question(post: Post, tool: str, text: str) -> None:
    named = {"list_sessions": "user_id", "search_sessions": "query", "list_preferences": "user_id"}
    arguments = {named.get(tool, "session_id"): text}
    answer = post(*modern("tools/call", {"name": tool, "arguments": arguments}))
    result = json.loads(answer.content)["result"]
    assert not result.get("isError") or not result["content"][0]["text"].startswith("server_error")


def test_a_reply_says_how_long_it_is(post: Post) -> None:
    answer = post(*legacy("tools/list", {}))
    assert int(answer["Content-Length"]) == len(answer.content) > 0
