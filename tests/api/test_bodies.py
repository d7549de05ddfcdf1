"""What programs send is read strictly: one meaning for everyone, or a clear refusal."""

import json
import time
from typing import Any

import pytest

from bench.fuzz import HOSTILE
from sessions.api import bodies
from sessions.api.examples import EXAMPLES
from sessions.api.face import operations
from sessions.errors import InvalidInput
from sessions.models import Interaction, Session
from tests.builders import make_session

from .programs import Program, code
from .test_transport import SAMPLES

pytestmark = pytest.mark.django_db

TAKING = [
    pytest.param(method, path.format(**SAMPLES), id=name) for method, path, name, _ in operations() if name in EXAMPLES
]


NUMBERS = ["NaN", "-Infinity", "1e999", "-1e999", "9" * 5_000, str(2**63), str(-(2**63) - 1), "01", "+1", "0x1", "1."]
TEXTS = ["'a'", '"a', '"\t"', '"\\x41"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\0"', '{"\\ud83d": 1}']
TWICE = ['{"a": 1, "a": 1}', '{"a": 1, "\\u0061": 2}', '[{"a": {"b": 1, "b": 2}}]']
NO_JSON = ["{,}", "[1,]", "nul", "True", "", "1 2", "\ufeff1", "// a\n1", "[", '{"a"']


@pytest.mark.parametrize("text", [*NUMBERS, *TEXTS, *TWICE, *NO_JSON])
def test_it_refuses(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^body: "):
        bodies.parse(text.encode())


@pytest.mark.parametrize(
    "raw", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"', '"a"'.encode("utf-16")]
)
def test_it_refuses_what_is_no_utf_8(raw: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"not UTF-8|not JSON"):
        bodies.parse(raw)


@pytest.mark.parametrize(
    "value", [None, True, 0, -0.5, 1e308, 2**63 - 1, -(2**63), "", "a\n\\u0000", "👋", "\ue000", [], {}]
)
def test_it_reads_what_json_can_say(value: Any) -> None:
    assert bodies.parse(json.dumps(value).encode()) == value
    assert bodies.parse(json.dumps({"a": [value]}, ensure_ascii=False).encode()) == {"a": [value]}


def test_it_reads_pairs_and_backslashes_as_they_are_meant() -> None:
    assert bodies.parse(rb'["\ud83d\udc4b", "\\u0000", "\\ud800"]') == ["👋", "\\u0000", "\\ud800"]


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_it_survives_any_depth(opening: str) -> None:
    with pytest.raises(InvalidInput, match=r"nested too deep|not JSON"):
        bodies.parse(opening.encode() * 1_000_000)


@pytest.mark.parametrize(("method", "path"), TAKING)
def test_no_operation_takes_what_is_hostile(admin: Program, method: str, path: str) -> None:
    # Where no body is needed, null says as much as none.
    needs_none = path.rpartition("/")[2] in ("resume", "hold", "trash") or path == "/cleanup/plan"
    bodies_refused = {what: body for what, body in HOSTILE.items() if not (needs_none and what == "null")}
    taken = {what for what, body in bodies_refused.items() if admin.send(method, path, body).status_code != 400}
    assert taken == set()
    assert not Session.objects.exists()


@pytest.mark.parametrize("levels", [64, 65, 900, 100_000])
def test_it_bounds_the_depth_of_what_is_kept(writer: Program, levels: int) -> None:
    # The object itself is a level.
    body = b'{"metadata": {"a": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}}"
    answer = writer.post(f"/sessions/{make_session().pk}/interactions", body)
    assert answer.status_code == (201 if levels == 64 else 400)
    assert Interaction.objects.count() == (levels == 64)


MILLION = 1_000_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sessions", b'{"tags": [%s]}' % b",".join([b"1"] * MILLION)),
        ("/sessions", b"{%s}" % b",".join(b'"%d":1' % number for number in range(MILLION))),
        ("/sessions/main/interactions:batch", b'{"interactions": [%s]}' % b",".join([b"1"] * MILLION)),
        (
            "/interactions:batch",
            b'{"batches": [{"session_id": "a", "interactions": [%s]}]}' % b",".join([b"1"] * MILLION),
        ),
        ("/sessions/main/merge", b'{"absorbed": [%s]}' % b",".join([b"1"] * MILLION)),
        (
            "/sessions/main/merge",
            b'{"absorbed": ["a"], "choices": {"a": {%s}}}' % b",".join(b'"%d":1' % n for n in range(MILLION)),
        ),
    ],
    ids=["tags", "members", "interactions", "batches", "absorbed", "choices"],
)
def test_it_does_not_choke_on_a_million_mistakes(writer: Program, path: str, body: bytes) -> None:
    began = time.process_time()
    assert code(writer.post(path, body)) == (400, "invalid_input")
    assert time.process_time() - began < 10
