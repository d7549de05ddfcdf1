"""Measure the search: what indexing costs where it is done, and how long questions take as the store grows.

The store is filled past the actions, then indexed by the search's own settling. Questions are timed on the action,
page and all: a rare word, a common one, a phrase, both narrowed in several ways. Then appends are timed twice, in
turns: as they are, with the index as a debt, and with the index settled in the append's own transaction, which is
the number that decided for the debt.
"""

import json
import random
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from . import scratch, workload

if TYPE_CHECKING:
    from sessions.models import Interaction, Session

MOST_P50_MS = 100
MOST_P95_MS = 300
_START = datetime(2025, 1, 1, tzinfo=UTC)
_USERS = 50
_RARE_EVERY = 20_000
_QUESTIONS = {
    "a rare word": "zanzibar",
    "a common word": "garden",
    "three common words": "garden glass gather",
    "a phrase of common words": '"garden glass"',
    "a common word without another": "garden -glass",
    "a common beginning": "gar*",
    "a short beginning": "ga*",
    "a common word of one user in 50": "user:user-7 garden",
    "a common word of one session": "in:session-11 garden",
    "a common word in one month": "after:2025-03-01 before:2025-04-01 garden",
    "a common word with a tag of 20 sessions": "tag:few garden",
    "a common word in the trash": "state:trashed garden",
    "errors": "is:error",
    "nothing": "zzzzzz",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One question, asked many times; milliseconds. `cpu_ms` is what this process used of them."""

    name: str
    asked: str
    hits: int
    p50_ms: float
    p95_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Append:
    """A single append's medians; milliseconds."""

    p50_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """`indexed_per_second` counts interactions."""

    interactions: int
    passages: int
    indexed_per_second: float
    answers: list[Answer]
    append: Append
    append_indexing: Append


def fill(interactions: int, per_session: int) -> None:
    """A store of so many interactions of about 1 kB, made past the actions."""
    from sessions.models import Interaction, Session, SessionTag

    chosen = random.Random(1)
    numbers = range(interactions // per_session)
    for part in batched(numbers, 200):
        Session.objects.bulk_create([_session(number, per_session) for number in part])
        SessionTag.objects.bulk_create([SessionTag(session_id=f"session-{n}", name="few") for n in part if n < 20])
        rows = [_interaction(number, place, per_session, chosen) for number in part for place in range(per_session)]
        for some in batched(rows, 500):
            Interaction.objects.bulk_create(some)
        if part[-1] % 2_000 == 1_999:
            _progress(f"{(part[-1] + 1) * per_session:,} interactions stored")


def _session(number: int, length: int) -> "Session":
    from sessions.models import Session

    moment = _START + timedelta(hours=number)
    return Session(
        pk=f"session-{number}",
        user_id=f"user-{number % _USERS}",
        title=f"Session {number}",
        created_at=moment,
        last_activity_at=moment,
        trashed_at=moment if number % 500 == 3 else None,
        revision=length,
        mirrored_revision=length,
        last_sequence=length,
        interaction_count=length,
    )


def _interaction(session: int, place: int, length: int, chosen: random.Random) -> "Interaction":
    from sessions.models import Interaction

    said = workload.interaction(session % 400, place)
    number = session * length + place
    return Interaction(
        session_id=f"session-{session}",
        sequence=place + 1,
        revision=place + 1,
        kind="error" if chosen.random() < 0.01 else "conversation_turn",
        prompt=f"{said.prompt} zanzibar" if number % _RARE_EVERY == 77 else said.prompt,
        response=said.response,
        occurred_at=_START + timedelta(hours=session, seconds=place),
    )


def index_all() -> float:
    """Settle the whole debt; interactions a second."""
    from sessions.actions import settle_all_search

    begun = time.perf_counter()
    done = settle_all_search(progress=_progress)
    return done / (time.perf_counter() - begun)


def ask_all(times: int) -> Iterator[Answer]:
    from sessions.actions import search

    for name, asked in _QUESTIONS.items():
        hits = len(search(asked).hits)
        begun = time.process_time()
        taken = [_milliseconds(lambda asked=asked: search(asked)) for _ in range(times)]  # type: ignore[misc]
        cpu_ms = (time.process_time() - begun) * 1_000 / times
        answer = Answer(name, asked, hits, statistics.median(taken), statistics.quantiles(taken, n=20)[-1], cpu_ms)
        _progress(f"{name}: {answer.p50_ms:.1f} ms")
        yield answer


def appends(times: int) -> tuple[Append, Append]:
    """Single appends with the index as a debt, and with the index in their own transaction, in turns."""
    from sessions.actions import create_session, log_interaction
    from sessions.records import Actor, Face, InteractionDraft, InteractionKind

    actor = Actor(name="bench", face=Face.PYTHON)
    plain, indexing = (create_session(actor=actor).pk for _ in range(2))
    taken: dict[str, list[tuple[float, float]]] = {plain: [], indexing: []}
    for said in workload.interactions(1, times):
        draft = InteractionDraft(kind=InteractionKind.CONVERSATION_TURN, prompt=said.prompt, response=said.response)
        for session_id in (plain, indexing):
            begun, used = time.perf_counter(), time.process_time()
            with _indexing_at_once() if session_id == indexing else nullcontext():
                log_interaction(session_id, draft, actor=actor)
            spent = (time.perf_counter() - begun, time.process_time() - used)
            taken[session_id].append((spent[0] * 1_000, spent[1] * 1_000))
    return _append(taken[plain]), _append(taken[indexing])


def _append(taken: list[tuple[float, float]]) -> Append:
    return Append(statistics.median(wall for wall, _ in taken), statistics.median(cpu for _, cpu in taken))


@contextmanager
def _indexing_at_once() -> Iterator[None]:
    """Within the block the append indexes what it inserts, before it commits."""
    from sessions.actions import log
    from sessions.search import index
    from sessions.search.engine import engine

    append = log.append

    def append_and_index(*given: Any, **named: Any) -> log.Appended:
        done = append(*given, **named)
        engine().insert([passage for row in done.rows for passage in index.of_interaction(row, "")])
        return done

    log.append = append_and_index
    try:
        yield
    finally:
        log.append = append


def _milliseconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1_000


def run(store: scratch.Store, given: Namespace) -> Report:
    store.enter()
    from sessions.models import Passage

    fill(given.interactions, given.per_session)
    indexed = index_all()
    if not store.sqlite:
        _analyze()
    answers = list(ask_all(given.times))
    return Report(given.interactions, Passage.objects.count(), indexed, answers, *appends(given.appends))


def _analyze() -> None:
    """What autovacuum does within a minute."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE conversations_passage")


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(report: Report) -> None:
    print(f"{report.interactions:,} interactions, {report.passages:,} passages")
    print(f"indexed {report.indexed_per_second:,.0f} interactions a second")
    for answer in report.answers:
        times = f"p50 {answer.p50_ms:7.1f} ms  p95 {answer.p95_ms:7.1f} ms  CPU {answer.cpu_ms:6.1f} ms"
        print(f"{answer.name:42} {times}  ({answer.hits} hits)")
    for name, one in (("append", report.append), ("append that indexes", report.append_indexing)):
        print(f"{name:42} p50 {one.p50_ms:7.2f} ms  CPU {one.cpu_ms:6.2f} ms")


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--interactions", type=int, default=200_000)
    parser.add_argument("--per-session", type=int, default=10)
    parser.add_argument("--times", type=int, default=30, help="how often each question is asked")
    parser.add_argument("--appends", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with scratch.store(given.dir, given.database_url) as store:
        report = run(store, given)
    print(json.dumps(asdict(report), indent=2)) if given.json else _print(report)
    slow = [one for one in report.answers if one.p50_ms > MOST_P50_MS or one.p95_ms > MOST_P95_MS]
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
