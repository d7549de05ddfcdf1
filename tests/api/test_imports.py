"""Files of other tools over REST: sent as they are, taken in by the worker, followed, undone."""

import io
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from sessions import actions
from sessions.actions import import_work
from sessions.models import Import, Interaction, Session
from tests.actions.test_import_runs import lines
from tests.builders import log, make_session

from .programs import BASE, Program, code, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def idle_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_work, "_worker", import_work._Worker())


def send(program: Program, content: bytes, query: str = "") -> Any:
    return program.post(f"/imports{query}", content, Content_Type="application/zip")


def work(program: Program, answer: Any) -> Any:
    """What an import is told to be once the worker has done its part."""
    while actions.work_on_imports(seconds=60):
        pass
    return told(program.get(answer["Location"].removeprefix(BASE)))


def test_it_takes_a_file_in(writer: Program) -> None:
    answer = send(writer, lines(1, 2), "?name=mine.jsonl&user_id=bob&tag=a&tag=b")
    assert (answer.status_code, told(answer)["state"]) == (202, "queued")
    done = work(writer, answer)
    assert (done["state"], done["report"]["added"], done["file_names"]) == ("done", 2, ["mine.jsonl"])
    session = Session.objects.get()
    assert (session.user_id, sorted(session.tags.values_list("name", flat=True))) == (
        "bob",
        ["a", "b", "claude-code"][:2],
    )


def test_sending_it_twice_adds_nothing(writer: Program) -> None:
    work(writer, send(writer, lines(1, 2)))
    done = work(writer, send(writer, lines(1, 2), "?name=other"))
    assert (done["report"]["added"], done["report"]["known"]) == (0, 2)


def test_it_waits_for_a_yes_when_asked_to(writer: Program) -> None:
    answer = send(writer, lines(1, 2), "?preview=true")
    found = work(writer, answer)
    assert (found["state"], found["preview"]["new_interactions"], Session.objects.count()) == ("ready", 2, 0)
    writer.post(f"/imports/{found['import_id']}/confirm")
    assert work(writer, answer)["report"]["added"] == 2


def test_it_is_cancelled(writer: Program, data_dir: Path) -> None:
    import_id = told(send(writer, lines(1)))["import_id"]
    assert told(writer.post(f"/imports/{import_id}/cancel"))["state"] == "cancelled"
    assert not any((data_dir / "imports").iterdir())
    assert code(writer.post(f"/imports/{import_id}/confirm")) == (409, "conflict")


def test_an_administrators_token_undoes_it(writer: Program, admin: Program) -> None:
    answer = send(writer, lines(1))
    import_id = work(writer, answer)["import_id"]
    assert code(writer.post(f"/imports/{import_id}/undo")) == (403, "scope_missing")
    admin.post(f"/imports/{import_id}/undo")
    assert work(admin, answer)["report"]["undo"]["trashed_count"] == 1


def test_a_bound_tokens_file_becomes_its_users(bound: Callable[[str], Program]) -> None:
    make_session(session_id="s1", user_id="bob")
    log("s1", prompt="bob's")
    program = bound("write")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("s1.jsonl", lines(1))
        packed.writestr("s2.jsonl", lines(1, session_id="s2"))
    done = work(program, send(program, archive.getvalue()))
    assert (done["report"]["added"], Session.objects.get(pk="s2").user_id) == (1, "alice")
    assert Interaction.objects.get(session="s1").prompt == "bob's"


def test_a_bound_token_sees_its_own_alone(bound: Callable[[str], Program], writer: Program) -> None:
    program = bound("write")
    mine, others = told(send(program, lines(1))), told(send(writer, lines(1)))
    assert [one["import_id"] for one in told(program.get("/imports"))["imports"]] == [mine["import_id"]]
    assert code(program.get(f"/imports/{others['import_id']}")) == (404, "not_found")
    assert code(send(program, lines(1), "?user_id=bob")) == (404, "user_not_found")


def test_it_lists_page_by_page(writer: Program) -> None:
    ids = [told(send(writer, lines(1)))["import_id"] for _ in range(3)]
    first = told(writer.get("/imports?limit=2"))
    rest = told(writer.get(f"/imports?limit=2&cursor={first['next_cursor']}"))
    assert [one["import_id"] for one in (*first["imports"], *rest["imports"])] == ids[::-1]
    assert rest["next_cursor"] == ""


@pytest.mark.parametrize("query", ["?name=../../x", "?name=a%2F..%2F..%2Fx", "?format=nothing", "?tag=%20", "?nme=x"])
def test_it_refuses_what_makes_no_sense(writer: Program, data_dir: Path, query: str) -> None:
    assert code(send(writer, b"x", query)) == (400, "invalid_input")
    assert not Import.objects.exists()
    assert not any((data_dir / "imports").glob("*/*"))


def test_it_refuses_an_empty_body(writer: Program) -> None:
    assert code(send(writer, b"")) == (400, "invalid_input")


def test_it_refuses_more_than_the_limit(writer: Program, settings: Settings, data_dir: Path) -> None:
    settings.SESSIONSITE_MAX_UPLOAD_MB = 1
    assert code(send(writer, b"x" * (1024 * 1024 + 1))) == (413, "upload_too_large")
    assert not any((data_dir / "imports").glob("*"))


class Chunked(io.RawIOBase):
    """A body that does not say how long it is."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


def test_a_body_of_no_stated_length_is_held_to_the_limit(writer: Program, settings: Settings, data_dir: Path) -> None:
    settings.SESSIONSITE_MAX_UPLOAD_MB = 1
    endless = Chunked(iter(lambda: b"x" * 65536, b""))
    extra: dict[str, Any] = {"wsgi.input": endless, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    answer = Client().generic(
        "POST", f"{BASE}/imports", b"", headers={"Authorization": f"Bearer {writer.token}"}, **extra
    )
    assert code(answer) == (413, "upload_too_large")
    assert not any((data_dir / "imports").glob("*"))


def _bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", b"[" + b" " * 300_000_000)
    return packed.getvalue()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_bomb, id="zip bomb"),
        pytest.param(lambda: b"[" * 5_000_000, id="deep nesting"),
        pytest.param(lambda: b'{"type": "user", "uuid": "' + b"x" * 50_000_000, id="giant line"),
        pytest.param(lambda: b"\x1f\x8b" + zlib.compress(b" " * 50_000_000), id="no gzip"),
    ],
)
def test_a_trap_costs_little_and_stores_nothing(writer: Program, content: Callable[[], bytes]) -> None:
    answer = send(writer, content())
    began = time.process_time()
    done = work(writer, answer)
    assert time.process_time() - began < 5
    assert (done["report"]["added"], Session.objects.count()) == (0, 0)
