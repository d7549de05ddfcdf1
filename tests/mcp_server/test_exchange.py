"""The way over the event loop: what runs where, what is never waited for for ever, and what is left behind."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sessions.mcp_server.exchange import Exchange, NoReply
from sessions.mcp_server.loop import EventLoop, LoopOfProcess
from sessions.mcp_server.server import build_server

from .callers import caller

HEADERS = [
    (b"content-type", b"application/json"),
    (b"accept", b"application/json"),
    (b"mcp-protocol-version", b"2025-11-25"),
    (b"host", b"localhost"),
]
PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}'


def exchange() -> Exchange:
    return Exchange(caller(), "/mcp", HEADERS, PING)


def ask(loop: EventLoop, application: Any = None) -> Exchange:
    """An exchange that a loop was handed; with an application, that one serves it in the protocol's place."""
    if application is not None:
        loop._application = application
    asked = exchange()
    loop.hand_over(asked)
    return asked


def tasks_of(loop: EventLoop) -> int:
    """How many tasks are on a loop, this question's own not counted."""

    async def count() -> int:
        await asyncio.sleep(0.05)
        return len(asyncio.all_tasks()) - 1

    assert loop._loop is not None
    return asyncio.run_coroutine_threadsafe(count(), loop._loop).result(5)


@pytest.fixture
def process() -> Iterator[LoopOfProcess]:
    found = LoopOfProcess(build_server)
    yield found
    found.stop()


@pytest.fixture
def loop(process: LoopOfProcess) -> EventLoop:
    return process.running(most_bytes=2**20)


def test_it_replies(loop: EventLoop) -> None:
    reply = ask(loop).wait(30)
    assert (reply.status, reply.body) == (200, b'{"jsonrpc":"2.0","id":1,"result":{}}')


def test_work_is_done_by_the_thread_that_waits(loop: EventLoop) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        thread = await scope["sessionsite.desk"].run(threading.get_ident)
        assert threading.get_ident() != thread
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(thread).encode()})

    assert ask(loop, application).wait(30).body == str(threading.get_ident()).encode()


def test_a_job_that_fails_is_told_to_whoever_asked_for_it(loop: EventLoop) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await scope["sessionsite.desk"].run(lambda: 1 // 0)
        except ZeroDivisionError:
            await send({"type": "http.response.start", "status": 418})

    assert ask(loop, application).wait(30).status == 418


def test_it_waits_no_longer_than_it_should_and_leaves_nothing_behind(loop: EventLoop) -> None:
    cancelled = threading.Event()

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    before = tasks_of(loop)
    asked = ask(loop, silent)
    began = time.monotonic()
    with pytest.raises(NoReply):
        asked.wait(0.2)
    assert time.monotonic() - began < 10
    assert cancelled.wait(30)
    assert tasks_of(loop) == before


def test_it_is_told_when_the_loop_breaks_off(loop: EventLoop) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError

    with pytest.raises(NoReply):
        ask(loop, broken).wait(30)


def test_a_thread_that_is_stopped_leaves_nothing_behind(loop: EventLoop) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await scope["sessionsite.desk"].run(stop)

    def stop() -> None:
        raise SystemExit

    before = tasks_of(loop)
    with pytest.raises(SystemExit):
        ask(loop, application).wait(30)
    assert tasks_of(loop) == before


def test_many_requests_leave_nothing_behind(loop: EventLoop) -> None:
    before = tasks_of(loop)
    for _ in range(50):
        ask(loop).wait(30)
    assert tasks_of(loop) == before


def test_a_process_has_one_loop_and_begins_another_when_it_ended(process: LoopOfProcess) -> None:
    first = process.running(most_bytes=2**20)
    assert process.running(most_bytes=2**20) is first
    first.stop()
    with pytest.raises(NoReply):
        first.hand_over(exchange())
    second = process.running(most_bytes=2**20)
    assert second is not first
    assert ask(second).wait(30).status == 200


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_begins_a_loop_of_its_own(process: LoopOfProcess) -> None:
    process.running(most_bytes=2**20)
    # Some other thread may just be about to begin one.
    with process._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            code = 1
            try:
                code = 0 if ask(process.running(most_bytes=2**20)).wait(30).status == 200 else 2
            finally:
                os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_nothing_runs_before_it_is_needed() -> None:
    LoopOfProcess(lambda: pytest.fail("was built"))
