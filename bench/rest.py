"""Measure what a program gets over real HTTP: interactions a second into both copies, against a bare Django's inserts.

The site runs as `manage.py serve` runs it (gunicorn, the worker, production settings) on a scratch store; beside it a
bare Django (`bench/bare.py`) under the same gunicorn settings. They take turns within every round, so what else the
machine does meets both; client and servers share its processors. Every request carries a token and is validated;
an answer means that both copies are on the disk. Afterwards all is counted in both copies, and searched for.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from . import scratch, workload
from .load import Call, Connection, Load, send

_START_SECONDS = 60
BATCH = 512
# What the site is to reach where the bare Django of the same run reaches `BARE`; it scales with the machine.
BARE = 860
LEAST_SINGLE = 600
LEAST_BATCHED = 6_000
MOST_P99_MS = 60
RARE = "zyzzyvaquark"
BARE_IN_BOTH = "bare, both copies"
_MCP_HEADERS = "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-11-25\r\n"


@dataclass(frozen=True, slots=True)
class Figures:
    """One way of sending, in one round: interactions a second and a request's latencies."""

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, name: str, load: Load, *, per_call: int = 1) -> "Figures":
        if load.refused:
            raise RuntimeError(f"{name}: {len(load.refused)} requests were answered with {sorted(set(load.refused))}.")
        return cls(name, load.per_second * per_call, load.percentile_ms(0.5), load.percentile_ms(0.99))


@dataclass(frozen=True, slots=True)
class Report:
    """`figures` are the rounds' medians; `behind_ms` how long after the last answer a search found its interaction."""

    rounds: int
    figures: Sequence[Figures]
    stored: int
    found_after_ms: float

    def of(self, name: str) -> Figures:
        return next(one for one in self.figures if one.name == name)

    @property
    def pace(self) -> float:
        """How fast this machine is against the one that the bounds were set on."""
        return self.of("bare, 1 client").per_second / BARE

    @property
    def good(self) -> bool:
        return (
            self.of("single, 1 client").per_second >= LEAST_SINGLE * self.pace
            and self.of("batches of 512").per_second >= LEAST_BATCHED * self.pace
            and self.of("single, 8 clients").p99_ms <= MOST_P99_MS
        )


@contextmanager
def site(store: scratch.Store) -> Iterator[int]:
    """The site on a free port, as `manage.py serve` runs it; stopped at the end."""
    port = free_port()
    log = store.outside / "site.log"
    environment = {**store.environment(), "SESSIONSITE_PORT": str(port)}
    with _running([sys.executable, "manage.py", "serve"], environment, port, log):
        yield port


