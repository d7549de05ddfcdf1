"""The bench's own eyes: what reads both copies and the trace must see each kind of damage."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import copies, scratch, synccheck, workload, writer

type Damage = Callable[[list[bytes]], list[bytes]]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scratch.Store]:
    """A SQLite store in which one writer has taken a few steps."""
    with scratch.store(tmp_path_factory.mktemp("pristine")) as store:
        synccheck.write(store, steps=10).check_returncode()
        yield store


@pytest.fixture
def store(pristine: scratch.Store, tmp_path: Path) -> scratch.Store:
    shutil.copytree(pristine.data_dir, tmp_path / "copy")
    shutil.copytree(pristine.outside, tmp_path / "outside")
    return scratch.Store(tmp_path / "copy", tmp_path / "outside", "")


def broken(store: scratch.Store) -> list[str]:
    notes = writer.read_notes(synccheck.notes(store))
    return copies.violations(store, notes.interactions, notes.created)


def journal(store: scratch.Store) -> Path:
    """One with several interactions."""
    return store.data_dir / "sessions" / "ow" / "own-0-0.jsonl"


def test_it_finds_nothing_wrong_with_a_sound_store(store: scratch.Store) -> None:
    assert broken(store) == []
    assert copies.behind(store) == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (lambda lines: lines[:-1], "is not in the journal"),
        (lambda lines: [*lines[:-1], lines[-1][:-20]], "is not in the journal"),
        (lambda lines: [*lines, lines[-1]], "is 2 times in the journal"),
        (lambda lines: [*lines[:2], *lines[3:]], "does not follow the line before it"),
        (lambda lines: [*lines[:2], lines[2].replace(b" ", b"_", 1), *lines[3:]], "is damaged, and it is not the last"),
    ],
    ids=["lost", "torn", "twice", "missing", "altered"],
)
def test_it_sees_a_damaged_journal(store: scratch.Store, damage: Damage, finding: str) -> None:
    lines = journal(store).read_bytes().splitlines(keepends=True)
    journal(store).write_bytes(b"".join(damage(lines)))
    assert any(finding in problem for problem in broken(store))
    assert copies.behind(store) == ["the journal own-0-0 does not hold what the database holds"]


def test_it_passes_over_a_torn_tail_that_nobody_was_told_of(store: scratch.Store) -> None:
    with journal(store).open("ab") as stream:
        stream.write(b'{"v":1,"kind":"interac')
    assert broken(store) == []


def test_it_sees_a_journal_that_is_gone(store: scratch.Store) -> None:
    journal(store).unlink()
    assert "created session own-0-0 has no journal" in broken(store)


def test_it_sees_what_the_database_lost(store: scratch.Store) -> None:
    for path in store.data_dir.glob("*.sqlite3*"):
        path.unlink()
    with scratch.store(store.outside) as empty:
        shutil.copy(empty.database, store.database)
    assert any("is not in the database" in problem for problem in broken(store))


def test_it_reads_calls_that_other_threads_cut_in_two() -> None:
    calls = list(
        synccheck.parse(
            [
                "7 fdatasync(5</s/a.jsonl> <unfinished ...>",
                '8 write(3</s/acks>, "logged a k d\\n", 13) = 13',
                "7 <... fdatasync resumed>)        = 0",
                "9 fsync(4</s>) = -1 EIO (Input/output error)",
            ]
        )
    )
    assert [(call.begun, call.ended, call.name, call.succeeded) for call in calls] == [
        (1, 1, "write", True),
        (0, 2, "fdatasync", True),
        (3, 3, "fsync", False),
    ]


def test_a_workload_can_be_made_again() -> None:
    once, again = list(workload.interactions(2, 3)), list(workload.interactions(2, 3))
    assert once == again
    assert len({spoken.response for spoken in once}) == 6
    assert {len(spoken.prompt) for spoken in once} == {workload.PROMPT_CHARACTERS}
    assert {len(spoken.response) for spoken in once} == {workload.RESPONSE_CHARACTERS}


def test_it_takes_texts_from_a_module_that_it_is_given(tmp_path: Path) -> None:
    module = tmp_path / "theirs.py"
    module.write_text(
        "from types import SimpleNamespace\n"
        "def interactions(sessions, per_session, seed):\n"
        "    yield SimpleNamespace(prompt='p', response=f'seed {seed}')\n"
    )
    assert next(workload.texts(module, seed=5)).response == "seed 5"
