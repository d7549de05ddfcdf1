"""Import files as a user does, with `manage.py import_sessions`: how fast, in how much memory, and how true is it all.

Each round imports the files into a new store, in turns with a floor: the same messages as bare rows of raw SQLite, in
synced transactions of 500, and each conversation as a file that is synced. Afterwards everything must be searchable and
every journal on the disk; the progress that was shown must never have gone back, and must have run as the time did; and
importing once more must add nothing. With `--kills` the import is killed where a random share of the conversations is
on the disk and started again until it comes to its end, and the store must be the same, to the last row of both copies,
as the one that was made in one go.
"""

import gzip
import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import copies, scratch

LEAST_PER_SECOND = 5_000
MOST_MEGABYTES = 200
# How far the share that was shown may lie from the share of the time that had passed.
MOST_PROGRESS_ERROR = 0.15
# Too few lines of progress say nothing of how it ran.
_TOLD = 10
_BATCH = 500
_PROGRESS = re.compile(rb"([\d.,]+) (bytes|kB|MB|GB) of ([\d.,]+) (bytes|kB|MB|GB) read")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_UNITS = {b"bytes": 1.0, b"kB": 1e3, b"MB": 1e6, b"GB": 1e9}
# What was said and where it stands. Times and IDs are this import's own; parents are told by their place.
_CONTENT = (
    "SELECT i.session_id, i.sequence, i.kind, i.prompt, i.response, i.reasoning, i.tool_name, i.tool_parameters, "
    "i.model, i.metadata, i.idempotency_key, i.status, p.sequence "
    "FROM conversations_interaction i LEFT JOIN conversations_interaction p ON p.id = i.parent_id "
    "ORDER BY i.session_id, i.sequence"
)
_SESSIONS = (
    "SELECT session_id, user_id, title, source, metadata, interaction_count, last_sequence, opening, model_names, "
    "input_tokens, output_tokens, trashed_at, merged_into_id FROM conversations_session ORDER BY session_id"
)
_WAITING = (
    "SELECT count(*) FROM conversations_session WHERE searched_revision < revision OR mirrored_revision < revision"
)
_PASSAGES = "SELECT count(*), coalesce(sum(length(terms)), 0) FROM conversations_passage"


@dataclass(frozen=True, slots=True)
class Round:
    """One import: the command's time and memory as a whole, start and end of the program included."""

    messages: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    floor_per_second: float
    progress_error: float

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds

    @property
    def ratio(self) -> float:
        return self.per_second / self.floor_per_second


@dataclass(slots=True)
class Report:
    """`violations` are promises that were not kept; empty is green."""

    filesystem: str
    sqlite: str
    rounds: list[Round] = field(default_factory=list)
    kills: int = 0
    violations: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """How one start of the command went; `shown` are the shares of its progress with the second they came at."""

    status: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    shown: Sequence[tuple[float, float]]
    report: dict[str, Any]

    @property
    def progress_error(self) -> float:
        """The largest distance between what was shown and the share of the time that had passed since the first."""
        if len(self.shown) < _TOLD:
            return 0.0
        (begin, least), (end, most) = self.shown[0], self.shown[-1]
        return max(
            abs((share - least) / (most - least) - (at - begin) / (end - begin)) for at, share in self.shown[1:-1]
        )


def run_import(store: scratch.Store, files: Sequence[Path], *, kill_at: int | None = None) -> Run:
    """Run the command in a process of its own; once `kill_at` journals are there it is killed without a warning."""
    command = [sys.executable, "manage.py", "import_sessions", "--json", *map(str, files)]
    began = time.monotonic()
    with (store.outside / "import.json").open("wb+") as answer:
        process = subprocess.Popen(
            command, cwd=scratch._ROOT, env=store.environment(), stdout=answer, stderr=subprocess.PIPE
        )
        with _killing(process, store, kill_at):
            shown, peak = _watched(process, began)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        # It was waited for here; subprocess must not look for it.
        process.returncode = os.waitstatus_to_exitcode(status)
        answer.seek(0)
        text = answer.read()
    return Run(
        process.returncode,
        seconds,
        usage.ru_utime + usage.ru_stime,
        peak,
        shown,
        json.loads(text) if process.returncode in (0, 1) and text else {},
    )


