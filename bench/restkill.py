"""Kill the client, the server or the database in the middle of calls over HTTP; both copies must stay whole.

Clients over several processes append through the REST API, each step under idempotency keys, and note outside the
store what was answered. At random moments one of them is killed, or one of the server's processes, or the whole server,
or (on PostgreSQL) a process of the database, which takes all its connections down. A client whose call broke off sends
it again. Now and then all are killed, and both copies are read before anything has drained or repaired them. Ends with
1 when a promise is broken.
"""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkProcess
from pathlib import Path

import psycopg

from . import copies, scratch, writer
from .load import Call, Connection
from .rest import free_port, token_of

VICTIMS = ("client", "process", "server", "database")
_LONGEST_PAUSE_SECONDS = 0.4
_START_SECONDS = 60
_KILLS_PER_ROUND = 25


class Server:
    """gunicorn as the site runs it, killed and started again on the same port."""

    def __init__(self, store: scratch.Store) -> None:
        self.port = free_port()
        self._environment = {**store.environment(), "SESSIONSITE_PORT": str(self.port)}
        self._log = store.outside / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "--config", "python:sessionsite.gunicorn_conf"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, process_group=0)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError), Connection(self.port) as connection:
                if connection.get("/api/v1/health/live")[0] == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"The server did not start:\n{self._log.read_text()[-2_000:]}")

    def kill(self) -> None:
        """All of its processes at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def kill_one(self, chosen: random.Random) -> None:
        """One of the processes that answer; gunicorn starts another in its place."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if children:
            with suppress(ProcessLookupError):
                os.kill(int(chosen.choice(children)), signal.SIGKILL)


def write(number: int, notes_path: Path, *, port: int, token: str, seed: int) -> None:
    """Take up where the notes end and go on until killed."""
    place = writer.read_notes(notes_path).steps if notes_path.exists() else 0
    notes = os.open(notes_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    while True:
        taken = writer.step(number, place, seed)
        _insist(port, token, Call("/api/v1/sessions", _opening(taken)))
        _insist(port, token, Call(f"/api/v1/sessions/{taken.session_id}/interactions:batch", _body(taken)))
        lines = [
            f"logged {taken.session_id} {key} {copies.digest(spoken.prompt, spoken.response)}\n"
            for key, spoken in zip(taken.keys, taken.spoken, strict=True)
        ]
        os.write(notes, "".join([*lines, f"done {taken.session_id}\n"]).encode())
        place += 1


def _insist(port: int, token: str, call: Call) -> None:
    """Send a call until it is answered with success. Any other answer than "try again" is a finding."""
    while True:
        try:
            with Connection(port, token) as connection:
                status, body = connection.post(call)
        except (OSError, ValueError, IndexError):
            time.sleep(0.02)
            continue
        if status in (200, 201):
            return
        if status not in (500, 503):
            raise RuntimeError(f"{call.path} was answered with {status}: {body[:300]!r}")
        time.sleep(0.02)


def _opening(taken: writer.Step) -> bytes:
    return json.dumps({"session_id": taken.session_id, "if_exists": "resume"}).encode()


def _body(taken: writer.Step) -> bytes:
    return json.dumps(
        {
            "interactions": [
                {"prompt": spoken.prompt, "response": spoken.response, "idempotency_key": key}
                for key, spoken in zip(taken.keys, taken.spoken, strict=True)
            ]
        }
    ).encode()


class Clients:
    """The clients of one run; their notes outlive their processes."""

    def __init__(self, store: scratch.Store, count: int, start: Callable[[int, Path], ForkProcess]) -> None:
        self._folder, self._count, self._start = store.outside, count, start
        self._running: dict[int, ForkProcess] = {}
        self.failed: list[str] = []

    def start_all(self) -> None:
        for number in range(self._count):
            self._running[number] = self._start(number, self._notes(number))

    def replace(self, number: int) -> None:
        self._kill(number)
        self._running[number] = self._start(number, self._notes(number))

    def kill_all(self) -> None:
        for number in self._running:
            self._kill(number)

    def acknowledged(self) -> list[copies.Acknowledgement]:
        paths = [path for number in range(self._count) if (path := self._notes(number)).exists()]
        return [told for path in paths for told in writer.read_notes(path).interactions]

    def _kill(self, number: int) -> None:
        process = self._running[number]
        if process.exitcode not in (None, -signal.SIGKILL):
            self.failed.append(f"client {number} ended by itself, with {process.exitcode}")
        process.kill()
        process.join()

    def _notes(self, number: int) -> Path:
        return self._folder / f"client-{number}"


def kill_backend(store: scratch.Store, chosen: random.Random) -> None:
    """One of PostgreSQL's processes; it ends all others then, and recovers."""
    with suppress(psycopg.Error), psycopg.connect(store.database_url, autocommit=True) as server:
        asked = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        pids = [pid for (pid,) in server.execute(asked).fetchall()]
        if pids:
            with suppress(ProcessLookupError):
                os.kill(chosen.choice(pids), signal.SIGKILL)


def run(store: scratch.Store, *, kills: int, clients: int, seed: int, victims: Sequence[str]) -> list[str]:
    """Kill as often as asked, printing the progress; returns the broken promises."""
    chosen = random.Random(seed)
    token = token_of(store)
    counted: Counter[str] = Counter()
    with _server(store) as server:
        context = multiprocessing.get_context("fork")

        def start(number: int, notes: Path) -> ForkProcess:
            settings = {"port": server.port, "token": token, "seed": seed}
            process = context.Process(target=write, args=(number, notes), kwargs=settings)
            process.start()
            return process

        crowd = Clients(store, clients, start)
        while True:
            server.start()
            crowd.start_all()
            for _ in range(min(_KILLS_PER_ROUND, kills - counted.total())):
                time.sleep(chosen.uniform(0, _LONGEST_PAUSE_SECONDS))
                victim = chosen.choice(victims)
                counted[victim] += 1
                if victim == "client":
                    crowd.replace(chosen.randrange(clients))
                elif victim == "process":
                    server.kill_one(chosen)
                elif victim == "server":
                    server.kill()
                    server.start()
                else:
                    kill_backend(store, chosen)
            time.sleep(chosen.uniform(0.5, 1.5))
            server.kill()
            crowd.kill_all()
            told = crowd.acknowledged()
            broken = crowd.failed + copies.violations(store, told)
            print(f"kills {dict(counted)}, acknowledged {len(told):,}, violations {len(broken):,}", flush=True)
            if not told:
                broken.append("nothing was acknowledged, so nothing was tested")
            if broken or counted.total() >= kills:
                return broken


@contextmanager
def _server(store: scratch.Store) -> Iterator[Server]:
    server = Server(store)
    try:
        yield server
    finally:
        server.kill()


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--victims", nargs="+", choices=VICTIMS, help="all that there are; a killed database takes all its users down"
    )
    given = parser.parse_args()
    victims = given.victims or (VICTIMS[:-1] if not given.database_url else VICTIMS)
    with scratch.store(given.dir, given.database_url) as store:
        broken = run(store, kills=given.kills, clients=given.clients, seed=given.seed, victims=victims)
    for violation in broken[: copies.SHOWN]:
        print(violation)
    print("RED: a promise was broken" if broken else "GREEN: all that was acknowledged is in both copies, once")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
