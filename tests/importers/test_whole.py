"""Laws that hold for a file of any format: told once, told alike, accounted for, and nothing in it ever raises."""

import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.importers import Source, open_sources
from sessions.importers.formats import HEAD_BYTES
from sessions.importers.sources import FORMATS
from sessions.records import ImportedInteraction, ImportEvent, InteractionDraft, SessionDraft, SetAside

from .builders import asides, interactions, only
from .telling import FIXTURES, keys

UNFORESEEN = "a shape this importer does not know"
# Which formats' files lie in which folder, of the fixtures and of the shared samples.
FOLDERS = {
    "ai-studio": {"ai-studio"},
    "claude-code": {"claude-code", "claude-code-log", "claude-code-agent"},
    "codex-cli": {"codex-cli"},
    "gemini": {"gemini-cli", "gemini-cli-document", "gemini-takeout", "ai-studio"},
    "gemini-cli": {"gemini-cli", "gemini-cli-document"},
    "gemini-takeout": {"gemini-takeout"},
    "langchain": {"langchain"},
    "langfuse": {"langfuse"},
    "legacy-sessions": {"legacy"},
    "llm-sqlite": {"llm"},
    "lmsys-wildchat": {"lmsys", "wildchat"},
    "oasst": {"oasst"},
    "openai": {"openai"},
    "openai-messages": {"openai"},
    "sharegpt": {"sharegpt"},
    "sillytavern": {"sillytavern"},
    "vercel-ui": {"vercel-ui"},
}
OTHERS = {"chatgpt", "claude-ai", "librechat", "openwebui"}
HERE = {name for folder, names in FOLDERS.items() if folder not in ("claude-code", "legacy-sessions") for name in names}
# One line of it says nothing of what the others say.
AMBIGUOUS_PREFIX = "jazzyalex__session_toolcall.jsonl"


def samples(folder: Path) -> list[Path]:
    """The files of the formats that are tested here."""
    found = [path for name in FOLDERS for path in (folder / name).rglob("*") if path.is_file()]
    return sorted(path for path in found if path.suffix != ".md" and not path.name.startswith("SCHEMA"))


def claims(path: Path) -> list[str]:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return [format.name for format in FORMATS if format.recognises(head)]


def read(path: Path) -> tuple[Source, list[ImportEvent]]:
    source = only(path)
    return source, list(source.read())


def content(draft: InteractionDraft) -> tuple[Any, ...]:
    return (draft.kind, draft.prompt, draft.response, draft.reasoning, draft.tool_name, repr(draft.tool_parameters))


def assert_lawful(path: Path) -> list[ImportEvent]:
    """Sessions open before what is said in them, keys are unique, parents come first, every record is accounted for.

    Returns what the file tells.
    """
    source, events = read(path)
    assert read(path)[1] == events
    opened: set[str] = set()
    known: set[tuple[str, str | None]] = set()
    for event in events:
        if isinstance(event, SessionDraft):
            opened.add(event.session_id)
        elif isinstance(event, ImportedInteraction):
            draft = event.draft
            assert event.session_id in opened
            assert (event.session_id, draft.idempotency_key) not in known
            assert draft.parent_key is None or (event.session_id, draft.parent_key) in known
            known.add((event.session_id, draft.idempotency_key))
    assert_accounted_for(source, events)
    return events


def assert_accounted_for(source: Source, events: list[ImportEvent]) -> None:
    places = {event.place for event in events if isinstance(event, ImportedInteraction | SetAside)}
    assert len(places) + source.records_noted == source.records_read
    assert source.bytes_read == source.size_bytes


def assert_named_by_content(path: Path, events: list[ImportEvent], folder: Path) -> None:
    """Another name, in another place, gives the same."""
    other = folder / "other-name.bin"
    other.write_bytes(path.read_bytes())
    before, after = interactions(events), interactions(read(other)[1])
    assert [(one.session_id, one.draft) for one in before] == [(one.session_id, one.draft) for one in after]