@contextmanager
def bare(folder: Path) -> Iterator[int]:
    """The bare Django under the same gunicorn settings."""
    port = free_port()
    environment = {**os.environ, "BARE_DATABASE": str(folder / "bare.sqlite3")}
    command = [sys.executable, "-m", "gunicorn", "bench.bare", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    command += ["--threads", "4", "--worker-class", "gthread", "--preload", "--no-control-socket"]
    with _running(command, environment, port, folder / "bare.log"):
        yield port


def token_of(store: scratch.Store, scope: str = "write") -> str:
    """A token of a scope that may be used as often as it likes."""
    command = [sys.executable, "manage.py", "token", "create", "bench", "--scope", scope, "--json"]
    command += ["--requests-per-minute", "1000000"]
    made = subprocess.run(command, env=dict(store.environment()), capture_output=True, text=True, check=True)
    return str(json.loads(made.stdout)["secret"])


def measure(port: int, bare_port: int, token: str, texts: Iterator[workload.Spoken], each: int) -> list[Figures]:
    """One round of every way of sending, the bare Django and the site in turns."""
    eighth = each // 8

    def bodies(count: int) -> list[bytes]:
        return [_body(spoken) for spoken in islice(texts, count)]

    def inserts(count: int, path: str = "/insert") -> list[Call]:
        return [Call(path, body) for body in bodies(count)]

    def appends(count: int) -> list[Call]:
        path = f"/api/v1/sessions/{_new_session(port, token)}/interactions"
        return [Call(path, body) for body in bodies(count)]

    def batches(count: int) -> list[Call]:
        path = f"/api/v1/sessions/{_new_session(port, token)}/interactions:batch"
        return [Call(path, b'{"interactions":[' + b",".join(bodies(BATCH)) + b"]}") for _ in range(count)]

    def tools(count: int) -> list[Call]:
        session_id = _new_session(port, token)
        return [_tool_call(session_id, spoken) for spoken in islice(texts, count)]

    eight = "single, 8 clients"
    return [
        Figures.of("bare, 1 client", send(bare_port, [inserts(each)])),
        Figures.of("single, 1 client", send(port, [appends(each)], token=token)),
        Figures.of(BARE_IN_BOTH, send(bare_port, [inserts(each, "/insert-in-both")])),
        Figures.of("bare, 8 clients", send(bare_port, [inserts(eighth) for _ in range(8)])),
        Figures.of(eight, send(port, [appends(eighth) for _ in range(8)], token=token)),
        Figures.of("batches of 512", send(port, [batches(max(2, each // 100))], token=token), per_call=BATCH),
        Figures.of("MCP, 1 client", send(port, [tools(each // 2)], token=token)),
        Figures.of("MCP, 8 clients", send(port, [tools(each // 16) for _ in range(8)], token=token)),
    ]


def run(store: scratch.Store, given: Namespace) -> Report:
    texts = workload.texts(given.workload)
    with ExitStack() as stack:
        port = stack.enter_context(site(store))
        bare_port = stack.enter_context(bare(store.outside))
        token = token_of(store)
        measure(port, bare_port, token, texts, 80)
        rounds = []
        for _ in range(given.rounds):
            rounds.append(measure(port, bare_port, token, texts, given.each))
            _progress("; ".join(f"{one.name} {one.per_second:,.0f}/s" for one in rounds[-1]))
        found_after_ms = _found_after(port, token)
        stored = _stored(port, token)
    _refuse_differing_copies(store)
    return Report(given.rounds, [_median(kind) for kind in zip(*rounds, strict=True)], stored, found_after_ms)


def _median(kind: Sequence[Figures]) -> Figures:
    return Figures(
        kind[0].name,
        statistics.median(one.per_second for one in kind),
        statistics.median(one.p50_ms for one in kind),
        statistics.median(one.p99_ms for one in kind),
    )


def _new_session(port: int, token: str) -> str:
    with Connection(port, token) as connection:
        status, body = connection.post(Call("/api/v1/sessions", b"{}"))
    if status != 201:
        raise RuntimeError(f"A session could not be begun: {status} {body[:200]!r}")
    return str(json.loads(body)["session_id"])


def _found_after(port: int, token: str) -> float:
    """How long until a search finds what was just acknowledged, in milliseconds."""
    session_id = _new_session(port, token)
    with Connection(port, token) as connection:
        connection.post(Call(f"/api/v1/sessions/{session_id}/interactions", json.dumps({"prompt": RARE}).encode()))
        began = time.perf_counter()
        while True:
            _, body = connection.get(f"/api/v1/search?q={RARE}%20in:{session_id}")
            if json.loads(body)["hits"]:
                return (time.perf_counter() - began) * 1_000
            if time.perf_counter() - began > _START_SECONDS:
                raise RuntimeError("What was acknowledged is not found.")


def _stored(port: int, token: str) -> int:
    """How many interactions the site says it holds."""
    total: int = 0
    cursor = ""
    with Connection(port, token) as connection:
        while True:
            _, body = connection.get(f"/api/v1/sessions?limit=500&cursor={cursor}")
            page = json.loads(body)
            total += sum(int(session["total_interactions"]) for session in page["sessions"])
            if not (cursor := page["next_cursor"]):
                return total


def _refuse_differing_copies(store: scratch.Store) -> None:
    """Raise where the files and the database do not say the same."""
    subprocess.run([sys.executable, "manage.py", "mirror", "verify"], env=dict(store.environment()), check=True)


def _body(spoken: workload.Spoken) -> bytes:
    return json.dumps({"prompt": spoken.prompt, "response": spoken.response}).encode()


def _tool_call(session_id: str, spoken: workload.Spoken) -> Call:
    """An interaction by the tool, without a handshake, as an agent sends it."""
    arguments = {"session_id": session_id, "prompt": spoken.prompt, "response": spoken.response}
    call = {"name": "log_interaction", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    return Call("/mcp", json.dumps(message).encode(), _MCP_HEADERS)


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as told:
        process = subprocess.Popen(command, env=dict(environment), stdout=told, stderr=told)
        try:
            _await_answer(port, process, log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=_START_SECONDS)


def _await_answer(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{' '.join(process.args)} did not start:\n{log.read_text()[-2_000:]}")  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(report: Report) -> None:
    for one in report.figures:
        print(f"{one.name:18} {one.per_second:8,.0f}/s   p50 {one.p50_ms:7.2f} ms   p99 {one.p99_ms:7.2f} ms")
    bare_speed = report.of("bare, 1 client").per_second
    for name, least in (("single, 1 client", LEAST_SINGLE), ("batches of 512", LEAST_BATCHED)):
        ratio = report.of(name).per_second / bare_speed
        print(f"{name} against a bare insert: {ratio:.2f} (at least {least / BARE:.2f})")
    print(f"{BARE_IN_BOTH} against a bare insert: {report.of(BARE_IN_BOTH).per_second / bare_speed:.2f}")
    print(f"p99 of 8 clients: {report.of('single, 8 clients').p99_ms:.0f} ms (at most {MOST_P99_MS})")
    print(f"found by a search {report.found_after_ms:.0f} ms after its answer; {report.stored:,} in both copies")


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--each", type=int, default=1_600, help="interactions in a round, of each way but batches")
    parser.add_argument("--workload", type=Path, help="a module with interactions(sessions, per_session, seed)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if scratch.filesystem(given.dir) in ("tmpfs", "ramfs"):
        print(f"{given.dir} lies in memory, where a sync costs nothing; give a folder on a disk with --dir.")
        return 2
    with scratch.store(given.dir, given.database_url) as store:
        report = run(store, given)
    if given.json:
        print(json.dumps(asdict(report), indent=2))
    else:
        _print(report)
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
