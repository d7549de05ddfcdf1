"""A writer: logs interactions step by step, and notes outside the store whatever it was told to be safe.

A step is a pure function of the seed, the writer's number and the step's, so a writer that takes a killed one's
place repeats its last step with the same idempotency keys, as a client would.

    python -m bench.writer ACKNOWLEDGEMENTS --steps N [--defect NAME]

works on the store that the environment names and is what `bench.synccheck` traces.
"""

import argparse
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import defects, workload
from .copies import Acknowledgement, digest

if TYPE_CHECKING:
    from sessions.records import InteractionDraft

SHARED_SESSIONS = 3
_STEPS_PER_SESSION = 12
_SHARED_SHARE = 0.4
_BATCH_SHARE = 0.15
_BATCH = 3


@dataclass(frozen=True, slots=True)
class Step:
    """What a writer does at once: log these texts in this session."""

    session_id: str
    spoken: list[workload.Interaction]
    keys: list[str]


@dataclass(frozen=True, slots=True)
class Notes:
    """What a writer's file of acknowledgements says."""

    interactions: list[Acknowledgement]
    created: list[str]
    steps: int


def step(number: int, place: int, seed: int) -> Step:
    """A writer's step: one interaction or a few, in a session of its own or in one that all write to."""
    chosen = random.Random(f"{seed}/{number}/{place}")
    shared = chosen.random() < _SHARED_SHARE
    size = _BATCH if chosen.random() < _BATCH_SHARE else 1
    return Step(
        f"shared-{chosen.randrange(SHARED_SESSIONS)}" if shared else f"own-{number}-{place // _STEPS_PER_SESSION}",
        [workload.interaction(number, place * _BATCH + one, seed) for one in range(size)],
        [f"w{number}-{place}-{one}" for one in range(size)],
    )


def write(number: int, notes_path: Path, *, seed: int = 1, defect: str = "", steps: int | None = None) -> None:
    """Take up where the notes end and go on, for so many steps or until killed. The store is entered already."""
    defects.apply(defect)
    first = read_notes(notes_path).steps if notes_path.exists() else 0
    # O_APPEND and one write each: a line is there as a whole, or it is not.
    notes = os.open(notes_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    place = first
    while steps is None or place < first + steps:
        _take(step(number, place, seed), notes)
        place += 1


def read_notes(path: Path) -> Notes:
    """What a file of acknowledgements says, its last line left out if it is not whole."""
    found = Notes([], [], 0)
    steps = 0
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            verb, session_id, *rest = line.split()
            if verb == "logged":
                found.interactions.append(Acknowledgement(session_id, *rest))
            elif verb == "created":
                found.created.append(session_id)
            steps += verb == "done"
    return Notes(found.interactions, found.created, steps)


def _take(taken: Step, notes: int) -> None:
    from sessions.actions.log import log_interactions
    from sessions.errors import SessionNotFound
    from sessions.records import Actor, Face

    actor = Actor(name="bench", face=Face.PYTHON)
    drafts = list(_drafts(taken))
    try:
        log_interactions(taken.session_id, drafts, actor=actor)
    except SessionNotFound:
        _create(taken.session_id, actor, notes)
        log_interactions(taken.session_id, drafts, actor=actor)
    lines = [
        f"logged {taken.session_id} {key} {digest(spoken.prompt, spoken.response)}\n"
        for key, spoken in zip(taken.keys, taken.spoken, strict=True)
    ]
    os.write(notes, "".join([*lines, f"done {taken.session_id}\n"]).encode())


def _create(session_id: str, actor: "object", notes: int) -> None:
    from sessions.actions.begin import create_session
    from sessions.errors import SessionExists
    from sessions.records import Actor

    assert isinstance(actor, Actor)
    try:
        create_session(session_id=session_id, actor=actor)
    except SessionExists:
        # Another writer was quicker, or the one whose place this one took.
        return
    os.write(notes, f"created {session_id}\n".encode())


def _drafts(taken: Step) -> Iterator["InteractionDraft"]:
    from sessions.records import InteractionDraft, InteractionKind

    for key, spoken in zip(taken.keys, taken.spoken, strict=True):
        yield InteractionDraft(
            kind=InteractionKind.CONVERSATION_TURN,
            prompt=spoken.prompt,
            response=spoken.response,
            idempotency_key=key,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("acknowledgements", type=Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--defect", default="", choices=["", *defects.DEFECTS])
    options = parser.parse_args()
    import django

    django.setup()
    write(0, options.acknowledgements, defect=options.defect, steps=options.steps)


if __name__ == "__main__":
    main()
