"""`python -m bench.fuzz_importers`: files that are broken in every way, a million of them, given to every importer.

Two kinds for each format: `guided`, where atheris (libFuzzer) changes bytes and members and keeps what reaches code
that nothing before has reached; and `members`, where members are changed at random. Without atheris (`uv sync --group
fuzz`) the first kind is left out, and that is said. `files` is no format: archives, packed files and the like, read as
they lie on the disk. What is looked for, in each input:

- nothing raises; it is read twice, and tells the same both times;
- every record that was read is in an event or among those noted;
- each interaction belongs to a session that was opened before, and has a key; keys, IDs and values are storable;
- it takes less than two seconds, and the process stays below 200 MB.

An input that fails is kept in the folder of findings with what went wrong, and the fuzzing goes on. `--state` keeps
what was tried and learned, so that a run can be gone on with; the counts are those of inputs that were really read.
"""

import argparse
import contextlib
import hashlib
import mmap
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .examiner import MOST_BYTES, Examiner

LONGEST_INPUT = 6_000
KINDS = ("guided", "members")
_ROUND = 4_000


# --- one process, one format, one kind ----------------------------------------------------------------------------


class _Tally:
    """How many inputs were tried, in a file that outlives the process however it ends."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def raise_by_one(self) -> None:
        struct.pack_into("<Q", self._map, 0, struct.unpack_from("<Q", self._map)[0] + 1)


def tallied(path: Path) -> int:
    return struct.unpack("<Q", path.read_bytes())[0] if path.exists() else 0


def work(name: str, kind: str, inputs: int, state: Path) -> None:
    """Try so many inputs in this process."""
    seeds = [path.read_bytes() for path in sorted((state / "seeds" / name).iterdir())]
    chance = random.Random(f"{name} {kind} {tallied(state / 'tallies' / f'{name}.{kind}')}")
    with _watched(kind) as atheris:
        examiner = Examiner(name, state)
    tally = _Tally(state / "tallies" / f"{name}.{kind}")

    def examine(data: bytes) -> None:
        tally.raise_by_one()
        try:
            examiner.examine(data)
        except Exception as error:  # noqa: BLE001
            keep(state / "findings", name, data, error)

    if atheris is None:
        change = _changer(name)
        for _ in range(inputs):
            examine(change(chance.choice(seeds), chance))
        return
    corpus = state / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    arguments = [
        "fuzz", str(corpus), str(state / "seeds" / name), f"-runs={inputs}", f"-max_len={LONGEST_INPUT}", "-timeout=30",
        f"-rss_limit_mb={MOST_BYTES // 2**20 * 2}", f"-seed={chance.randrange(1, 2**31)}", "-verbosity=0",
        f"-artifact_prefix={state / 'findings'}/{name}-", "-print_final_stats=0", "-reload=0",
    ]  # fmt: skip
    atheris.Setup(arguments, examine, custom_mutator=_mutator(name, atheris))
    atheris.Fuzz()


@contextlib.contextmanager
def _watched(kind: str) -> Iterator[ModuleType | None]:
    """With atheris watching what is imported meanwhile, for the kind that is guided by what it sees."""
    if kind != "guided":
        yield None
        return
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["sessions.importers"]):
        yield atheris


def _changer(name: str) -> Callable[[bytes, random.Random], bytes]:
    from .mutations import changed, reshaped_database

    return reshaped_database if name == "llm" else changed


def _mutator(name: str, atheris: ModuleType) -> Callable[[bytes, int, int], bytes]:
    """Changes members or bytes, so that what is found behind the JSON is reached as well as the JSON's own edges."""
    change = _changer(name)

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.6:
            with contextlib.suppress(Exception):
                changed = change(bytes(data), chance)
                if len(changed) <= longest:
                    return changed
        mutated: bytes = atheris.Mutate(data, longest)
        return mutated

    return mutate