@contextmanager
def _killing(process: "subprocess.Popen[bytes]", store: scratch.Store, at: int | None) -> Iterator[None]:
    """Kill the process when so many journals are there, which tells how far it is on a machine of any speed."""
    ended = threading.Event()

    def watch(at: int) -> None:
        while not ended.is_set():
            began = time.monotonic()
            if journals(store) >= at:
                # Not kill(), which would take the exit status that is waited for.
                os.kill(process.pid, signal.SIGKILL)
                return
            # Looking must not slow down what is looked at.
            ended.wait(2 * (time.monotonic() - began))

    killer = threading.Thread(target=watch, args=[at]) if at is not None else None
    if killer:
        killer.start()
    try:
        yield
    finally:
        ended.set()
        if killer:
            killer.join()


def journals(store: scratch.Store) -> int:
    """How many sessions have a journal."""
    return sum(1 for _ in (store.data_dir / "sessions").glob("*/*.jsonl"))


def _watched(process: "subprocess.Popen[bytes]", began: float) -> tuple[Sequence[tuple[float, float]], float]:
    """The progress that it shows, and the most memory that it had by then, in megabytes.

    `ru_maxrss` would not do: it begins with what this process had when it started that one.
    """
    shown: list[tuple[float, float]] = []
    peak = 0.0
    assert process.stderr is not None
    for line in process.stderr:
        with suppress(OSError):
            if found := _PEAK.search(Path(f"/proc/{process.pid}/status").read_text()):
                peak = max(peak, int(found[1]) / 1024)
        if found_share := _PROGRESS.search(line):
            read, total = (float(found_share[n].replace(b",", b"")) * _UNITS[found_share[n + 1]] for n in (1, 3))
            shown.append((time.monotonic() - began, read / total if total else 1.0))
    return shown, peak


