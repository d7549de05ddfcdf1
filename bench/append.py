"""Measure an append: how many a second against the disk's own limit, and whether a long session slows it down.

The floor is what the promise costs by itself: a one-row commit of raw SQLite (WAL, `synchronous=FULL`), then an
append of the same bytes to a file and an fdatasync. Floor and store take turns within every round, so what else
the machine does meets both. Numbers of different runs or machines are not comparable; the ratio is.
"""

import json
import os
import sqlite3
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from . import scratch, workload

if TYPE_CHECKING:
    from sessions.records import Actor, InteractionDraft

LENGTHS = (0, 100, 1_000, 10_000)
LEAST_RATIO = 0.4
MOST_SLOWDOWN = 1.2
# Floor and store change places after so many appends.
_TURN = 100
_FILL_BATCH = 500
# What a journal line adds to its texts.
_LINE_BYTES = 400


@dataclass(frozen=True, slots=True)
class Speed:
    """One round: interactions a second of the floor and of the store."""

    floor: float
    store: float

    @property
    def ratio(self) -> float:
        return self.store / self.floor


@dataclass(frozen=True, slots=True)
class Latency:
    """Appends to sessions of one length; milliseconds."""

    length: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """`ratio` is the rounds' median; `slowdown` the slowest length's p50 over the quickest's."""

    filesystem: str
    sqlite: str
    rounds: list[Speed]
    ratio: float
    latencies: list[Latency]
    slowdown: float


type Append = Callable[[workload.Spoken], None]


def new_session() -> str:
    from sessions.actions.begin import create_session

    return str(create_session(actor=_actor()).pk)


def appender(session_id: str) -> Append:
    """Logs one interaction in a session."""
    from sessions.actions.log import log_interaction

    actor = _actor()

    def append(spoken: workload.Spoken) -> None:
        log_interaction(session_id, _draft(spoken), actor=actor)

    return append


def fill(session_id: str, length: int, texts: Iterator[workload.Spoken]) -> None:
    """Give a session so many interactions, in large batches."""
    from sessions.actions.log import log_interactions

    for start in range(0, length, _FILL_BATCH):
        drafts = [_draft(spoken) for spoken in islice(texts, min(_FILL_BATCH, length - start))]
        log_interactions(session_id, drafts, actor=_actor())


@contextmanager
def floor(folder: Path) -> Iterator[Append]:
    """One row committed, one line appended, both on the disk: the least that any store with two copies must do."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "floor.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE interaction (id INTEGER PRIMARY KEY, prompt TEXT, response TEXT)")
        descriptor = os.open(folder / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

        def append(spoken: workload.Spoken) -> None:
            database.execute(
                "INSERT INTO interaction (prompt, response) VALUES (?, ?)", (spoken.prompt, spoken.response)
            )
            os.write(descriptor, f"{spoken.prompt}{spoken.response}{'-' * _LINE_BYTES}\n".encode())
            os.fdatasync(descriptor)

        try:
            yield append
        finally:
            os.close(descriptor)


def speed(raw: Append, stored: Append, count: int, texts: Iterator[workload.Spoken]) -> Speed:
    """One round of `count` appends each, in turns."""
    spent = {raw: 0.0, stored: 0.0}
    done = 0
    while done < count:
        turn = list(islice(texts, min(_TURN, count - done)))
        for append in spent:
            begun = time.perf_counter()
            for spoken in turn:
                append(spoken)
            spent[append] += time.perf_counter() - begun
        done += len(turn)
    return Speed(count / spent[raw], count / spent[stored])


def latencies(samples: int, texts: Iterator[workload.Spoken]) -> list[Latency]:
    """Time single appends to sessions of each length, in turns.

    An empty session is a new one each time; the others grow by the samples, which is little against their length.
    """
    long = {length: new_session() for length in LENGTHS if length}
    for length, session_id in long.items():
        fill(session_id, length, texts)
    taken: dict[int, list[float]] = {length: [] for length in LENGTHS}
    for spoken in islice(texts, samples):
        for length in LENGTHS:
            append = appender(long[length] if length else new_session())
            begun = time.perf_counter()
            append(spoken)
            taken[length].append((time.perf_counter() - begun) * 1_000)
    return [Latency(length, statistics.median(times), _p95(times)) for length, times in taken.items()]


def run(store: scratch.Store, given: Namespace) -> Report:
    store.enter()
    texts = workload.texts(given.workload)
    rounds = []
    with floor(store.outside / "floor") as raw:
        stored = appender(new_session())
        speed(raw, stored, _TURN, texts)
        for _ in range(given.rounds):
            rounds.append(speed(raw, stored, given.each, texts))
            _progress(f"floor {rounds[-1].floor:,.0f}/s, store {rounds[-1].store:,.0f}/s, ratio {rounds[-1].ratio:.2f}")
    taken = latencies(given.samples, texts)
    medians = [latency.p50_ms for latency in taken]
    return Report(
        filesystem=scratch.filesystem(store.data_dir),
        sqlite=sqlite3.sqlite_version,
        rounds=rounds,
        ratio=statistics.median(one.ratio for one in rounds),
        latencies=taken,
        slowdown=max(medians) / min(medians),
    )


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _actor() -> "Actor":
    from sessions.records import Actor, Face

    return Actor(name="bench", face=Face.PYTHON)


def _draft(spoken: workload.Spoken) -> "InteractionDraft":
    from sessions.records import InteractionDraft, InteractionKind

    return InteractionDraft(kind=InteractionKind.CONVERSATION_TURN, prompt=spoken.prompt, response=spoken.response)


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(report: Report) -> None:
    print(f"store against floor: {report.ratio:.2f} (at least {LEAST_RATIO})")
    for latency in report.latencies:
        print(f"append to {latency.length:>6,} interactions: p50 {latency.p50_ms:.2f} ms, p95 {latency.p95_ms:.2f} ms")
    print(f"slowest p50 against quickest: {report.slowdown:.2f} (at most {MOST_SLOWDOWN})")


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--each", type=int, default=2_000, help="appends in a round")
    parser.add_argument("--samples", type=int, default=300, help="appends timed for each length of session")
    parser.add_argument("--workload", type=Path, help="a module whose interactions(sessions, per_session, seed) to log")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if scratch.filesystem(given.dir) in ("tmpfs", "ramfs"):
        print(f"{given.dir} lies in memory, where a sync costs nothing; give a folder on a disk with --dir.")
        return 2
    with scratch.store(given.dir, given.database_url) as store:
        report = run(store, given)
    if given.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        _print(report)
    return 0 if report.ratio >= LEAST_RATIO and report.slowdown <= MOST_SLOWDOWN else 1


if __name__ == "__main__":
    sys.exit(main())
