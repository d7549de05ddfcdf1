"""Files in and out: imports and archives, against a running site, and an upload's pieces."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sessionsite_client import (
    AsyncClient,
    Client,
    Conflict,
    InvalidInput,
    NotFound,
    ScopeMissing,
    TooLarge,
    Unavailable,
)
from sessionsite_client.uploads import Upload

from .fake import Answer, Fake
from .running import run
from .server import Server

IMPORT = {
    "import_id": "i",
    "created_at": "2026-01-01T00:00:00Z",
    "created_by": "token:t",
    "state": "queued",
    "size_bytes": 6,
    "bytes_done": 0,
}


def said(name: str, *texts: str) -> bytes:
    """A file of OpenAI messages, of one conversation."""
    return json.dumps({"id": name, "messages": [{"role": "user", "content": text} for text in texts]}).encode()


@pytest.fixture
def chat(tmp_path: Path, name: str) -> Path:
    path = tmp_path / "talk.json"
    path.write_bytes(said(name, "where is the zwieback", "in the cupboard?"))
    return path


def test_it_imports_a_file_and_takes_it_back(client: Client, chat: Path, name: str) -> None:
    started = client.start_import(chat, user_id=name, tags=["old", name])
    assert (started.file_names, started.size_bytes, started.tags) == (["talk.json"], chat.stat().st_size, [name, "old"])
    done = client.wait_for_import(started.import_id, within=30)
    assert (done.state, done.error, done.bytes_done) == ("done", "", done.size_bytes)
    [session] = client.sessions(tag=name)
    assert (session.user_id, session.total_interactions) == (name, 2)
    assert [one.prompt for one in client.history(session.session_id)] == ["where is the zwieback", "in the cupboard?"]
    assert client.undo_import(started.import_id).state in ("undoing", "undone")
    assert client.wait_for_import(started.import_id, within=30).state == "undone"
    assert client.get_session(session.session_id).state == "trashed"


def test_it_looks_at_a_file_before_it_is_taken_in(client: Client, chat: Path, name: str) -> None:
    started = client.start_import(chat.read_bytes(), name=name, preview=True)
    looked = client.wait_for_import(started.import_id, within=30)
    assert (looked.state, looked.file_names) == ("ready", [name])
    assert (looked.preview["new_interactions"], looked.preview["known_interactions"]) == (2, 0)
    assert client.confirm_import(looked.import_id).state in ("queued", "importing", "done")
    assert client.wait_for_import(looked.import_id, within=30).state == "done"
    with pytest.raises(Conflict):
        client.cancel_import(looked.import_id)


def test_it_drops_what_was_only_looked_at(client: Client, chat: Path) -> None:
    with chat.open("rb") as file:
        looked = client.start_import(file, preview=True)
    assert looked.file_names == ["talk.json"]
    client.wait_for_import(looked.import_id, within=30)
    assert client.cancel_import(looked.import_id).state == "cancelled"
    assert looked.import_id in [one.import_id for one in client.imports(page=1)]
    assert len(client.list_imports(limit=1).imports) == 1


def test_it_says_what_is_wrong_with_an_import(client: Client, writer: Client, chat: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        client.start_import(b"")
    with pytest.raises(InvalidInput):
        client.start_import(chat, form="nothing")
    with pytest.raises(NotFound):
        client.get_import("00000000-0000-7000-8000-000000000000")
    damaged = client.wait_for_import(client.start_import(b"no transcript at all", name=name).import_id, within=30)
    assert damaged.state in ("done", "failed")
    assert damaged.error or damaged.report
    with pytest.raises(ScopeMissing):
        writer.undo_import(damaged.import_id)


def test_it_is_shown_its_own_imports_alone(server: Server, client: Client, tokens: dict[str, str], chat: Path) -> None:
    ours = client.start_import(chat)
    with Client(server.url, tokens["alice"]) as alice:
        hers = alice.start_import(chat, name="hers")
        assert [one.import_id for one in alice.imports()] == [hers.import_id]
        with pytest.raises(NotFound):
            alice.get_import(ours.import_id)
    for one in (ours, hers):
        client.wait_for_import(one.import_id, within=30)


def test_it_waits_until_an_import_is_over_but_not_for_ever(fake: Fake) -> None:
    fake.will(
        Answer(200, IMPORT), Answer(200, {**IMPORT, "state": "importing"}), Answer(200, {**IMPORT, "state": "done"})
    )
    fake.otherwise(lambda asked: Answer(200, IMPORT))
    waits: list[float] = []
    with Client(fake.url, "sst_t", sleep=waits.append) as client:
        assert client.wait_for_import("i", within=60, every_seconds=3).state == "done"
        assert waits == [3, 3]
        with pytest.raises(TimeoutError, match="queued"):
            client.wait_for_import("i", within=0)


def test_it_tells_the_size_beforehand_and_sends_all_of_it_again(fake: Fake, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"x" * 200_000)
    fake.will(Answer(429, {"code": "too_many_requests"}), Answer(202, IMPORT))
    with Client(fake.url, "sst_t", sleep=lambda _: None) as client:
        client.start_import(path, tags=["a", "b"], preview=True)
    assert [(one.body, one.headers["Content-Length"]) for one in fake.asked] == [(b"x" * 200_000, "200000")] * 2
    assert fake.asked[0].headers["Content-Type"] == "application/octet-stream"
    assert fake.asked[0].path == "/api/v1/imports?name=a.zip&tag=a&tag=b&preview=true"


def test_it_sends_a_file_once_where_nobody_knows_whether_it_arrived(fake: Fake) -> None:
    fake.will(Answer(503, {"code": "unavailable"}), Answer(202, IMPORT))
    with Client(fake.url, "sst_t", sleep=lambda _: None) as client, pytest.raises(Unavailable):
        client.start_import(b"once")
    assert len(fake.asked) == 1


def test_it_hears_that_a_file_is_too_large(fake: Fake) -> None:
    fake.will(Answer(413, {"code": "upload_too_large", "detail": "Too large."}))
    with Client(fake.url, "sst_t") as client, pytest.raises(TooLarge):
        client.start_import(b"x" * 1_000_000)


def test_an_upload_is_what_stands_behind_the_place_where_the_file_is() -> None:
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    upload = Upload(file)
    assert (upload.size_bytes, upload.name) == (6, "upload")
    file.seek(0, os.SEEK_END)
    file.write(b"later")
    assert b"".join(upload.pieces()) == b"".join(upload.pieces()) == b"456789"


def test_an_upload_refuses_what_it_cannot_send(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe, pytest.raises(ValueError, match="pipe"):
        Upload(pipe)
    with pytest.raises(FileNotFoundError):
        Upload(tmp_path / "nothing")
    path = tmp_path / "a.txt"
    path.write_text("text")
    with path.open(encoding="utf-8") as file, pytest.raises(TypeError, match="bytes"):
        list(Upload(file).pieces())  # type: ignore[arg-type]
    upload = Upload(path)
    path.write_text("t")
    with pytest.raises(OSError, match="shorter"):
        list(upload.pieces())


def test_it_writes_many_sessions_into_an_archive(client: Client, name: str, tmp_path: Path) -> None:
    for number in range(3):
        client.start_session(f"{name}.{number}", user_id=name)
        client.log(f"{name}.{number}", prompt="a", response="b")
    size = client.export_many(tmp_path / "all.zip", user_id=name)
    assert size == (tmp_path / "all.zip").stat().st_size
    assert sessions_in(tmp_path / "all.zip") == [f"{name}.{number}" for number in range(3)]
    client.export_many(tmp_path / "rest.zip", user_id=name, after=f"{name}.0")
    assert sessions_in(tmp_path / "rest.zip") == [f"{name}.1", f"{name}.2"]
    memory = io.BytesIO()
    client.export_many(memory, "markdown", session_ids=[f"{name}.2", f"{name}.0"])
    with zipfile.ZipFile(memory) as archive:
        assert len([one for one in archive.namelist() if one.endswith(".md")]) == 2
    with client.export_many_stream(prefix=f"{name}.1") as pieces:
        assert zipfile.is_zipfile(io.BytesIO(b"".join(pieces)))


def test_it_refuses_an_archive_of_what_is_not_there(client: Client, name: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        client.export_many(tmp_path / "all.zip", session_ids=[name])
    with pytest.raises(InvalidInput):
        client.export_many(tmp_path / "all.zip", session_ids=[])
    with pytest.raises(ValueError, match="not both"):
        client.export_many(tmp_path / "all.zip", session_ids=[name], user_id=name)
    assert list(tmp_path.iterdir()) == []


def sessions_in(path: Path) -> list[str]:
    """The sessions of an archive of JSON, by the documents in it."""
    with zipfile.ZipFile(path) as archive:
        documents = [json.loads(archive.read(one)) for one in archive.namelist() if one.endswith(".json")]
    return [one["session_info"]["session_id"] for one in documents if "session_info" in one]


def test_it_does_the_same_asynchronously(
    connect: Callable[..., AsyncClient], chat: Path, name: str, tmp_path: Path
) -> None:
    async def round_trip() -> tuple[str, str, int, bool]:
        async with connect() as client:
            started = await client.start_import(chat, tags=[name])
            done = await client.wait_for_import(started.import_id, within=30, every_seconds=0.1)
            size = await client.export_many(tmp_path / "all.zip", tag=name)
            listed = [one.import_id async for one in client.imports(page=2)]
            await client.undo_import(started.import_id)
            undone = await client.wait_for_import(started.import_id, within=30)
            return done.state, undone.state, size, started.import_id in listed

    done, undone, size, is_listed = run(round_trip())
    assert (done, undone, is_listed) == ("done", "undone", True)
    assert size == (tmp_path / "all.zip").stat().st_size
    assert len(sessions_in(tmp_path / "all.zip")) == 1
