"""Build a large store quickly: `python -m bench.bigstore --sessions 100000 --interactions 1000000 --folder FOLDER`.

For asking how pages and searches do at that size. Rows go into the database in bulk, past the actions: there are no
journals, so this is no store to keep anything in, and `manage.py serve` would first write them all. Lengths, users,
sources, models, tags, kinds and dates are spread as in real use; one session has 10,000 interactions. The same seed
makes the same store but for its dates, which end now.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from . import scratch
from .texts import NEEDLE, Texts

if TYPE_CHECKING:
    from django.db.models import Model

    from sessions.models import Interaction, Session

LONG_SESSION = "long-session"
LONGEST = 10_000
USERS = 5_000
DAYS = 365
SOURCES = ("claude-code", "mcp", "rest", "python", "chat", "import", "")
MODELS = (
    "claude-sonnet-4-5",
    "claude-opus-4-1",
    "claude-haiku-4-5",
    "gpt-5",
    "gpt-5-mini",
    "gemini-2.5-pro",
    "o4-mini",
)
TOOLS = ("Bash", "Read", "Edit", "Grep", "Write", "WebSearch", "Task")
TAGS = tuple(f"{kind}-{number}" for kind in ("project", "team", "topic", "release") for number in range(20))
_BATCH = 4_000
_AUDITED = ("session_created", "context_updated", "session_held", "session_trashed", "session_tagged", "signed_in")
_QUARTER_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Planned:
    """One session before it has rows."""

    session_id: str
    length: int
    begun_at: datetime
    state: str


def plan(sessions: int, interactions: int, choice: random.Random, now: datetime) -> list[Planned]:
    """Sessions in the order of their beginning, their lengths spread widely and summing up exactly."""
    longest = min(LONGEST, interactions // 2)
    lengths = [min(int(choice.lognormvariate(1.4, 1.2)) + 1, 2_000) for _ in range(sessions - 1)]
    scale = (interactions - longest) / sum(lengths)
    lengths = [max(1, int(length * scale)) for length in lengths]
    missing = interactions - longest - sum(lengths)
    for place in choice.choices(range(sessions - 1), k=abs(missing)):
        lengths[place] = max(1, lengths[place] + (1 if missing > 0 else -1))
    # More lately than long ago.
    begun = sorted(now - timedelta(days=DAYS * choice.random() ** 1.5, minutes=30) for _ in lengths)
    states = choices_of(choice, len(lengths), {"live": 945, "held": 15, "trashed": 25, "merged": 15})
    made = [
        Planned(f"{choice.getrandbits(128):032x}", length, at, state)
        for length, at, state in zip(lengths, begun, states, strict=True)
    ]
    return [*made, Planned(LONG_SESSION, longest, now - timedelta(days=3), "live")]


def choices_of(choice: random.Random, count: int, weights: dict[str, int]) -> list[str]:
    return choice.choices([*weights], weights=[*weights.values()], k=count)


class Builder:
    """Turns plans into rows. Counts as it goes what the store keeps beside the rows."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.choice = random.Random(seed)
        self.texts = Texts(seed)
        self.now = now
        self.quarters: Counter[int] = Counter()
        self.errors: Counter[int] = Counter()
        self.last_live = ""

    def session(self, planned: Planned) -> "tuple[Session, list[Interaction]]":
        from sessions.figures import count_in
        from sessions.models import Session

        choice = self.choice
        session = Session(
            session_id=planned.session_id,
            user_id=f"user-{int(USERS * choice.random() ** 2.5):04}",
            title=self.texts.said(1)[:70] if choice.random() < 0.6 else "",
            source=choice.choices(SOURCES, weights=(50, 15, 10, 8, 8, 6, 3))[0],
            created_at=planned.begun_at,
            context_summary=self.texts.said(2) if choice.random() < 0.3 else "",
            active_topics=choice.sample(TAGS, 2) if choice.random() < 0.3 else [],
        )
        rows = list(self._interactions(planned))
        for row in rows:
            count_in(session, row)
        self._settle(session, rows[-1].occurred_at)
        self._live_on(session, planned.state)
        return session, rows

    def _interactions(self, planned: Planned) -> "Iterator[Interaction]":
        at = planned.begun_at
        model = self.choice.choices(MODELS, weights=(45, 15, 15, 10, 6, 5, 4))[0]
        kind = ""
        for sequence in range(1, planned.length + 1):
            at = min(at + timedelta(seconds=self.choice.expovariate(1 / 40)), self.now)
            kind = self._next_kind(kind)
            row = self._interaction(planned.session_id, sequence, kind, at, model)
            if planned.session_id == LONG_SESSION and sequence in (planned.length // part for part in (1, 2, 9)):
                row.response = f"{row.response} {NEEDLE}".strip()
            yield row

    def _next_kind(self, kind: str) -> str:
        dice = self.choice.random()
        if kind == "tool_call":
            return "tool_response"
        if kind in ("client_request", "tool_response"):
            return "tool_call" if dice < 0.55 else "error" if dice < 0.57 else "agent_response"
        return "client_request" if dice < 0.9 else "conversation_turn"

    def _interaction(self, session_id: str, sequence: int, kind: str, at: datetime, model: str) -> "Interaction":
        from sessions.models import Interaction

        said: dict[str, Any] = {}
        match kind:
            case "client_request":
                said = {"prompt": self.texts.said(self.choice.choice((1, 1, 2, 4)))}
            case "conversation_turn":
                said = {"prompt": self.texts.said(1), "response": self.texts.said(3), "model": model}
            case "agent_response":
                said = {"response": self.texts.said(self.choice.choice((1, 3, 6))), "model": model}
            case "tool_call":
                said = {"tool_name": self.choice.choice(TOOLS), "tool_parameters": {"path": self.texts.path()}}
            case "tool_response":
                failed = self.choice.random() < 0.04
                said = {
                    "response": self.texts.output(self.choice.choice((1, 3, 6))),
                    "status": "error" if failed else "",
                }
            case "error":
                said = {"error_message": self.texts.said(1)}
        if said.get("model"):
            said |= {
                "input_tokens": self.choice.randrange(200, 60_000),
                "output_tokens": self.choice.randrange(10, 2_000),
            }
        quarter = int(at.timestamp()) // _QUARTER_SECONDS
        self.quarters[quarter] += 1
        self.errors[quarter] += kind == "error" or said.get("status") == "error"
        return Interaction(
            id=self._id_at(at),
            session_id=session_id,
            sequence=sequence,
            revision=sequence + 1,
            kind=kind,
            occurred_at=at,
            recorded_at=at,
            **said,
        )

    def _id_at(self, at: datetime) -> UUID:
        """As one made at that time: IDs follow the order of writing."""
        value = int(at.timestamp() * 1000) << 80 | self.choice.getrandbits(80)
        return UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)

    def _settle(self, session: "Session", ended_at: datetime) -> None:
        """The session owes nothing to anybody."""
        session.last_activity_at = session.settled_at = session.debt_since = ended_at
        session.header_revision = 1
        for name in ("revision", "mirrored_revision", "documented_revision", "searched_revision"):
            if hasattr(session, name):
                setattr(session, name, session.last_sequence + 1)

    def _live_on(self, session: "Session", state: str) -> None:
        if state == "held":
            session.held_at, session.held_by, session.hold_reason = self.now, "admin", "keep"
        elif state == "trashed":
            session.trashed_at = self.now - timedelta(days=25 * self.choice.random())
            session.trashed_by = "admin"
        elif state == "merged" and self.last_live:
            session.merged_into_id = self.last_live
        elif session.session_id != LONG_SESSION:
            self.last_live = session.session_id


