"""Several processes log to one session at once, and now and then all of them the same interaction under one key.

Afterwards the count is exact, the sequence gapless, the journal's chain intact, and what all of them sent is there
once. Ends with 1 otherwise.
"""

import multiprocessing
import sys
import time
from multiprocessing.synchronize import Barrier

from . import copies, scratch, workload

SESSION = "contended"
# Every so many interactions comes one that all writers send under the same key.
COMMON_EVERY = 10


def common(each: int) -> int:
    """How many interactions all writers have in common."""
    return -(-each // COMMON_EVERY)


def log_all(number: int, each: int, start: Barrier) -> None:
    """One writer: so many interactions of its own, and the common ones in between."""
    from sessions.actions.log import log_interaction
    from sessions.records import Actor, Face, InteractionDraft, InteractionKind

    actor = Actor(name="bench", face=Face.PYTHON)

    def log(key: str, spoken: workload.Interaction) -> None:
        draft = InteractionDraft(
            kind=InteractionKind.CONVERSATION_TURN,
            prompt=spoken.prompt,
            response=spoken.response,
            idempotency_key=key,
        )
        log_interaction(SESSION, draft, actor=actor)

    start.wait()
    for place in range(each):
        if place % COMMON_EVERY == 0:
            log(f"common-{place}", workload.interaction(0, place, seed=0))
        log(f"w{number}-{place}", workload.interaction(number, place))


def run(store: scratch.Store, writers: int, each: int) -> list[str]:
    """Let them write; returns what is wrong afterwards."""
    store.enter()
    from sessions.actions.begin import create_session
    from sessions.records import Actor, Face

    context = multiprocessing.get_context("fork")
    maker = context.Process(
        target=create_session, kwargs={"session_id": SESSION, "actor": Actor(name="bench", face=Face.PYTHON)}
    )
    maker.start()
    maker.join()
    start = context.Barrier(writers + 1)
    running = [context.Process(target=log_all, args=(number, each, start)) for number in range(writers)]
    for process in running:
        process.start()
    start.wait()
    begun = time.perf_counter()
    for process in running:
        process.join()
    per_second = writers * each / (time.perf_counter() - begun)
    print(f"{writers} writers, {each:,} each, {common(each):,} in common: {per_second:,.0f}/s", flush=True)
    problems = [f"writer {number} ended with {p.exitcode}" for number, p in enumerate(running) if p.exitcode]
    return problems + examine(store, writers, each)


def examine(store: scratch.Store, writers: int, each: int) -> list[str]:
    acknowledged = [
        _acknowledgement(f"w{number}-{place}", workload.interaction(number, place))
        for number in range(writers)
        for place in range(each)
    ] + [
        _acknowledgement(f"common-{place}", workload.interaction(0, place, seed=0))
        for place in range(0, each, COMMON_EVERY)
    ]
    stored = copies.in_database(store).get(SESSION, [])
    problems = copies.violations(store, acknowledged, [SESSION]) + copies.behind(store)
    if len(stored) != len(acknowledged):
        problems.append(f"the session holds {len(stored):,} interactions instead of {len(acknowledged):,}")
    return problems


def _acknowledgement(key: str, spoken: workload.Interaction) -> copies.Acknowledgement:
    return copies.Acknowledgement(SESSION, key, copies.digest(spoken.prompt, spoken.response))


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--each", type=int, default=5_000)
    given = parser.parse_args()
    with scratch.store(given.dir, given.database_url) as store:
        problems = run(store, given.writers, given.each)
    for problem in problems[: copies.SHOWN]:
        print(problem)
    print("RED" if problems else "GREEN: exact, gapless, chained, and the common ones once")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
