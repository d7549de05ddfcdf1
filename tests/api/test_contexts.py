"""Context, tags and export over REST: conditions upon a version as RFC 9110 §13 has them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from sessions import actions
from sessions.exporters.catalogue import FORMATS
from sessions.exporters.document import JSON_FORMAT
from sessions.exporters.formats import Conversation, Format
from sessions.models import Session
from tests.builders import ALICE, make_session

from .programs import Program, code, told

OTHER = '"000000000000000000000000"'


def test_it_reads_a_context_and_its_version(reader: Program) -> None:
    path = f"/sessions/{make_session(title='T').pk}/context"
    answer = reader.get(path)
    assert answer["ETag"] == f'"{told(answer)["version"]}"'
    assert told(answer)["title"] == "T"
    assert answer["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("header", ["{}", "W/{}", f"{OTHER}, {{}}", "*", f'{OTHER},W/{{}}, "b"'])
def test_it_sends_nothing_anew_that_is_known(reader: Program, header: str) -> None:
    path = f"/sessions/{make_session().pk}/context"
    tag = reader.get(path)["ETag"]
    answer = reader.get(path, If_None_Match=header.format(tag))
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert "Content-Length" not in answer
    assert reader.get(path, If_None_Match=OTHER).status_code == 200


def test_it_replaces_what_is_given(writer: Program) -> None:
    session = make_session(title="T")
    found = told(writer.patch(f"/sessions/{session.pk}/context", {"context_summary": "S", "active_topics": ["a"]}))
    assert (found["title"], found["context_summary"], found["active_topics"]) == ("T", "S", ["a"])


@pytest.mark.parametrize("header", ["{}", "*", f"{OTHER}, {{}}", "  {}  ,"])
def test_it_changes_the_version_that_was_seen(writer: Program, header: str) -> None:
    path = f"/sessions/{make_session().pk}/context"
    answer = writer.patch(path, {"title": "T"}, If_Match=header.format(writer.get(path)["ETag"]))
    assert answer.status_code == 200
    assert answer["ETag"] == writer.get(path)["ETag"]


@pytest.mark.parametrize("header", [OTHER, "W/{}", f'{OTHER}, "b"', f"{OTHER}, W/{{}}"])
def test_it_changes_no_other_version(writer: Program, header: str) -> None:
    session = make_session(title="T")
    path = f"/sessions/{session.pk}/context"
    answer = writer.patch(path, {"title": "new"}, If_Match=header.format(writer.get(path)["ETag"]))
    assert code(answer) == (412, "context_changed")
    assert Session.objects.get().title == "T"


@pytest.mark.parametrize("header", ["", "abc", '"a', "W/", '"a" "b"', '"a";b', "* , *", '"a\\"b"'])
def test_it_refuses_what_is_no_list_of_tags(writer: Program, header: str) -> None:
    path = f"/sessions/{make_session().pk}/context"
    assert code(writer.patch(path, {"title": "new"}, If_Match=header)) == (400, "invalid_input")
    assert code(writer.get(path, If_None_Match=header)) == (400, "invalid_input")


@pytest.mark.parametrize("body", [{}, {"titel": "T"}, {"title": 1}, {"tags": "a"}, {"metadata": []}, {"title": "a\0"}])
def test_it_refuses_an_edit_that_makes_no_sense(writer: Program, body: object) -> None:
    assert code(writer.patch(f"/sessions/{make_session().pk}/context", body)) == (400, "invalid_input")


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("plain", "plain"),
        ("a%20b", "a b"),
        ("a%2Fb", "a/b"),
        ("a~2Fb", "a/b"),
        ("~2E~2E", ".."),
        ("%F0%9F%8E%89", "🎉"),
    ],
)
def test_it_adds_and_removes_a_tag(writer: Program, path: str, tag: str) -> None:
    address = f"/sessions/{make_session().pk}/tags/{path}"
    answer = writer.put(address)
    assert told(answer)["tags"] == [tag]
    assert answer["ETag"] == f'"{told(answer)["version"]}"'
    assert told(writer.delete(address))["tags"] == []
    assert told(writer.delete(address))["tags"] == []


@pytest.mark.parametrize("path", ["%00", "%ff", "a" * 101, "%20", "%0a"])
def test_it_refuses_a_tag_that_cannot_be_kept(writer: Program, path: str) -> None:
    assert writer.put(f"/sessions/{make_session().pk}/tags/{path}").status_code in (400, 404)
    assert not Session.objects.get().tags.exists()


def test_it_refuses_to_edit_what_lies_in_the_trash(writer: Program) -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    path = f"/sessions/{session.pk}"
    assert code(writer.patch(f"{path}/context", {"title": "T"})) == (409, "session_trashed")
    assert code(writer.put(f"{path}/tags/a")) == (409, "session_trashed")


@pytest.mark.parametrize(
    ("form", "kind", "ending"),
    [
        ("json", "application/json", "json"),
        ("jsonl", "application/x-ndjson", "jsonl"),
        ("markdown", "text/markdown", "md"),
    ],
)
def test_it_exports(reader: Program, form: str, kind: str, ending: str) -> None:
    session = make_session(session_id="one", turns=2)
    answer = reader.get(f"/sessions/one/export?format={form}")
    assert answer.streaming
    assert answer["Content-Type"].partition(";")[0] == kind
    assert answer["Content-Disposition"] == f'attachment; filename="one.{ending}"'
    text = answer.getvalue().decode()
    assert "request 2" in text
    if form == "json":
        assert json.loads(text)["session_info"]["session_id"] == session.pk


def test_an_export_that_fails_at_its_start_is_a_problem(reader: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Conversation) -> Iterator[str]:
        raise RuntimeError("what was said")
        yield ""

    session = make_session()
    assert code(reader.get("/sessions/unknown/export")) == (404, "session_not_found")
    assert code(reader.get(f"/sessions/{session.pk}/export?format=pdf")) == (400, "invalid_input")
    monkeypatch.setitem(cast(dict[str, Format], FORMATS), "json", replace(JSON_FORMAT, write=broken))
    answer = reader.get(f"/sessions/{session.pk}/export")
    assert code(answer) == (500, "server_error")
    assert b"what was said" not in answer.content
