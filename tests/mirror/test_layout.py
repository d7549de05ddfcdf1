"""Where everything lies."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.mirror.layout import Layout, is_safe_id

PLACES = Layout(Path("/data"))


@pytest.mark.parametrize("name", ["a", "A-b_c.1", "-x", "_", "0" * 128, "a..b"])
def test_it_takes_safe_ids(name: str) -> None:
    assert is_safe_id(name)


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a/b", "a\n", "a\0", "ä", "a b", "0" * 129, "a\\b", "\u0661"])
def test_it_refuses_ids_that_are_no_file_names(name: str) -> None:
    assert not is_safe_id(name)


def test_it_shards_by_the_first_two_characters() -> None:
    assert PLACES.journal("abcdef") == Path("/data/sessions/ab/abcdef.jsonl")
    assert PLACES.journal("a") == Path("/data/sessions/a/a.jsonl")
    assert PLACES.document("abcdef") == Path("/data/sessions/ab/abcdef.json")
    assert PLACES.trashed_journal("abcdef") == Path("/data/trash/ab/abcdef.jsonl")
    assert PLACES.trash_record("abcdef") == Path("/data/trash/ab/abcdef.trash")
    assert PLACES.tombstone("abcdef") == Path("/data/tombstones/ab/abcdef.jsonl")
    assert PLACES.old_document("abcdef") == Path("/data/sessions/abcdef.json")


@given(st.text())
def test_it_keeps_every_safe_id_below_its_folder(name: str) -> None:
    if is_safe_id(name):
        path = PLACES.journal(name)
        assert path.parent.parent == PLACES.sessions
        assert path.stem == name
        assert ".." not in path.parts


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_it_names_a_profile_by_a_hash_whatever_the_user_is_called(user_id: str) -> None:
    assert PLACES.profile(user_id).parent.parent == PLACES.profiles
    assert is_safe_id(PLACES.profile(user_id).stem)


def test_it_uses_at_most_256_lock_files() -> None:
    assert len({PLACES.lock(str(number)) for number in range(5_000)}) == 256
