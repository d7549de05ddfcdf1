"""The fuzzer of the importers, small; and that it sees each fault that it is there for."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import fuzz_importers
from bench.examiner import Examiner, Wrong
from bench.importer_seeds import FILES, seeds_by_format
from bench.mutations import changed, reshaped_database
from sessions.importers import claude_code, sources
from sessions.records import ImportEvent

from .builders import line_of, record, said

PLENTY = 2**40  # this process has Django and the whole suite in it
SEEDS = seeds_by_format()
LINES = b"".join(line_of(record("user", f"u{n}", said("hello"))) + b"\n" for n in range(3))


@pytest.mark.parametrize("name", SEEDS)
def test_changed_files_of_each_format_are_treated_as_they_should_be(name: str, tmp_path: Path) -> None:
    examiner, chance = Examiner(name, tmp_path, PLENTY), random.Random(name)
    change = reshaped_database if name == "llm" else changed
    assert SEEDS[name]
    for _ in range(30):
        examiner.examine(change(chance.choice(SEEDS[name]), chance))


def test_every_format_has_seeds_that_it_recognises() -> None:
    for format in sources.FORMATS:
        assert all(format.recognises(seed) for seed in SEEDS[format.name]), format.name
    assert SEEDS.keys() == {format.name for format in sources.FORMATS} | {FILES}


class Faulty:
    """Claude Code's importer with a fault."""

    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._times = 0

    def read(self, source: Any) -> Iterator[ImportEvent]:
        self._times += 1
        events = list(claude_code.LINES.read(source))
        if self._fault == "raises":
            raise KeyError("uuid")
        if self._fault == "loses a record":
            del events[2]
        if self._fault == "opens no session":
            del events[0]
        if self._fault == "tells something else" and self._times > 1:
            events.reverse()
        if self._fault == "is slow":
            began = time.process_time()
            while time.process_time() - began < 2:
                pass
        return iter(events)


@pytest.mark.parametrize("fault", ["raises", "loses a record", "opens no session", "tells something else", "is slow"])
def test_it_sees_a_fault(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = replace(claude_code.LINES, read=Faulty(fault).read)
    monkeypatch.setattr(sources, "FORMATS", (faulty,))
    with pytest.raises((Wrong, KeyError)):
        Examiner("claude-code", tmp_path, PLENTY).examine(LINES)


def test_it_sees_a_process_that_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="memory"):
        Examiner("claude-code", tmp_path, 1024).examine(LINES)


def test_it_sees_nothing_where_nothing_is_wrong(tmp_path: Path) -> None:
    Examiner("claude-code", tmp_path, PLENTY).examine(LINES)


def test_a_finding_is_kept_once_with_its_input(tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        fuzz_importers.keep(tmp_path, "openai", data, Wrong("too slow"))
    fuzz_importers.keep(tmp_path, "openai", b"three", KeyError("x"))
    assert sorted(path.read_bytes() for path in tmp_path.iterdir() if not path.suffix) == [b"one", b"three"]


@pytest.mark.slow
def test_a_run_counts_what_it_tried_and_may_be_gone_on_with(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.fuzz_importers", "--state", str(tmp_path), "--format", "openai"]
    for inputs in (20, 50):
        done = subprocess.run(
            [*command, "--kind", "members", "--inputs", str(inputs)], check=True, capture_output=True, text=True
        )
        assert f"{inputs} inputs" in done.stdout.splitlines()
