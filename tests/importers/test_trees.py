"""Conversations that form a tree: the order in which they are told, and samples of them compared with their JSON."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.importers import Source, open_sources
from sessions.importers.trees import in_order
from sessions.records import ImportedInteraction, ImportEvent, SetAside

from .builders import events_of, interactions
from .raw import READERS, assert_nothing_is_lost

ROOT = Path(__file__).resolve().parents[1] / "fixtures"
# Values that a generator made up: they contradict each other, and only must do no harm.
MADE_UP = "schema-fuzz"


def samples(folder: Path) -> Iterator[tuple[str, Path]]:
    for name in READERS:
        for path in sorted((folder / name).glob("*.json")):
            if not path.name.startswith("SCHEMA"):
                yield name, path


FIXTURES = list(samples(ROOT))


def assert_all_accounted_for(source: Source) -> None:
    events = list(source.read())
    places = {event.place for event in events if isinstance(event, ImportedInteraction | SetAside)}
    assert len(places) + source.records_noted == source.records_read
    assert source.bytes_read == source.size_bytes


def assert_reads_well(name: str, path: Path) -> None:
    (source,) = open_sources(path)
    assert source.format_name == name
    assert_all_accounted_for(source)
    events = events_of(path)
    assert events == events_of(path)
    if MADE_UP not in path.name:
        assert_nothing_is_lost(list(READERS[name](path)), events)


@pytest.mark.parametrize(("name", "path"), FIXTURES, ids=lambda value: getattr(value, "stem", value))
def test_nothing_of_the_fixtures_is_lost(name: str, path: Path) -> None:
    assert_reads_well(name, path)


def test_nothing_of_the_shared_samples_is_lost(shared_data: Path) -> None:
    found = list(samples(shared_data))
    assert len(found) >= 23
    for name, path in found:
        assert_reads_well(name, path)


def test_no_other_format_is_taken_for_one_of_these(shared_data: Path) -> None:
    ours = {*READERS, "sessionsite", "sessionsite-lines", "sessionsite-manifest"}
    for folder in sorted(shared_data.iterdir()):
        if folder.is_dir() and folder.name not in READERS:
            assert ours.isdisjoint(source.format_name for source in open_sources(folder)), folder


@pytest.mark.parametrize(("name", "path"), FIXTURES, ids=lambda value: getattr(value, "stem", value))
def test_a_torn_sample_gives_all_before_the_tear(name: str, path: Path, tmp_path: Path) -> None:
    content, torn = path.read_bytes(), tmp_path / "torn.json"
    whole = keyed(events_of(path))
    for cut in range(0, len(content), max(1, len(content) // 40)):
        torn.write_bytes(content[:cut])
        found = keyed(events_of(torn))
        assert found.keys() <= whole.keys()
        assert all(whole[key] == value for key, value in found.items())


def keyed(events: list[ImportEvent]) -> dict[tuple[str, str | None], str]:
    found = interactions(events)
    return {(one.session_id, one.draft.idempotency_key): one.draft.prompt + one.draft.response for one in found}


# --- order ------------------------------------------------------------------------------------------------------

keys = st.sampled_from("abcdefgh")


@given(st.dictionaries(keys, st.none() | keys), st.none() | keys)
def test_every_message_is_told_once_and_behind_its_parent(parents: dict[str, str | None], active: str | None) -> None:
    order = list(in_order(parents, active))
    assert sorted(order) == sorted(parents)
    for key, parent in parents.items():
        if parent in parents and not in_a_ring(key, parents):
            assert order.index(parent or "") < order.index(key)


def in_a_ring(key: str | None, parents: dict[str, str | None]) -> bool:
    passed: set[str | None] = set()
    while key in parents and key not in passed:
        passed.add(key)
        key = parents[key or ""]
    return key in passed


def test_the_way_that_is_open_comes_last() -> None:
    parents = {"1": None, "2": "1", "3": "2", "4": "1", "5": "4", "6": None}
    assert list(in_order(parents, None)) == ["1", "2", "3", "4", "5", "6"]
    assert list(in_order(parents, "3")) == ["6", "1", "4", "5", "2", "3"]
    assert list(in_order(parents, "2")) == ["6", "1", "4", "5", "2", "3"]


def test_a_deep_conversation_is_no_trouble() -> None:
    parents = {str(number): str(number - 1) if number else None for number in range(100_000)}
    assert list(in_order(parents, "99999")) == list(parents)