def floor(folder: Path, files: Sequence[Path]) -> tuple[int, float]:
    """How many messages there are, and how many a second take what two durable copies cost by themselves.

    The messages are bare rows of raw SQLite, and each conversation a file that is written and synced.
    """
    conversations = list(_conversations(files))
    target = folder / "floor"
    target.mkdir()
    began = time.monotonic()
    with closing(sqlite3.connect(target / "floor.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, conversation INTEGER, text TEXT)")
        waiting: list[tuple[int, str]] = []
        for number, messages in enumerate(conversations):
            _write_synced(target / str(number), "\n".join(messages).encode())
            waiting += [(number, message) for message in messages]
            if len(waiting) >= _BATCH or number == len(conversations) - 1:
                database.execute("BEGIN IMMEDIATE")
                database.executemany("INSERT INTO message (conversation, text) VALUES (?, ?)", waiting)
                database.execute("COMMIT")
                waiting = []
    seconds = time.monotonic() - began
    messages_in_all = sum(map(len, conversations))
    return messages_in_all, messages_in_all / seconds


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _conversations(files: Sequence[Path]) -> Iterator[Sequence[str]]:
    for path in files:
        data = path.read_bytes()
        for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
            yield [json.dumps(message, ensure_ascii=False) for message in json.loads(line)["messages"]]


def fingerprint(store: scratch.Store) -> str:
    """A digest of what both copies hold, but for the times and IDs that each import makes anew."""
    digest = hashlib.sha256()
    for statement in (_SESSIONS, _CONTENT, _PASSAGES):
        for row in copies.rows(store, statement):
            digest.update(repr(tuple(row)).encode())
    for session_id, journal in sorted(copies.journals(store).items()):
        digest.update(f"{session_id} {len(journal.problems)} {journal.torn}".encode())
        for stored in journal.written():
            digest.update(repr(stored).encode())
    return digest.hexdigest()


def look(store: scratch.Store, run: Run, messages: int, report: Report) -> None:
    """What must be true after an import that came to its end."""
    found = report.violations
    if run.status != 0:
        found.append(f"the command ended with {run.status}")
    [(waiting,)] = copies.rows(store, _WAITING)
    [(held,)] = copies.rows(store, "SELECT count(*) FROM conversations_interaction")
    if waiting:
        found.append(f"{waiting} sessions are not searchable, or their journals are behind")
    if held != messages:
        found.append(f"{held} interactions where the files hold {messages} messages")
    written = sum(len(journal.written()) for journal in copies.journals(store).values())
    if written != messages:
        found.append(f"the journals hold {written} interactions where the files hold {messages} messages")
    shares = [share for _, share in run.shown]
    if shares != sorted(shares):
        found.append("the progress went back")
    if shares and abs(shares[-1] - 1) > 0.01:
        found.append(f"the progress ended at {shares[-1]:.0%}")
    if run.progress_error > MOST_PROGRESS_ERROR:
        found.append(f"the progress was off by {run.progress_error:.0%}")


def measure(options: Namespace) -> Report:
    report = Report(scratch.filesystem(options.dir), sqlite3.sqlite_version)
    whole, conversations = "", 0
    for _ in range(options.rounds):
        with scratch.store(options.dir, options.database_url) as store:
            messages, floor_per_second = floor(store.outside, options.files)
            run = run_import(store, options.files)
            look(store, run, messages, report)
            report.rounds.append(
                Round(messages, run.seconds, run.cpu_seconds, run.megabytes, floor_per_second, run.progress_error)
            )
            whole, conversations = fingerprint(store), journals(store)
            again = run_import(store, options.files)
            if again.status != 0 or again.report.get("added") != 0 or fingerprint(store) != whole:
                report.violations.append(f"importing once more was not nothing: {again.report.get('added')} added")
    if options.kills:
        _kill(options, report, whole, conversations)
    return report


def _kill(options: Namespace, report: Report, whole: str, conversations: int) -> None:
    """Kill it until it has been killed often enough, each time somewhere in what is left; then let it end."""
    chance = random.Random(options.seed)
    messages = report.rounds[0].messages
    with scratch.store(options.dir, options.database_url) as store:
        for left in range(options.kills, 0, -1):
            have = journals(store)
            # Each has its share of what is left: a late one would leave nothing for those behind it.
            at = have + chance.randrange(1 + (conversations - have) // left)
            run = run_import(store, options.files, kill_at=at)
            report.kills += run.status == -signal.SIGKILL
        run = run_import(store, options.files)
        # What a killed import left owing is settled by the worker; here nobody else is.
        subprocess.run(
            [sys.executable, "manage.py", "worker", "--once"],
            cwd=scratch._ROOT,
            env=store.environment(),
            check=True,
        )
        look(store, run, messages, report)
        if fingerprint(store) != whole:
            report.violations.append(f"after {report.kills} kills the store is another")
        shutil.rmtree(store.outside, ignore_errors=True)


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="OpenAI messages as JSON Lines, or .gz")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=int, default=LEAST_PER_SECOND, help="messages a second that are wanted")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.files = [path.absolute() for path in options.files]
    report = measure(options)
    per_second = statistics.median(one.per_second for one in report.rounds)
    megabytes = max(one.megabytes for one in report.rounds)
    if per_second < options.least:
        report.violations.append(f"{per_second:,.0f} messages a second; {options.least:,} are wanted")
    if megabytes > MOST_MEGABYTES:
        report.violations.append(f"{megabytes:.0f} MB of memory; {MOST_MEGABYTES} at most")
    print(json.dumps(asdict(report)) if options.json else _told(report))
    return 1 if report.violations else 0


def _told(report: Report) -> str:
    lines = [f"{report.filesystem}, SQLite {report.sqlite}"]
    lines += [
        f"{one.messages:,} messages in {one.seconds:.1f} s: {one.per_second:,.0f} a second "
        f"({one.ratio:.3f} of the floor), {one.cpu_seconds:.1f} s CPU, {one.megabytes:.0f} MB, "
        f"progress off by {one.progress_error:.0%} at most"
        for one in report.rounds
    ]
    if report.kills:
        lines.append(f"killed {report.kills} times on the way")
    lines += [f"VIOLATION: {one}" for one in report.violations] or ["green"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
