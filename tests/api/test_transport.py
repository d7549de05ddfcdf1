"""What holds for every operation: tokens, methods, headers, limits, and errors that nobody foresaw."""

import logging
from io import BytesIO
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client, RequestFactory
from django.urls import resolve
from pytest_django import Settings

from sessions import actions
from sessions.api.face import operations
from sessions.records import Scope
from tests.builders import make_session

from .programs import BASE, ROOT, Program, code, told

pytestmark = pytest.mark.django_db

SAMPLES = {
    "session_id": "main",
    "interaction_id": "0" * 32,
    "sequence": "1",
    "tag": "a",
    "merge_id": "0" * 32,
    "run_id": "0" * 32,
    "import_id": "0" * 32,
    "user_id": "alice",
    "preference": "editor",
}
OPERATIONS = [(method, path.format(**SAMPLES), name, scope) for method, path, name, scope in operations()]
WITH_TOKEN = [pytest.param(method, path, id=name) for method, path, name, scope in OPERATIONS if scope]
BEYOND_READ = [
    pytest.param(method, path, id=name) for method, path, name, scope in OPERATIONS if scope and scope != "read"
]


@pytest.mark.parametrize(("method", "path"), WITH_TOKEN)
def test_it_lets_nobody_in_without_a_token(client: Client, method: str, path: str) -> None:
    answer = client.generic(method, BASE + path, b"{", content_type="application/json")
    assert code(answer) == (401, "token_refused")
    assert answer["WWW-Authenticate"] == 'Bearer realm="Sessionsite"'


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer sst_unknown",
        "Basic c3N0Xzo=",
        "Bearer sst_\xe9",
        "Bearer " + "sst_" + "a" * 9_999,
    ],
)
def test_it_lets_nobody_in_with_what_is_no_token(db: None, client: Client, header: str) -> None:
    assert code(client.get(f"{BASE}/me", headers={"Authorization": header})) == (401, "token_refused")


def test_it_lets_nobody_in_with_a_revoked_token(db: None, client: Client) -> None:
    token, secret = actions.create_token("t", scope=Scope.READ, actor=ROOT)
    assert client.get(f"{BASE}/me", headers={"Authorization": f"bearer {secret}"}).status_code == 200
    actions.revoke_token(token.pk, actor=ROOT)
    assert code(client.get(f"{BASE}/me", headers={"Authorization": f"Bearer {secret}"})) == (401, "token_refused")


def test_a_signed_in_administrator_has_no_token(admin_client: Client) -> None:
    assert code(admin_client.get(f"{BASE}/sessions")) == (401, "token_refused")


@pytest.mark.parametrize(("method", "path"), BEYOND_READ)
def test_it_refuses_a_scope_that_does_not_reach(reader: Program, method: str, path: str) -> None:
    assert code(reader.send(method, path, b"{")) == (403, "scope_missing")


@pytest.mark.parametrize("path", ["/me", "/nothing", "/sessions/unknown", "/sessions?state=x"])
def test_every_answer_tells_what_is_left(reader: Program, path: str) -> None:
    answer = reader.get(path)
    if path != "/nothing":
        assert (answer["RateLimit-Limit"], answer["RateLimit-Remaining"]) == ("6000", "5999")
        assert 0 <= int(answer["RateLimit-Reset"]) <= 60
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert int(answer["Content-Length"]) == len(answer.content)


def test_it_slows_down_who_asks_too_often(db: None) -> None:
    program = Program.new("read", per_minute=2)
    assert [program.get("/me").status_code for _ in range(3)] == [200, 200, 429]
    answer = program.get("/me")
    assert code(answer) == (429, "too_many_requests")
    assert 1 <= int(answer["Retry-After"]) <= 30
    assert (answer["RateLimit-Limit"], answer["RateLimit-Remaining"]) == ("2", "0")


