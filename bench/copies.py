"""Both copies of a store, read by somebody who knows its documented formats and none of its code.

The database is read with plain SQL, the journals with `json` and `hashlib`; nothing here repairs or writes anything.
"""

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from .scratch import Store

# A thousand violations say no more than the first twenty.
SHOWN = 20
_ROWS = "SELECT session_id, sequence, idempotency_key, prompt, response FROM conversations_interaction"
_COUNTS = "SELECT session_id, last_sequence, interaction_count FROM conversations_session WHERE merged_into_id IS NULL"


@dataclass(frozen=True, slots=True)
class Stored:
    """An interaction as a copy holds it; `digest` stands for what was said."""

    session_id: str
    sequence: int
    key: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a writer was told to be safe."""

    session_id: str
    key: str
    digest: str


@dataclass(slots=True)
class Journal:
    """A journal's sound lines up to the first that is not, and what is wrong with it."""

    session_id: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    torn: bool = False
    problems: list[str] = field(default_factory=list)

    def lines_of(self, kind: str) -> list[dict[str, Any]]:
        return [line["data"] for line in self.lines if line["kind"] == kind]

    def written(self) -> list[Stored]:
        """Every interaction line in the journal's order, repeats included."""
        return [self._stored(data) for data in self.lines_of("interaction")]

    def present(self) -> dict[str, Stored]:
        """By their ID, each interaction as its latest line has it, in the order of the conversation."""
        latest = {data["id"]: self._stored(data) for data in self.lines_of("interaction")}
        return dict(sorted(latest.items(), key=lambda pair: pair[1].sequence))

    def merged_into(self) -> str | None:
        """The session that absorbed this one."""
        headers = self.lines_of("session")
        return headers[-1].get("merged_into") if headers else None

    def _stored(self, data: dict[str, Any]) -> Stored:
        content = digest(data.get("prompt", ""), data.get("response", ""))
        return Stored(self.session_id, data["sequence"], data.get("idempotency_key"), content)


def digest(prompt: str, response: str) -> str:
    return hashlib.sha256(f"{prompt}\0{response}".encode()).hexdigest()


def read_journal(path: Path) -> Journal:
    """One journal, checked line by line: each line's hash, and the hash of the line before it."""
    found = Journal(path.stem)
    previous, revision = "0" * 64, 0
    lines = path.read_bytes().splitlines(keepends=True)
    for number, raw in enumerate(lines, start=1):
        body, separator, end = raw.rpartition(b',"sha256":"')
        own = hashlib.sha256(body).hexdigest()
        if not raw.endswith(b"\n") or not separator or end != own.encode() + b'"}\n':
            found.torn = True
            if number < len(lines):
                found.problems.append(f"line {number} of journal {path.name} is damaged, and it is not the last")
            break
        line = json.loads(raw)
        if line["prev"] != previous:
            found.problems.append(f"line {number} of journal {path.name} does not follow the line before it")
        if line["rev"] < revision:
            found.problems.append(f"line {number} of journal {path.name} goes back to revision {line['rev']}")
        previous, revision = own, line["rev"]
        found.lines.append(line)
    return found


