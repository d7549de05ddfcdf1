"""Prove from a system-call trace that both copies are on the disk before anything is acknowledged.

A writer runs under strace. For every line that it writes to its file of acknowledgements, since the one before:

- the database's log was written, and synced after the last write of the commit, before the journal was touched;
- the session's journal was written, and synced after its last write. A journal that came to be was written under
  another name, synced, renamed, and its folder synced; so was the folder above every new folder;
- every such sync had returned 0 before the acknowledgement's write began.

What the database's log gets behind the journal's sync is the note of how far the mirror is. It may be lost, so
nobody waits for it. Of PostgreSQL only the journal's half can be seen here: the server syncs its own log.

With --takeover the writer is killed at the very moment of a sync, and the one that takes its place is traced: it
finds its step done already, and must not acknowledge it before the syncs that its forerunner did not live to see.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import copies, defects, scratch, writer

_ROOT = Path(__file__).resolve().parent.parent
_WRITES = frozenset({"write", "writev", "pwrite64", "pwritev", "pwritev2"})
_SYNCS = frozenset({"fsync", "fdatasync"})
_RENAMES = frozenset({"rename", "renameat", "renameat2"})
_FOLDERS = frozenset({"mkdir", "mkdirat"})
_TRACED = ",".join(sorted(_WRITES | _SYNCS | _RENAMES | _FOLDERS))
# Not the first one: it is the creation of the session that is acknowledged behind that.
_KILLED_AT_SYNC = 3
# Enough of an acknowledgement's text to tell its session.
_TEXT_CHARACTERS = 300

_CALL = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+).*")
_BEGUN = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<arguments>.*)\) += (?P<result>-?\d+).*")
_DESCRIPTOR = re.compile(r"\d+<([^>]*)>")
_QUOTED = re.compile(r'"([^"]*)"')


class StraceUnavailable(Exception):
    """There is no strace on this machine, or it may not trace."""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call: the trace's lines on which it began and ended, and the files that it names."""

    begun: int
    ended: int
    name: str
    paths: Sequence[str]
    text: str
    succeeded: bool

    def writes(self, path: str) -> bool:
        return self.name in _WRITES and path in self.paths

    def syncs(self, path: str) -> bool:
        return self.name in _SYNCS and path in self.paths and self.succeeded


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between an acknowledgement and the one before it."""

    calls: Sequence[Call]
    acknowledgement: Call

    @property
    def told(self) -> str:
        """What was acknowledged: a verb and a session."""
        match = _QUOTED.search(self.acknowledgement.text)
        assert match is not None
        # strace shows the line's end as a backslash and an n.
        return " ".join(match.group(1).split(r"\n")[0].split()[:2])

    @property
    def session_id(self) -> str:
        return self.told.split()[1]

    def writes(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.writes(path)]

    def synced(self, path: str, *, after: Call | None, before: Call | None = None) -> bool:
        """Whether a sync of the file began after one call was through, and was through before another began."""
        limit = self.acknowledgement if before is None else before
        return any(
            call.syncs(path) and (after is None or call.begun > after.ended) and call.ended < limit.begun
            for call in self.calls
        )


def require_strace() -> None:
    """Raises StraceUnavailable."""
    try:
        trial = ["strace", "-f", "-o", os.devnull, "true"]
        result = subprocess.run(trial, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StraceUnavailable("strace is not installed") from None
    if result.returncode:
        raise StraceUnavailable(f"strace may not trace here: {result.stderr.strip()}")


def traced(store: scratch.Store, steps: int, *, defect: str = "") -> list[Call]:
    """Run a writer for so many steps; returns its calls in their order."""
    output = store.outside / "trace"
    strace = ["strace", "-f", "-y", "-s", str(_TEXT_CHARACTERS), "-o", str(output), f"--trace={_TRACED}"]
    write(store, steps, defect=defect, under=strace).check_returncode()
    return list(parse(output.read_text(errors="replace").splitlines()))


def killed(store: scratch.Store, steps: int, path: Path, sync: int) -> bool:
    """Run a writer that is killed the moment it begins its n-th sync of a file; whether that moment came."""
    injection = f"--inject=fdatasync:signal=KILL:when={sync}"
    strace = ["strace", "-f", "-o", os.devnull, "--trace=fdatasync", f"--trace-path={path}", injection]
    return write(store, steps, under=strace).returncode != 0


def write(
    store: scratch.Store, steps: int, *, defect: str = "", under: Sequence[str] = ()
) -> "subprocess.CompletedProcess[bytes]":
    """Run a writer for so many steps, under a command if one is given."""
    return subprocess.run(
        [*under, sys.executable, "-m", "bench.writer", notes(store), f"--steps={steps}", f"--defect={defect}"],
        cwd=_ROOT,
        env=store.environment(),
        check=False,
    )


def notes(store: scratch.Store) -> Path:
    return store.outside / "acknowledgements"


def parse(lines: Sequence[str]) -> Iterator[Call]:
    """The calls of a trace, in the order in which they ended."""
    begun: dict[str, tuple[int, str, str]] = {}
    for number, line in enumerate(lines):
        if match := _BEGUN.fullmatch(line):
            begun[match["pid"]] = (number, match["name"], match["arguments"])
        elif (match := _ENDED.fullmatch(line)) and match["pid"] in begun:
            first, name, arguments = begun.pop(match["pid"])
            yield _call(first, number, name, arguments + match["arguments"], match["result"])
        elif match := _CALL.fullmatch(line):
            yield _call(number, number, match["name"], match["arguments"], match["result"])


def _call(begun: int, ended: int, name: str, arguments: str, result: str) -> Call:
    named = _QUOTED.findall(arguments) if name in _RENAMES | _FOLDERS else _DESCRIPTOR.findall(arguments)[:1]
    return Call(begun, ended, name, named, arguments, not result.startswith("-"))


def windows(calls: Sequence[Call], acknowledgements: Path) -> list[Window]:
    """The trace, cut at each acknowledgement. A call belongs where it began."""
    found, before = list[Window](), -1
    ordered = sorted(calls, key=lambda call: call.begun)
    for told in (call for call in ordered if call.writes(str(acknowledgements))):
        between = [call for call in ordered if before < call.begun < told.begun]
        found.append(Window(between, told))
        before = told.begun
    return found


def objections(window: Window, store: scratch.Store, *, repeated: bool = False) -> Iterator[str]:
    """What speaks against an acknowledgement. A repeated step may find everything written, but never unsynced."""
    session_id = window.session_id
    journal = store.data_dir / "sessions" / session_id[:2] / f"{session_id}.jsonl"
    renamed = {call.paths[0]: call for call in window.calls if _puts_in_place(call, str(journal))}
    names = [str(journal), *renamed]
    writes = sorted((call for name in names for call in window.writes(name)), key=lambda call: call.begun)
    if writes:
        last = writes[-1]
        if not any(window.synced(name, after=last) for name in last.paths):
            yield "the journal was not synced after its last write"
    elif not repeated:
        yield "the journal was not written"
    elif not window.synced(str(journal), after=None):
        yield "the journal was not synced, and nobody knows whether it ever was"
    for call in renamed.values():
        if not window.synced(str(journal.parent), after=call):
            yield "the journal's folder was not synced after the rename"
    yield from _new_folders(window)
    if store.sqlite:
        syncs = [call for call in window.calls if call.syncs(str(journal))]
        yield from _database(window, f"{store.database}-wal", writes or syncs, repeated=repeated)


def _puts_in_place(call: Call, path: str) -> bool:
    return call.name in _RENAMES and call.succeeded and call.paths[1] == path


def _new_folders(window: Window) -> Iterator[str]:
    for call in window.calls:
        if call.name in _FOLDERS and call.succeeded:
            parent = str(Path(call.paths[0]).parent)
            if not window.synced(parent, after=call):
                yield f"a new folder's parent was not synced: {Path(call.paths[0]).name}"


def _database(window: Window, log: str, journal: Sequence[Call], *, repeated: bool) -> Iterator[str]:
    """The commit, its sync, the journal, its sync, and only then the note that need not last."""
    first = journal[0] if journal else window.acknowledgement
    last = journal[-1] if journal else window.acknowledgement
    commit = [call for call in window.writes(log) if call.begun < first.begun]
    if not commit and not repeated:
        yield "the database was not written before the journal"
    elif not window.synced(log, after=commit[-1] if commit else None, before=first):
        yield "the database was not synced before the journal was written"
    for call in window.writes(log):
        if first.begun < call.begun < last.begun:
            yield "the database was written while the journal was"


def run(store: scratch.Store, steps: int, defect: str = "") -> list[str]:
    """Trace a writer; returns what speaks against its acknowledgements."""
    return _judged(store, windows(traced(store, steps, defect=defect), notes(store)))


def run_takeover(store: scratch.Store, steps: int) -> list[str]:
    """Kill a writer at a sync of the database, and one at a sync of a journal; trace who takes over."""
    first = writer.step(0, 0, seed=1).session_id
    journal = store.data_dir / "sessions" / first[:2] / f"{first}.jsonl"
    against = []
    for path in [Path(f"{store.database}-wal")] * store.sqlite + [journal]:
        if not killed(store, steps, path, _KILLED_AT_SYNC):
            return [f"the writer never came to a sync of {path.name}, so nothing was proved"]
        after = windows(traced(store, 1), notes(store))
        against += [f"killed at a sync of {path.name}: {one}" for one in _judged(store, after, repeated=True)]
    return against


def _judged(store: scratch.Store, found: Sequence[Window], *, repeated: bool = False) -> list[str]:
    if not found:
        return ["nothing was acknowledged, so nothing was proved"]
    print(f"{len(found)} acknowledgements examined", flush=True)
    return [
        f"acknowledgement {number} ({window.told}): {objection}"
        for number, window in enumerate(found, start=1)
        for objection in objections(window, store, repeated=repeated)
    ]


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=40, help="how many steps the writer takes")
    parser.add_argument("--defect", default="", choices=["", *defects.DEFECTS])
    parser.add_argument("--takeover", action="store_true", help="kill the writer at a sync and trace its successor")
    given = parser.parse_args()
    try:
        require_strace()
    except StraceUnavailable as error:
        print(error, file=sys.stderr)
        return 2
    with scratch.store(given.dir, given.database_url) as store:
        against = run_takeover(store, given.steps) if given.takeover else run(store, given.steps, given.defect)
    for objection in against[: copies.SHOWN]:
        print(objection)
    print("RED: an acknowledgement came too early" if against else "GREEN: both copies were synced before every one")
    return 1 if against else 0


if __name__ == "__main__":
    sys.exit(main())
