"""Sending in the background, by a task of an event loop."""

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..aio.core import AsyncCore
from ..errors import ClientError
from ..sync.core import Core
from ..transport import NO_RETRY, site_of
from . import endings
from .base import LINGER_SECONDS, Recording, SpoolChoice, Trouble, deadline, open_store
from .delivery import Delivery
from .stores import Stretch


class AsyncRecorder(Recording):
    """The `Recorder` of asyncio programs: `async with AsyncRecorder() as recorder: recorder.record(...)`.

    `record` and `session` need no await: they write a line to the spool. Whoever leaves without `aclose` has the rest
    sent at the interpreter's exit, or by the next recorder. See `Recorder` for what the arguments mean.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        spool: SpoolChoice = None,
        fsync: bool = False,
        linger_seconds: float = LINGER_SECONDS,
        exit_seconds: float = 5.0,
        on_trouble: Trouble | None = None,
        handle_sigterm: bool = True,
    ) -> None:
        """Raises NotConfigured, and NotSpooled where the spool's folder cannot be made."""
        site = site_of(url, token)
        super().__init__(
            site, open_store(spool, site, fsync=fsync), linger_seconds=linger_seconds, on_trouble=on_trouble
        )
        self._exit_seconds = exit_seconds
        self._closed = False
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._hurried = False
        self._work_there = asyncio.Event()
        self._due = asyncio.Event()
        self._all_sent = asyncio.Event()
        endings.watch(self, handle_sigterm=handle_sigterm)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._client = AsyncCore(self.site.url, self.site.token, retry=NO_RETRY)
        with self._lock:
            self._store.adopt()
        self._note_state()
        self._task = self._loop.create_task(self._work(), name="sessionsite-recorder")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _keep(self, line: bytes) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("The recorder is closed.")
            self._store.append(line)
        if self._loop is not None:
            # Whoever records may do so in another thread. Where the loop has ended, what waits goes out at exit.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._note_state)

    async def flush(self, within: float | None = None) -> bool:
        """Wait until nothing waits, at most so many seconds; whether that is so.

        Before `async with` nobody sends, so there is nothing to wait for.
        """
        if self._task is None:
            return not self.pending
        self._hurried = True
        self._note_state()
        try:
            await asyncio.wait_for(self._all_sent.wait(), within)
        except TimeoutError:
            return False
        finally:
            self._hurried = False
        return not self.pending

    async def aclose(self, within: float | None = None) -> int:
        """Send what can be sent within `within` or `exit_seconds`, and stop; how many stay in the spool.

        Without a spool, NotSpooled is raised where any are left.
        """
        if not self._closed:
            self._closed = True
            if self._task is not None:
                await self.flush(self._exit_seconds if within is None else within)
                self._task.cancel()
                await asyncio.wait([self._task])
                await self._client.aclose()
            endings.forget(self)
            left = self.pending
            self._store.close()
            return left
        return self.pending

    # --- the task -------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._wait_for_work()
            with self._lock:
                stretch = self._next()
            if stretch is None:
                self._note_state()
                continue
            delivery = Delivery(stretch.lines)
            while not await self._is_delivered(stretch, delivery):
                pass
            self._note_state()

    async def _is_delivered(self, stretch: Stretch, delivery: Delivery) -> bool:
        """Send a stretch, as far as it goes; waits after a failure."""
        try:
            if not delivery.is_done:
                await self._client.run(delivery.steps())
            with self._lock:
                self._finish(stretch, delivery)
        except ClientError as trouble:
            await asyncio.sleep(self._note(trouble))
            return False
        return True

    async def _wait_for_work(self) -> None:
        """Until a batch is full or has waited long enough."""
        await self._work_there.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), self._linger_seconds)

    def _note_state(self) -> None:
        waiting = bool(self.pending)
        for event, holds in (
            (self._work_there, waiting),
            (self._due, waiting and (self._hurried or self._is_full())),
            (self._all_sent, not waiting),
        ):
            if holds:
                event.set()
            else:
                event.clear()

    # --- without an event loop ------------------------------------------------------------------------------

    def close(self, within: float | None = None) -> int:
        """At the interpreter's exit, when no event loop runs any more: send what can be sent; how many are left."""
        with self._lock:
            self._closed = True
            end = deadline(self._exit_seconds if within is None else within)
            self._store.adopt()
            with Core(self.site.url, self.site.token, retry=NO_RETRY) as client:
                self._send_rest(client, end)
            endings.forget(self)
            left = self.pending
            self._store.close()
            return left

    def _send_rest(self, client: Core, end: float) -> None:
        while deadline(0) < end and (stretch := self._next()) is not None:
            delivery = Delivery(stretch.lines)
            try:
                client.run(delivery.steps())
                self._finish(stretch, delivery)
            except ClientError as trouble:
                self._note(trouble)
                return

    def _after_fork(self) -> None:
        self._store.forget()
        self._inherit()
        self._lock = threading.Lock()
        self._loop = None
        self._task = None
