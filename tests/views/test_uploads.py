"""Files that a browser sends: where they are taken, from whom, how much, and under which names."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.test import RequestFactory

from sessions.views import uploads
from sessions.views.uploads import files_of, problem_of

BOUNDARY = "line"
STAFF = User(username="carol", is_staff=True)
ADMINISTRATOR = User(username="alice", is_staff=True, is_superuser=True)


def sent(*files: tuple[str, bytes], user: Any = ADMINISTRATOR, place: str = "sessions:imports") -> HttpRequest:
    """A form with a field and files, as a browser would send it."""
    parts = [b'Content-Disposition: form-data; name="user"\r\n\r\nbob']
    parts += [
        f'Content-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode() + content
        for name, content in files
    ]
    body = b"".join(b"--line\r\n" + part + b"\r\n" for part in parts) + b"--line--\r\n"
    request = RequestFactory().generic("POST", "/", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    request.user, request.resolver_match = user, SimpleNamespace(view_name=place)  # type: ignore[assignment]
    return request


def content(request: HttpRequest) -> dict[str, bytes]:
    return {file.path: b"".join(file.pieces()) for file in files_of(request)}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.uploads._PIECE_BYTES", 3)


def test_it_keeps_every_file_with_its_folders() -> None:
    request = sent(("a.json", b"0123456789"), ("x/y/a.json", b""), ("x/b.json", b"more"))
    assert content(request) == {"a.json": b"0123456789", "x/y/a.json": b"", "x/b.json": b"more"}
    assert (request.POST["user"], problem_of(request)) == ("bob", "")
    request.close()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/root/./x", "root/x"),
        ("..\\..\\x", "x"),
        ("a\x1b\u202e.json", "a.json"),
        ("C:/a.zip", "C:/a.zip"),
        ("W/" * 400 + "x", "W/" * 400 + "x"),
    ],
)
def test_it_takes_no_way_out_of_a_name(name: str, kept: str) -> None:
    request = sent((name, b"1"))
    assert list(content(request)) == [kept]
    request.close()


@pytest.mark.parametrize("user", [AnonymousUser(), STAFF], ids=["nobody", "a reader"])
def test_it_takes_nothing_from_others(user: Any) -> None:
    request = sent(("a.json", b"1"), user=user)
    assert (content(request), request.POST["user"]) == ({}, "bob")


def test_it_takes_nothing_where_no_files_are_wanted() -> None:
    assert content(sent(("a.json", b"1"), place="sessions:sign-in")) == {}


def test_it_says_that_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    request = sent(("a", b"1"), ("b", b"2"), ("c", b"3"))
    assert (content(request), problem_of(request)) == ({}, "More than 2 files at once.")


def test_it_says_that_it_is_too_large(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SESSIONSITE_MAX_UPLOAD_MB = 1
    monkeypatch.setattr(uploads, "_AROUND_BYTES", 0)
    request = sent(("a", b"x" * 1024 * 1024))
    assert (content(request), problem_of(request)) == ({}, "More than 1 MB at once.")


def test_it_takes_nothing_that_broke_off() -> None:
    request = sent(("a", b"1"), ("b", b"22222222"))
    whole = request.read()
    request = RequestFactory().generic("POST", "/", whole[:-20], content_type=request.META["CONTENT_TYPE"])
    request.user, request.resolver_match = ADMINISTRATOR, SimpleNamespace(view_name="sessions:imports")  # type: ignore[assignment]
    assert (content(request), problem_of(request)) == ({}, "The upload broke off.")
    request.close()
