"""Kill writers at random moments; whatever they were told to be safe must be in both copies, unrepaired.

Writers over several processes log interactions and note each acknowledgement outside the store. They are killed
with SIGKILL and replaced; a replacement repeats the step that was cut short. After each round all are killed at
once, and both copies are read before anything has drained or repaired them. Ends with 1 when a promise is broken.
"""

import multiprocessing
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path

from . import copies, defects, scratch, writer

# An average writer lives for several dozen steps; some die while they are still connecting.
LONGEST_PAUSE_SECONDS = 0.15
# Writers that are killed in a round before all of them are.
_KILLS_PER_ROUND = 47


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    kills: int
    writers: int
    seed: int
    defect: str


class Writers:
    """The writers of one run; each has a number and a file of acknowledgements that outlive its processes."""

    def __init__(self, store: scratch.Store, options: Options) -> None:
        self.folder, self.options = store.outside, options
        # Forked from a process that has read all code and holds no connection: a start takes milliseconds.
        self.context = multiprocessing.get_context("fork")
        self.running: dict[int, ForkProcess] = {}
        self.failed: list[str] = []

    def start(self, number: int) -> None:
        self.running[number] = self.context.Process(
            target=writer.write,
            args=(number, self.notes(number)),
            kwargs={"seed": self.options.seed, "defect": self.options.defect},
        )
        self.running[number].start()

    def start_all(self) -> None:
        for number in range(self.options.writers):
            self.start(number)

    def kill(self, numbers: Sequence[int]) -> None:
        """Kill some at once. One that had ended by itself had an error, which is a finding."""
        for number in numbers:
            if self.running[number].exitcode is not None:
                self.failed.append(f"writer {number} ended by itself, with {self.running[number].exitcode}")
            self.running[number].kill()
        for number in numbers:
            self.running[number].join()

    def notes(self, number: int) -> Path:
        return self.folder / f"writer-{number}"

    def all_notes(self) -> list[writer.Notes]:
        paths = [self.notes(number) for number in range(self.options.writers)]
        return [writer.read_notes(path) for path in paths if path.exists()]


def run(store: scratch.Store, options: Options) -> list[str]:
    """Kill as often as asked, printing the progress; returns the broken promises."""
    store.enter()
    chosen, writers = random.Random(options.seed), Writers(store, options)
    killed, broken = 0, list[str]()
    while killed < options.kills and not broken:
        writers.start_all()
        singly = min(_KILLS_PER_ROUND, options.kills - killed - options.writers)
        for _ in range(singly):
            time.sleep(chosen.uniform(0, LONGEST_PAUSE_SECONDS))
            victim = chosen.randrange(options.writers)
            writers.kill([victim])
            writers.start(victim)
        time.sleep(chosen.uniform(LONGEST_PAUSE_SECONDS, 3 * LONGEST_PAUSE_SECONDS))
        writers.kill(range(options.writers))
        killed += max(0, singly) + options.writers
        broken = writers.failed + examine(store, writers.all_notes())
        told = sum(len(notes.interactions) for notes in writers.all_notes())
        print(f"kills {killed:,}, acknowledged {told:,}, violations {len(broken):,}", flush=True)
        if not told:
            broken.append("nothing was acknowledged, so nothing was tested")
    return broken


def examine(store: scratch.Store, notes: Sequence[writer.Notes]) -> list[str]:
    return copies.violations(
        store,
        [told for one in notes for told in one.interactions],
        [session_id for one in notes for session_id in one.created],
    )


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--writers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--defect", default="", choices=["", *defects.DEFECTS])
    given = parser.parse_args()
    options = Options(kills=given.kills, writers=given.writers, seed=given.seed, defect=given.defect)
    with scratch.store(given.dir, given.database_url) as store:
        broken = run(store, options)
    for violation in broken[: copies.SHOWN]:
        print(violation)
    print("RED: a promise was broken" if broken else "GREEN: all that was acknowledged is in both copies, once")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
