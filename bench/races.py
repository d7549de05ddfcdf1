"""Two races that a store must not lose: a cleanup against a resume, and a merge against SIGKILL.

A session that is due for cleanup is trashed by one process and resumed by another at the same moment. The resume
was acknowledged, so the session is live afterwards, whoever came first, and its journal lies where it belongs.

A merge of three sessions is killed at a random moment. Whatever moment that was, the database is as before or as
after; a drain brings the files to the same; and unmerging, at once or one by one, gives all sessions back as they
were, to the byte of their dumps.
"""

import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from . import copies, scratch, workload

if TYPE_CHECKING:
    from sessions.records import Actor

_IDLE_DAYS = 7
_MERGED_INTERACTIONS = 30
# Neither side of a race begins later than this after the other.
_JITTER_SECONDS = 0.006
_CONTEXT = multiprocessing.get_context("fork")


class Stop:
    """Sent to a helper, it ends it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a helper answers when its work raised something."""

    reason: str


class Helper:
    """A process that does one thing for each value that it is sent, and answers with what came of it."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self.pipe, other = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(other, work), daemon=True)
        self.process.start()
        other.close()

    def ask(self, value: Any) -> None:
        self.pipe.send(value)

    def answer(self) -> Any:
        return self.pipe.recv()

    def __call__(self, value: Any) -> Any:
        """Ask and answer. Raises RuntimeError for work that must not fail and did."""
        self.ask(value)
        answer = self.answer()
        if isinstance(answer, Failure):
            raise RuntimeError(answer.reason)
        return answer

    def stop(self) -> None:
        # An end of file would not arrive: helpers forked later hold this pipe's end as well.
        self.pipe.send(Stop)
        self.process.join()


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    while (value := pipe.recv()) is not Stop:
        try:
            pipe.send(work(value))
        except Exception as error:  # noqa: BLE001  (whatever it is belongs in the result)
            pipe.send(Failure(f"{type(error).__name__}: {error}"))


# --- Cleanup against resume --------------------------------------------------------------------------------------


def make_due(session_id: str) -> str:
    """A session that was last active long ago, and the token of a plan that would trash it."""
    from django.db import transaction

    from sessions.actions import create_session, log_interaction, plan_cleanup
    from sessions.actions.begin import change_header
    from sessions.records import InteractionDraft, InteractionKind

    session = create_session(session_id=session_id, user_id=session_id, actor=_actor())
    draft = InteractionDraft(kind=InteractionKind.CONVERSATION_TURN, prompt=workload.interaction(0, 0).prompt)
    log_interaction(session_id, draft, actor=_actor())
    with transaction.atomic():
        session.refresh_from_db()
        session.last_activity_at -= timedelta(days=2 * _IDLE_DAYS)
        change_header(session)
    return plan_cleanup(idle_days=_IDLE_DAYS, user_id=session_id).token


def clean(task: tuple[str, float]) -> int:
    """Apply a plan after a pause; returns how many sessions it trashed."""
    from sessions.actions import apply_cleanup

    token, pause = task
    time.sleep(pause)
    return apply_cleanup(token, actor=_actor(), confirmed_sessions=1).trashed


def resume(task: tuple[str, float]) -> str:
    """Resume a session after a pause; returns its ID."""
    from sessions.actions import resume_session

    session_id, pause = task
    time.sleep(pause)
    return str(resume_session(session_id, actor=_actor()).pk)


def race_cleanup(store: scratch.Store, times: int, seed: int) -> list[str]:
    """Returns what went wrong; prints how often which side came first."""
    chosen, outcomes, problems = random.Random(seed), Counter[int](), list[str]()
    maker, cleaner, resumer = Helper(make_due), Helper(clean), Helper(resume)
    for number in range(times):
        session_id = f"race-{number}"
        token = maker(session_id)
        cleaner.ask((token, chosen.uniform(0, _JITTER_SECONDS)))
        resumer.ask((session_id, chosen.uniform(0, _JITTER_SECONDS)))
        trashed, resumed = cleaner.answer(), resumer.answer()
        if resumed != session_id or trashed not in (0, 1):
            problems.append(f"{session_id}: cleanup said {trashed!r}, resume said {resumed!r}")
        else:
            outcomes[trashed] += 1
        if (number + 1) % 100 == 0:
            print(f"races {number + 1:,}, violations {len(problems):,}", flush=True)
    for helper in (maker, cleaner, resumer):
        helper.stop()
    print(f"cleaned up first and then brought back: {outcomes[1]:,}; resumed first and left alone: {outcomes[0]:,}")
    return problems + resumed_and_trashed(store) + copies.behind(store)


def resumed_and_trashed(store: scratch.Store) -> list[str]:
    """Every session here was resumed, so none may lie in the trash, in either copy."""
    trashed = copies.rows(store, "SELECT session_id FROM conversations_session WHERE trashed_at IS NOT NULL")
    files = (store.data_dir / "trash").glob("*/*")
    return [f"{session_id} was resumed and is in the trash" for (session_id,) in trashed] + [
        f"{path.name} was left in the trash" for path in files
    ]


# --- Merge against SIGKILL ---------------------------------------------------------------------------------------


def make_three(number: int) -> tuple[str, str, str]:
    """Three sessions that speak by turns, with some interactions that all have; their IDs."""
    from sessions.actions import create_session, log_interactions
    from sessions.records import InteractionDraft, InteractionKind

    names = f"survivor-{number}", f"absorbed-{number}", f"third-{number}"
    for name in names:
        create_session(session_id=name, title=name, tags=[name[:4], "all"], actor=_actor())
    for place in range(_MERGED_INTERACTIONS):
        spoken = workload.interaction(number, place)
        common = place % 7 == 0
        for name in names if common else (names[place % 3],):
            draft = InteractionDraft(
                kind=InteractionKind.CONVERSATION_TURN,
                prompt=spoken.prompt,
                response=spoken.response,
                idempotency_key=f"m{number}-{place}",
            )
            log_interactions(name, [draft], actor=_actor())
    return names


def merge(number: int) -> float:
    """Merge two sessions into a third at once; returns how long that took."""
    from sessions.actions import merge_sessions

    begun = time.perf_counter()
    absorbed = [f"absorbed-{number}", f"third-{number}"]
    merge_sessions(f"survivor-{number}", absorbed=absorbed, choices={"title": absorbed[1]}, actor=_actor())
    return time.perf_counter() - begun


def dumps(names: tuple[str, ...]) -> list[dict[str, Any]]:
    from sessions.actions import session_dump

    return [session_dump(name) for name in names]


def settle(_: None) -> None:
    """What the periodic drain does."""
    from sessions.mirror.drain import drain_debt

    while drain_debt(100):
        pass


def undo(number: int) -> bool:
    """Take the merge back, all at once or one by one; False where there was none."""
    from sessions.actions import get_merge, merges_of, unmerge

    found = merges_of(f"survivor-{number}").filter(undone_at=None).first()
    if found is None:
        return False
    group = get_merge(found.pk)
    for key in [group.pk] if number % 2 else [merge.pk for merge in group.merges]:
        unmerge(key, actor=_actor())
    return True


def kill_merges(store: scratch.Store, kills: int, seed: int) -> list[str]:
    """Returns what went wrong; prints how often the merge had happened."""
    store = replace(store, live=True)
    chosen, outcomes, problems = random.Random(seed), Counter[bool](), list[str]()
    maker, dumper, settler, undoer = Helper(make_three), Helper(dumps), Helper(settle), Helper(undo)
    maker(kills)
    usual = _undisturbed(kills)
    for number in range(kills):
        names = maker(number)
        before = dumper(names)
        _merge_until_killed(number, chosen.uniform(0, 1.3 * usual))
        merged = dumper(names) != before
        problems += _half_merged(store, number, names)
        settler(None)
        problems += copies.behind(store)
        if undoer(number) != merged:
            problems.append(f"merge {number}: the dumps and the record of the merge tell different tales")
        if dumper(names) != before:
            problems.append(f"merge {number}: unmerging did not give all sessions back")
        outcomes[merged] += 1
    problems += copies.behind(store)
    for helper in (maker, dumper, settler, undoer):
        helper.stop()
    print(f"killed before the merge: {outcomes[False]:,}; after it: {outcomes[True]:,}; violations {len(problems):,}")
    return problems


def _undisturbed(number: int) -> float:
    """How long a merge takes, process and all."""
    process = _CONTEXT.Process(target=merge, args=(number,))
    begun = time.perf_counter()
    process.start()
    process.join()
    return time.perf_counter() - begun


def _merge_until_killed(number: int, seconds: float) -> None:
    process = _CONTEXT.Process(target=merge, args=(number,))
    process.start()
    time.sleep(seconds)
    process.kill()
    process.join()


def _half_merged(store: scratch.Store, number: int, names: tuple[str, ...]) -> list[str]:
    """The database is as before or as after: a record and an address for each absorbed session, or none of all."""
    merges = len(copies.rows(store, f"SELECT id FROM conversations_merge WHERE survivor_id = '{names[0]}'"))
    leading = f"SELECT session_id FROM conversations_session WHERE merged_into_id = '{names[0]}'"
    addresses = len(copies.rows(store, leading))
    held = {name: len(copies.in_database(store).get(name, [])) for name in names}
    whole = merges == addresses and merges in (0, len(names) - 1)
    return [] if whole else [f"merge {number} is half done: {merges=}, {addresses=}, {held=}"]


def _actor() -> "Actor":
    from sessions.records import Actor, Face

    return Actor(name="bench", face=Face.PYTHON)


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--cleanup", type=int, default=0, metavar="N", help="race a cleanup against a resume N times")
    parser.add_argument("--merge-kills", type=int, default=0, metavar="N", help="kill N merges")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with scratch.store(given.dir, given.database_url) as store:
        store.enter()
        problems = race_cleanup(store, given.cleanup, given.seed) if given.cleanup else []
        problems += kill_merges(store, given.merge_kills, given.seed) if given.merge_kills else []
    for problem in problems[: copies.SHOWN]:
        print(problem)
    print("RED" if problems else "GREEN: no race was lost")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
