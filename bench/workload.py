"""Interactions made up of common words: each a pure function of seed, session and place, so any can be made again.

A program that is given `--workload PATH` takes its texts from that module's `interactions(sessions, per_session,
seed)` instead; all it uses of one is `prompt` and `response`.
"""

import importlib.util
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Protocol

PROMPT_CHARACTERS = 200
RESPONSE_CHARACTERS = 800
_COMMON_WORDS = (
    "able about above accept across action active actual advice after again agree allow almost alone along "
    "already always amount answer appear area around arrive article assume author average avoid basic before "
    "begin behind believe below between beyond border bottom branch bridge bright bring broad build button call "
    "capital careful carry center certain chance change choice clear close collect common compare complete "
    "concern consider contain correct cost count cover create current daily danger decide deep degree depend "
    "describe design detail differ direct discuss distance double doubt during early earth effect effort either "
    "enough entire equal escape event every exact example except expect explain express extra factor family "
    "famous figure final finish follow force forest forget formal former forward found frame friend front future "
    "garden gather general gentle given glass"
)
COMMON_WORDS = _COMMON_WORDS.split()


class Spoken(Protocol):
    """What a workload's interaction must have."""

    @property
    def prompt(self) -> str: ...
    @property
    def response(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Interaction:
    """A prompt of about 200 characters and a response of about 800."""

    prompt: str
    response: str


def interaction(session: int, place: int, seed: int = 1) -> Interaction:
    chosen = random.Random(f"{seed}/{session}/{place}")
    return Interaction(_text(chosen, PROMPT_CHARACTERS), _text(chosen, RESPONSE_CHARACTERS))


def interactions(sessions: int, per_session: int, seed: int = 1) -> Iterator[Interaction]:
    """The interactions of so many sessions, one session after the other."""
    return (interaction(session, place, seed) for session in range(sessions) for place in range(per_session))


def texts(path: Path | None, *, seed: int = 1) -> Iterator[Spoken]:
    """Endless interactions of ours, or of the module at `path`: a thousand, then the same again."""
    return cycle(list(interactions(10, 100, seed) if path is None else _foreign(path, seed)))


def _foreign(path: Path, seed: int) -> Iterable[Spoken]:
    specification = importlib.util.spec_from_file_location("foreign_workload", path)
    if specification is None or specification.loader is None:
        raise SystemExit(f"{path} is not a Python module.")
    module = importlib.util.module_from_spec(specification)
    # Dataclasses look their module up by name.
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    made: Iterable[Spoken] = module.interactions(10, 100, seed)
    return made


def _text(chosen: random.Random, characters: int) -> str:
    words = chosen.choices(COMMON_WORDS, k=characters // 4)
    return " ".join(words)[:characters]
