"""Interactions as CSV: a row each, whatever was said in them, and nothing that a spreadsheet would compute."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest

from sessions.exporters import table
from sessions.records import InteractionKind, InteractionRecord
from tests.exporters.conversations import said, written


def rows_of(*interactions: InteractionRecord) -> list[dict[str, str]]:
    text = written(table.FORMAT, interactions)
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


def test_it_has_a_row_for_each_interaction() -> None:
    call = said(
        2,
        kind=InteractionKind.TOOL_CALL,
        tool_name="grep",
        tool_parameters={"a": "ä", "n": [1]},
        metadata={"role": "assistant"},
        input_tokens=5,
        execution_time_ms=1.5,
        parent=1,
    )
    first, second = rows_of(said(1, prompt='one, "two"\r\nthree'), call)
    assert (first["sequence"], first["prompt"], first["session_id"]) == ("1", 'one, "two"\r\nthree', "s")
    assert json.loads(second["tool_parameters"]) == {"a": "ä", "n": [1]}
    assert (second["kind"], second["role"], second["input_tokens"]) == ("tool_call", "assistant", "5")
    assert second["parent_id"] == first["id"]
    assert second["occurred_at"] == "2026-01-02T03:04:07.000Z"
    assert datetime.fromisoformat(second["occurred_at"]) == call.occurred_at


def test_it_always_has_its_header_and_its_mark() -> None:
    text = written(table.FORMAT, [])
    assert text.startswith("\ufeffsession_id,sequence,")
    assert text.endswith("metadata\r\n")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "－1"])
def test_no_cell_is_a_formula(text: str) -> None:
    fields = ("prompt", "response", "reasoning", "tool_name", "model", "status", "error_message", "idempotency_key")
    texts: dict[str, Any] = dict.fromkeys(fields, text)
    (row,) = rows_of(said(1, **texts, metadata={"role": text}, tool_parameters=-1))
    assert {row[name] for name in (*fields, "role")} == {f"'{text}"}
    assert row["tool_parameters"] == "'-1"


def test_what_is_no_formula_stays_as_it_is() -> None:
    (row,) = rows_of(said(1, prompt="a=b", response="'quoted'", reasoning="1-2"))
    assert (row["prompt"], row["response"], row["reasoning"]) == ("a=b", "'quoted'", "1-2")