@pytest.mark.parametrize(
    "path", ["/", "", "/sessions/", "/nothing", "/sessions/a/b/c", "/%00", "/%ff", "/%0A", "/openapi.json/"]
)
def test_an_unknown_address_is_a_problem(client: Client, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS", "BREW"):
        assert code(client.generic(method, BASE + path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/sessions", "POST, GET, HEAD"),
        ("/sessions/main", "GET, HEAD"),
        ("/interactions:batch", "POST"),
        ("/me", "GET, HEAD"),
    ],
)
def test_an_unknown_method_is_told_the_known_ones(client: Client, path: str, allowed: str) -> None:
    for method in ("OPTIONS", "TRACE", "BREW"):
        answer = client.generic(method, BASE + path)
        assert code(answer) == (405, "method_not_allowed")
        assert answer["Allow"] == allowed


def test_a_head_is_a_get_without_its_body(reader: Program) -> None:
    head, get = reader.send("HEAD", "/me"), reader.get("/me")
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == get["Content-Length"]
    export = reader.send("HEAD", f"/sessions/{make_session().pk}/export")
    assert (export.status_code, export.getvalue()) == (200, b"")
    assert "attachment" in export["Content-Disposition"]


def test_it_takes_no_host_that_is_not_its_own(reader: Program) -> None:
    assert code(reader.get("/me", Host="evil.example")) == (400, "invalid_input")


def test_it_takes_no_more_than_the_limit(writer: Program, settings: Settings) -> None:
    settings.SESSIONSITE_MAX_REQUEST_MB = 1
    path = f"/sessions/{make_session().pk}/interactions"
    answer = writer.post(path, b'{"prompt": "' + b"a" * 1024 * 1024 + b'"}')
    assert code(answer) == (413, "body_too_large")
    assert "1,048,576 bytes" in told(answer)["detail"]
    assert writer.post(path, {"prompt": "a" * 1_000_000}).status_code == 201


class Endless(BytesIO):
    """A body that never ends, and counts what was taken of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size > 0
        self.taken += size
        return b" " * size


def test_it_reads_no_more_than_the_limit_of_what_tells_no_length(writer: Program, settings: Settings) -> None:
    settings.SESSIONSITE_MAX_REQUEST_MB = 1
    body = Endless()
    answer = _chunked(writer, body)
    assert code(answer) == (413, "body_too_large")
    assert body.taken < 1_200_000


def test_it_reads_a_body_that_tells_no_length(writer: Program) -> None:
    assert _chunked(writer, BytesIO(b'{"session_id": "one"}')).status_code == 201


def test_it_is_not_told_half_a_body(writer: Program) -> None:
    request = RequestFactory().post(f"{BASE}/sessions", b'{"title": "a"}       ', content_type="application/json")
    request.META |= {"CONTENT_LENGTH": "99", "HTTP_AUTHORIZATION": f"Bearer {writer.token}"}
    assert code(_answered(request)) == (400, "invalid_input")


def _chunked(program: Program, body: BytesIO) -> Any:
    request = RequestFactory().post(f"{BASE}/sessions", content_type="application/json")
    request.META |= {
        "wsgi.input": body,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_AUTHORIZATION": f"Bearer {program.token}",
    }
    del request.META["CONTENT_LENGTH"]
    return _answered(request)


def _answered(request: Any) -> Any:
    return resolve(request.path).func(request)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "a\0b", "json"]
)
def test_it_takes_nothing_but_json(writer: Program, kind: str) -> None:
    answer = writer.post("/sessions", {"title": "a"}, **{"Content-Type": kind})
    assert code(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_it_takes_json_however_it_is_called(writer: Program, kind: str) -> None:
    assert writer.post("/sessions", {"title": "a"}, **{"Content-Type": kind}).status_code == 201


def test_what_nobody_foresaw_is_logged_and_not_told(
    reader: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("what was said")

    monkeypatch.setattr("sessions.agents.get_session", broken)
    answer = reader.get("/sessions/main")
    assert code(answer) == (500, "server_error")
    assert b"what was said" not in answer.content
    assert "RateLimit-Limit" in answer
    assert next(record.message for record in caplog.records if record.levelno == logging.ERROR) == "request_failed"


@pytest.mark.parametrize("error", [OperationalError("secret"), InterfaceError("secret")])
def test_a_database_that_does_not_answer_may_be_asked_again(
    reader: Program, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def down(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("sessions.agents.get_session", down)
    answer = reader.get("/sessions/main")
    assert code(answer) == (503, "store_unavailable")
    assert answer["Retry-After"] == "5"
    assert b"secret" not in answer.content


def test_a_database_that_is_gone_before_the_token_is_known(reader: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise OperationalError("secret")

    monkeypatch.setattr("sessions.statements.find", down)
    assert code(reader.get("/me")) == (503, "store_unavailable")


def test_a_misspelt_filter_shows_nothing(reader: Program) -> None:
    answer = reader.get("/users?user=alice")
    assert code(answer) == (400, "invalid_input")
    assert "cursor, limit, prefix" in told(answer)["hint"]


def test_it_names_what_is_wrong_and_repeats_nothing_of_it(writer: Program) -> None:
    answer = writer.post("/sessions", {"title": 4711, "titel": "a secret", "tags": ["a", 4712]})
    errors = told(answer)["errors"]
    assert [error["field"] for error in errors] == ["title", "tags.1", "titel"]
    assert errors[2]["message"] == "is not a known member"
    assert not any(value in answer.text for value in ("secret", "4711", "4712"))


def test_it_names_no_more_than_twenty_mistakes(writer: Program) -> None:
    answer = writer.post("/sessions", {f"unknown-{'x' * 200}-{number}": number for number in range(99)})
    errors = told(answer)["errors"]
    assert (len(errors), max(len(error["field"]) for error in errors)) == (20, 100)
    assert "And 98 more." in told(answer)["detail"]


@pytest.mark.parametrize("value", ["secret-4711", "2026-13-01T00:00:00Z", 1_700_000_000, "2026-03-02"])
def test_a_wrong_time_is_not_repeated(writer: Program, value: object) -> None:
    answer = writer.post(f"/sessions/{make_session().pk}/interactions", {"occurred_at": value})
    assert code(answer) == (400, "invalid_input")
    assert str(value) not in answer.text


def test_a_wrong_uuid_is_not_repeated(writer: Program) -> None:
    answer = writer.post(f"/sessions/{make_session().pk}/interactions", {"parent_id": "secret-4711"})
    assert told(answer)["errors"] == [{"field": "parent_id", "message": "must be a UUID"}]