def fill(given: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Make all rows, in one transaction a batch."""
    from django.db import transaction

    now = datetime.now(UTC)
    builder = Builder(given.seed, now)
    planned = plan(given.sessions, given.interactions, random.Random(given.seed), now)
    done = 0
    for some in _batches(planned):
        made = [builder.session(one) for one in some]
        with transaction.atomic():
            _insert(made, builder)
        done += sum(len(rows) for _, rows in made)
        say(f"{done:,} of {given.interactions:,} interactions")
    with transaction.atomic():
        _insert_figures(builder)


def _batches(planned: Sequence[Planned]) -> Iterator[list[Planned]]:
    """Sessions of a few thousand interactions together."""
    batch: list[Planned] = []
    for one in planned:
        batch.append(one)
        if sum(each.length for each in batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _insert(made: "Sequence[tuple[Session, list[Interaction]]]", builder: Builder) -> None:
    from sessions.models import AuditEvent, Interaction, Merge, Session, SessionTag

    sessions = [session for session, _ in made]
    rows = [row for _, some in made for row in some]
    insert_many(Session, sessions)
    insert_many(Interaction, rows)
    choice = builder.choice
    tags = [(one, name) for one in sessions for name in choice.sample(TAGS, choice.choice((0, 0, 1, 1, 2, 3)))]
    SessionTag.objects.bulk_create([SessionTag(session=one, name=name) for one, name in tags])
    merged = [one for one in sessions if one.merged_into_id]
    Merge.objects.bulk_create(
        [Merge(survivor_id=one.merged_into_id, absorbed_id=one.pk, merged_by="admin", revision=1) for one in merged]
    )
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(at=one.created_at, actor="admin", face="mcp", verb=verb, session_id=one.pk)
            for one in sessions
            for verb in choice.sample(_AUDITED, 2)
        ]
    )
    _insert_models(sessions)
    _insert_index(sessions, rows)


def insert_many(model: "type[Model]", rows: "Sequence[Model]") -> None:
    """One prepared statement for all rows: three times as quick as `bulk_create`, whose text names every value."""
    from django.db import connection

    fields = model._meta.concrete_fields
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    values = [[field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({places})", values)


def _insert_models(sessions: "Sequence[Session]") -> None:
    from sessions.models import SessionModel

    SessionModel.objects.bulk_create(
        [SessionModel(session=one, name=name) for one in sessions for name in one.model_names]
    )


def _insert_index(sessions: "Sequence[Session]", rows: "Sequence[Interaction]") -> None:
    """What the search finds them by, as the worker would write it, but in large pieces."""
    from sessions.search import index
    from sessions.search.engine import engine

    passages = [passage for row in rows for passage in index.of_interaction(row, row.tool_name)]
    for session in sessions:
        passages += index.of_session(session, session.tags.values_list("name", flat=True))
    engine().insert(passages)


def _insert_figures(builder: Builder) -> None:
    from sessions.models import ActivityCount, ActivityMark, Profile
    from sessions.records import new_interaction_id

    Profile.objects.bulk_create([Profile(user_id=f"user-{number:04}") for number in range(USERS)])
    ActivityCount.objects.bulk_create(
        [
            ActivityCount(quarter=at, interactions=said, errors=builder.errors[at])
            for at, said in builder.quarters.items()
        ]
    )
    ActivityMark.objects.update_or_create(pk=1, defaults={"counted_before": new_interaction_id()})


def hurry() -> None:
    """Let SQLite neither sync nor keep a log while it is filled: a build that breaks off is begun anew."""
    from django.db import connection

    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY"):
                cursor.execute(f"PRAGMA {pragma}")


def tidy() -> None:
    """As a store in use is: known to its planner, with its log on."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()
    connection.ensure_connection()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--interactions", type=int, default=1_000_000, help="of them up to 10,000 in one session")
    parser.add_argument("--folder", type=Path, required=True, help="the new store's data directory; must be empty")
    parser.add_argument("--database-url", default="", help="an empty PostgreSQL database instead of SQLite")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.folder.exists() and any(given.folder.iterdir()):
        print(f"{given.folder} is not empty.")
        return 2
    if given.sessions < 2 or given.interactions < 2 * given.sessions:
        print("There must be at least 2 sessions and twice as many interactions.")
        return 2
    begun = time.perf_counter()
    scratch.Store(given.folder.absolute(), given.folder.absolute(), given.database_url).enter()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    hurry()
    fill(given, lambda text: print(f"{text}, {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True))
    tidy()
    size = sum(path.stat().st_size for path in given.folder.rglob("*") if path.is_file())
    print(f"Built in {time.perf_counter() - begun:.0f} s, {size / 1e9:.2f} GB in {given.folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