def keep(folder: Path, name: str, data: bytes, error: Exception) -> None:
    """One finding for each format and place; what is found there again is counted."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "sessions" in frame.filename]
    place = f"{Path(frames[-1].filename).stem}:{frames[-1].lineno}" if frames else "harness"
    what = "".join(one for one in str(error) if not one.isdigit())[:120]
    mark = hashlib.sha256(f"{name} {type(error).__name__} {place} {what}".encode(errors="replace")).hexdigest()[:10]
    path = folder / f"{name}-{mark}"
    if not path.exists():
        path.write_bytes(data)
        path.with_suffix(".txt").write_text("".join(traceback.format_exception(error)), errors="replace")


# --- all of them --------------------------------------------------------------------------------------------------


def prepare(state: Path, samples: Path | None) -> list[str]:
    """Write the seeds where they are not yet; the formats' names."""
    from .importer_seeds import seeds_by_format

    (state / "tallies").mkdir(parents=True, exist_ok=True)
    (state / "findings").mkdir(exist_ok=True)
    found = seeds_by_format(samples)
    for name, seeds in found.items():
        folder = state / "seeds" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for seed in seeds:
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    return list(found)


def fuzz(state: Path, names: list[str], kinds: list[str], inputs: int, seconds: float) -> None:
    """Go round, a few thousand inputs at a time, until each format and kind has had so many or the time is up."""
    ends = time.monotonic() + seconds
    waiting = [(name, kind) for name in names for kind in kinds]
    while waiting and time.monotonic() < ends:
        name, kind = waiting.pop(0)
        path = state / "tallies" / f"{name}.{kind}"
        before = tallied(path)
        if before >= inputs:
            continue
        _run(name, kind, min(_ROUND, inputs - before), state)
        if tallied(path) == before:
            print(f"{name}, {kind}: nothing was tried", flush=True)
        else:
            waiting.append((name, kind))


def _run(name: str, kind: str, inputs: int, state: Path) -> None:
    command = [sys.executable, "-m", "bench.fuzz_importers", "--state", str(state), "--worker", name, kind, str(inputs)]
    done = subprocess.run(command, check=False, capture_output=True)
    if done.returncode:
        # libFuzzer's own verdicts (too long, too much memory, a crash of the interpreter) end the process.
        path = state / "findings" / f"{name}-{kind}-{int(time.time())}.log"
        path.write_bytes(done.stdout[-4_000:] + done.stderr[-20_000:])


def report(state: Path) -> tuple[str, bool]:
    """The table of what was tried, and whether nothing was found."""
    counts: dict[str, Counter[str]] = {}
    for path in sorted((state / "tallies").iterdir()):
        name, _, kind = path.name.rpartition(".")
        counts.setdefault(name, Counter())[kind] = tallied(path)
    lines = ["| format | " + " | ".join(KINDS) + " |", "|---|" + "---|" * len(KINDS)]
    for name, found in counts.items():
        lines.append(f"| `{name}` | " + " | ".join(f"{found[kind]:,}" for kind in KINDS) + " |")
    total = sum((Counter(found) for found in counts.values()), Counter[str]())
    lines.append("| all | " + " | ".join(f"{total[kind]:,}" for kind in KINDS) + " |")
    findings = sorted(path.name for path in (state / "findings").iterdir())
    lines += [f"{total.total():,} inputs", *(f"FOUND {name}" for name in findings)]
    return "\n".join(lines), not findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000, help="of each kind for each format")
    parser.add_argument("--seconds", type=float, default=86_400)
    parser.add_argument("--format", action="append", help="only this one")
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--samples", type=Path, help="a folder with more files to begin with")
    parser.add_argument("--state", type=Path, help="a folder that keeps what was tried and found")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        name, kind, inputs = options.worker
        work(name, kind, int(inputs), options.state)
        return 0
    kinds = options.kind or list(KINDS)
    if "guided" in kinds and find_spec("atheris") is None:
        print("atheris is not installed (`uv sync --group fuzz`): nothing is guided by coverage")
        kinds.remove("guided")
    with contextlib.ExitStack() as folders:
        state = options.state or Path(folders.enter_context(tempfile.TemporaryDirectory()))
        names = prepare(state, options.samples)
        fuzz(state, options.format or names, kinds, options.inputs, options.seconds)
        text, is_well = report(state)
        print(text)
        if not is_well and not options.state:
            kept = Path(tempfile.mkdtemp(prefix="findings-"))
            shutil.copytree(state / "findings", kept, dirs_exist_ok=True)
            print(f"The inputs are in {kept}")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