def assert_longer_versions_add(path: Path, events: list[ImportEvent], folder: Path) -> None:
    """All that the first lines of a file tell, the whole file tells by the same keys."""
    lines = path.read_bytes().splitlines(keepends=True)
    whole = keys(events)
    cuts = range(1, len(lines)) if len(lines) < 80 else (1, 2, len(lines) // 3, len(lines) - 1)
    shorter = folder / "shorter.jsonl"
    for cut in cuts:
        shorter.write_bytes(b"".join(lines[:cut]))
        assert keys(read(shorter)[1]) <= whole, cut


@pytest.mark.parametrize("path", samples(FIXTURES), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_laws_hold_for_a_fixture(path: Path, tmp_path: Path) -> None:
    (name,) = claims(path)
    assert name in FOLDERS[path.relative_to(FIXTURES).parts[0]]
    if name in HERE:
        events = assert_lawful(path)
        assert_named_by_content(path, events, tmp_path)
        if path.suffix == ".jsonl":
            assert_longer_versions_add(path, events, tmp_path)


@pytest.mark.slow
@pytest.mark.thorough
def test_the_laws_hold_for_all_that_is_shared(shared_data: Path, tmp_path: Path) -> None:
    paths = [path for path in samples(shared_data) if path.suffix != ".gz"]
    assert len(paths) > 150
    for path in paths:
        if path.relative_to(shared_data).parts[0] in ("claude-code", "legacy-sessions"):
            continue
        events = assert_lawful(path)
        assert_named_by_content(path, events, tmp_path)
        assert not any(aside.damaged for aside in asides(events)), path
        if path.suffix == ".jsonl" and path.name != AMBIGUOUS_PREFIX:
            assert_longer_versions_add(path, events, tmp_path)


def test_exactly_one_format_claims_each_shared_file(shared_data: Path) -> None:
    seen: Counter[str] = Counter()
    for path in sorted(path for path in shared_data.rglob("*") if path.is_file() and path.suffix not in (".md", ".gz")):
        folder = path.relative_to(shared_data).parts[0]
        found = claims(path)
        if path.name.startswith("SCHEMA") or folder in ("otel-genai", "openinference", "extra", "acceptance.sealed"):
            assert found == [], path
        else:
            assert len(found) == 1, (path, found)
            assert folder in OTHERS or found[0] in FOLDERS[folder], (path, found)
            seen[found[0]] += 1
    assert seen.keys() >= HERE


# --- damage -----------------------------------------------------------------------------------------------------

SEEDS = [path for path in samples(FIXTURES) if path.parent.name != "claude-code" and path.stat().st_size < 40_000]
STORED = {path: path.read_bytes() for path in SEEDS}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["type", "role", "content", "id"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths_in(inner, (*path, key))


def reshape(value: Any, chance: random.Random, replacements: list[Any]) -> Any:
    """The value with a member or two gone, moved, or something else."""
    for replacement in replacements:
        ways = [path for path in paths_in(value) if path]
        if not ways:
            break
        *way, last = chance.choice(ways)
        inner = value
        for key in way:
            inner = inner[key]
        if replacement == "gone":
            del inner[last]
        else:
            inner[last] = replacement
    return value


@st.composite
def reshaped(draw: st.DrawFn) -> bytes:
    """A sample in which members are gone or something else, at any depth."""
    path = draw(st.sampled_from(SEEDS))
    chance = draw(st.randoms(use_true_random=False))
    replacements = draw(st.lists(anything | st.just("gone"), min_size=1, max_size=4))
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in STORED[path].splitlines() if line.strip()]
        at = chance.randrange(len(lines))
        lines[at] = reshape(lines[at], chance, replacements)
        return b"\n".join(json.dumps(line).encode() for line in lines)
    return json.dumps(reshape(json.loads(STORED[path]), chance, replacements)).encode()


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A sample whose bytes were cut, overwritten or doubled."""
    data = STORED[draw(st.sampled_from(SEEDS))]
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 200)))
    return data[:start] + draw(st.binary(max_size=12) | st.just(data[start:end] * 2)) + data[end:]


def assert_harmless(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    began = time.process_time()
    source, events = read(path)
    assert time.process_time() - began < 5
    if source.format_name not in HERE:
        return
    assert events == read(path)[1]
    for event in events:
        if isinstance(event, SetAside):
            assert event.reason != UNFORESEEN, event
        elif isinstance(event, ImportedInteraction):
            key = event.draft.idempotency_key
            assert key
            assert len(key) <= 200
            assert key.isprintable()
            assert event.draft.parent_key != key
    assert_accounted_for(source, events)


@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(reshaped() | broken())
def test_no_damage_ever_raises_or_is_passed_over(tmp_path: Path, data: bytes) -> None:
    assert_harmless(tmp_path / "fuzz", data)


@pytest.mark.thorough
@settings(max_examples=1_500, suppress_health_check=list(HealthCheck), deadline=None)
@given(reshaped() | broken())
def test_no_damage_of_thousands_ever_raises(tmp_path: Path, data: bytes) -> None:
    assert_harmless(tmp_path / "fuzz", data)


def test_no_file_of_another_kind_is_taken_for_a_conversation(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "places.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE history (id INTEGER, url TEXT)")
    connection.close()
    (tmp_path / "package.json").write_text(json.dumps({"name": "x", "version": "1.0.0", "history": [], "messages": []}))
    (tmp_path / "i18n.json").write_text(json.dumps({"messages": {"hello": "Hallo"}, "id": "de"}))
    (tmp_path / "points.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    (tmp_path / "log.jsonl").write_text('{"level": "info", "msg": "started"}\n{"level": "info", "msg": "stopped"}\n')
    (tmp_path / "users.json").write_text(json.dumps([{"id": 1, "role": "admin", "name": "Ada"}]))
    assert {source.format_name for source in open_sources(tmp_path)} == {""}