def journals(store: Store, folder: str = "sessions") -> dict[str, Journal]:
    """The journals of a folder by their session."""
    paths = sorted((store.data_dir / folder).glob("*/*.jsonl"))
    return {path.stem: read_journal(path) for path in paths}


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    """What the database says while nobody writes to it.

    SQLite's files are copied first: opening them would recover and checkpoint them, and the store shall do that. Not
    so while the store is live: a commit that was killed before the others could see it is none, though its frames
    stand in the log until the next one overwrites them.
    """
    if not store.sqlite:
        with psycopg.connect(store.database_url) as server:
            return server.execute(sql.encode()).fetchall()
    if store.live:
        with closing(sqlite3.connect(store.database, timeout=30)) as database:
            return database.execute(sql).fetchall()
    with tempfile.TemporaryDirectory(dir=store.outside) as folder:
        for path in store.data_dir.glob(f"{store.database.name}*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder) / store.database.name)) as database:
            return database.execute(sql).fetchall()


def in_database(store: Store) -> dict[str, list[Stored]]:
    """The database's interactions by their session, in the order of their sequence."""
    found: dict[str, list[Stored]] = {}
    for session_id, sequence, key, prompt, response in rows(store, f"{_ROWS} ORDER BY session_id, sequence"):
        found.setdefault(session_id, []).append(Stored(session_id, sequence, key, digest(prompt, response)))
    return found


def violations(store: Store, acknowledged: Iterable[Acknowledgement], created: Iterable[str] = ()) -> list[str]:
    """Every broken promise: what was acknowledged and is lost, stored twice, out of order, or not the same.

    A journal may lag behind the database by what nobody was told of, and end in a torn line of that.
    """
    database, files = in_database(store), journals(store)
    acknowledged = list(acknowledged)
    problems = [problem for journal in files.values() for problem in journal.problems]
    problems += _lost("the database", {one for told in database.values() for one in told}, acknowledged)
    in_files = [one for journal in files.values() for one in journal.written()]
    problems += _lost("the journal", set(in_files), acknowledged)
    problems += [f"created session {session} has no journal" for session in set(created) - set(files)]
    for session_id, last_sequence, count in rows(store, _COUNTS):
        stored = database.get(session_id, [])
        problems += _disorder(f"the database, session {session_id}", stored)
        if (last_sequence, count) != (len(stored), len(stored)):
            problems.append(f"session {session_id} counts {count} up to {last_sequence} and has {len(stored)}")
        written = files[session_id].written() if session_id in files else []
        problems += _disorder(f"the journal {session_id}", written)
        problems += [
            f"the journal {session_id} has #{one.sequence} otherwise than the database"
            for one in set(written) - set(stored)
        ]
    return problems


def behind(store: Store) -> list[str]:
    """Where a journal does not hold exactly what the database holds: nothing, once a drain is through."""
    database, files = in_database(store), journals(store)
    return [
        f"the journal {session_id} does not hold what the database holds"
        for (session_id,) in rows(store, "SELECT session_id FROM conversations_session WHERE trashed_at IS NULL")
        if _present(session_id, files) != database.get(session_id, [])
    ]


def _present(session_id: str, files: dict[str, Journal]) -> list[Stored] | None:
    """What a session has according to the journals; None for one that cannot be told.

    An absorbed session's journal keeps its lines; those that its survivor has as well live there.
    """
    journal = files.get(session_id)
    if journal is None or journal.torn or journal.problems:
        return None
    survivor = files.get(journal.merged_into() or "")
    elsewhere = survivor.present() if survivor else {}
    return [told for key, told in journal.present().items() if key not in elsewhere]


def _lost(place: str, held: set[Stored], acknowledged: Sequence[Acknowledgement]) -> Iterator[str]:
    by_key = {(one.session_id, one.key): one.digest for one in held}
    for told in acknowledged:
        content = by_key.get((told.session_id, told.key))
        if content is None:
            yield f"acknowledged {told.key} of session {told.session_id} is not in {place}"
        elif content != told.digest:
            yield f"acknowledged {told.key} of session {told.session_id} says something else in {place}"


def _disorder(place: str, told: Sequence[Stored]) -> Iterator[str]:
    """Repeats, and gaps in the sequence."""
    for key, times in Counter(one.key for one in told if one.key is not None).items():
        if times > 1:
            yield f"{key} is {times} times in {place}"
    sequences = [one.sequence for one in told]
    if sequences != list(range(1, len(sequences) + 1)):
        yield f"the sequence in {place} has a gap or a repeat: {_around_the_gap(sequences)}"


def _around_the_gap(sequences: Sequence[int]) -> str:
    place = next(place for place, sequence in enumerate(sequences) if sequence != place + 1)
    return f"...{', '.join(map(str, sequences[max(0, place - 2) : place + 3]))}..."
