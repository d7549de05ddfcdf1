"""Many sessions over REST, as one archive: what is in it, whose, and how it is gone on with."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from sessions import actions
from sessions.exporters.catalogue import FORMATS
from tests.builders import ALICE, make_session

from .programs import Program, code


def opened(answer: Any) -> zipfile.ZipFile:
    assert answer.streaming
    assert answer["Content-Type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.getvalue()))


def ids_in(answer: Any) -> list[str]:
    lines = [json.loads(line) for line in opened(answer).read("manifest.jsonl").splitlines()]
    return [line["session_id"] for line in lines if "sha256" in line]


@pytest.mark.parametrize("form", FORMATS)
def test_it_exports_what_a_list_would_hold(reader: Program, form: str) -> None:
    make_session(session_id="a", turns=1, tags=["tea"])
    make_session(session_id="b", turns=1)
    archive = opened(reader.get(f"/exports?format={form}&tag=tea"))
    assert archive.namelist() == [f"sessions/a.{FORMATS[form].ending}", "manifest.jsonl"]
    assert "request 1" in archive.read(archive.namelist()[0]).decode()


def test_it_exports_those_that_are_named_and_leads_to_survivors(reader: Program) -> None:
    for name in "abcd":
        make_session(session_id=name, turns=1)
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    answer = reader.post("/exports", {"session_ids": ["b", "a", "d"]})
    assert answer["Content-Disposition"].startswith('attachment; filename="sessions-20')
    assert ids_in(answer) == ["a", "d"]


def test_it_goes_on_behind_a_session(reader: Program) -> None:
    for name in "abc":
        make_session(session_id=name)
    assert ids_in(reader.get("/exports?after=a")) == ["b", "c"]
    assert ids_in(reader.post("/exports", {"session_ids": ["a", "c"], "after": "a"})) == ["c"]


def test_a_bound_token_gets_its_own_alone(bound: Callable[[str], Program]) -> None:
    make_session(session_id="mine")
    make_session(session_id="theirs", user_id="bob")
    program = bound("read")
    assert ids_in(program.get("/exports?state=all")) == ["mine"]
    assert code(program.get("/exports?user_id=bob")) == (404, "user_not_found")
    assert code(program.post("/exports", {"session_ids": ["mine", "theirs"]})) == (404, "session_not_found")


def test_it_refuses_at_once_what_makes_no_sense(reader: Program) -> None:
    make_session(session_id="a")
    for query in ("format=pdf", "state=lost", "after=../x", "unknown=1"):
        assert code(reader.get(f"/exports?{query}")) == (400, "invalid_input"), query
    bodies: tuple[dict[str, Any], ...] = (
        {"session_ids": []},
        {"session_ids": ["a"], "format": "pdf"},
        {"session_ids": "a"},
        {"session_ids": ["a"] * 1_001},
        {"session_ids": [5]},
        {},
    )
    for body in bodies:
        assert code(reader.post("/exports", body)) == (400, "invalid_input"), body
    assert code(reader.post("/exports", {"session_ids": ["a", "unknown"]})) == (404, "session_not_found")


def test_an_export_of_nothing_is_whole(reader: Program) -> None:
    assert opened(reader.get("/exports")).namelist() == ["manifest.jsonl"]
