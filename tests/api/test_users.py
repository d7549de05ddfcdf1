"""Users and their preferences over REST."""

from urllib.parse import quote

import pytest

from sessions import actions
from tests.builders import ALICE, make_session

from .programs import Program, code, told

# What an address would take for something of its own.
ESCAPED = {"..": "~2E~2E", "a/preferences": "a~2Fpreferences", "a~2Fb": "a~7E2Fb"}


def test_it_lists_users_in_pages(reader: Program) -> None:
    for name in ("alice", "albert", "bob"):
        make_session(user_id=name, turns=1)
    first = told(reader.get("/users?limit=2"))
    second = told(reader.get(f"/users?limit=2&cursor={first['next_cursor']}"))
    assert [one["user_id"] for one in first["users"] + second["users"]] == ["bob", "albert", "alice"]
    assert {one["user_id"] for one in told(reader.get("/users?prefix=al"))["users"]} == {"alice", "albert"}
    assert code(reader.get("/users?cursor=x")) == (400, "invalid_input")


@pytest.mark.parametrize("name", ["alice", "team/bob", "a b", "é@ü.example", "50%", "..", "a/preferences", "a~2Fb"])
def test_it_reads_a_user_whatever_the_name(writer: Program, name: str) -> None:
    make_session(user_id=name, turns=2)
    path = f"/users/{ESCAPED.get(name) or quote(name, safe='')}"
    assert told(writer.patch(f"{path}/preferences", {"editor": "vim", "tabs": 4}))["user_id"] == name
    assert told(writer.delete(f"{path}/preferences/editor"))["preferences"] == {"tabs": 4}
    assert told(writer.get(f"{path}/preferences"))["preferences"] == {"tabs": 4}
    assert told(writer.get(path))["interactions"] == 2


def test_it_tells_who_is_unknown(reader: Program) -> None:
    assert code(reader.get("/users/nobody")) == (404, "user_not_found")
    assert told(reader.get("/users/nobody/preferences")) == {"user_id": "nobody", "preferences": {}, "revision": 0}


@pytest.mark.parametrize("body", [{}, [], {"a": "\0"}, {"\ud800": 1}, {"a": 2**63}])
def test_it_refuses_preferences_that_cannot_be_kept(writer: Program, body: object) -> None:
    assert code(writer.patch("/users/alice/preferences", body)) == (400, "invalid_input")


@pytest.mark.parametrize("path", ["/users/a%00", "/users/%ff", "/users/%00/preferences", "/users/a%ed%a0%80"])
def test_it_knows_no_user_of_a_name_that_is_no_text(writer: Program, path: str) -> None:
    assert code(writer.get(path)) == (404, "not_found")


def test_a_name_as_long_as_can_be_is_refused_clearly(writer: Program) -> None:
    assert code(writer.get(f"/users/{'a' * 256}")) == (400, "invalid_input")
    assert code(writer.patch("/users/%20/preferences", {"a": 1})) == (400, "invalid_input")


def test_it_leads_from_a_merged_user_to_the_kept_one(reader: Program) -> None:
    make_session(user_id="alice")
    make_session(user_id="al")
    actions.merge_users("alice", absorbed="al", actor=ALICE)
    assert told(reader.get("/users/al"))["user_id"] == "alice"
