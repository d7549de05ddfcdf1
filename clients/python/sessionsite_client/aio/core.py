"""Sending requests and awaiting their answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import httpx

from ..requests import Request, Steps
from ..transport import TIMEOUT, Retry, Site, arguments_of, http_options, refusal_of, site_of, unreachable
from ..uploads import Upload

T = TypeVar("T")


class AsyncCore:
    """A connection to a server; may be shared by tasks of one event loop."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: httpx.Timeout | float = TIMEOUT,
        retry: Retry | None = None,
        http: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Address and token come from SESSIONSITE_URL and SESSIONSITE_TOKEN where they are not given.

        `http` is for a client of httpx's with settings of one's own (proxies, certificates); its address and its
        headers are set here. Raises NotConfigured.
        """
        self.site: Site = site_of(url, token)
        self.retry = retry or Retry()
        self._sleep = sleep
        options = http_options(self.site, timeout)
        self._http = http or httpx.AsyncClient(**options)
        if http is not None:
            http.base_url = httpx.URL(options["base_url"])
            http.headers.update(options["headers"])

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def send(self, request: Request[T]) -> T:
        """The answer to one request, asked for again where that is safe. Raises Refused and Unreachable."""
        for attempt in count(1):
            try:
                response = await self._http.request(**arguments_of(request, Upload.pieces_to_await))
            except httpx.TransportError as error:
                pause = self.retry.after_failure(request, error, attempt)
                if pause is None:
                    raise unreachable(self.site, error) from error
            else:
                if response.is_success:
                    return request.read(response)
                refusal = refusal_of(response)
                pause = self.retry.after_refusal(request, refusal, attempt)
                if pause is None:
                    raise refusal
            await self._sleep(pause)
        raise AssertionError

    async def run(self, steps: Steps[T]) -> T:
        """What several requests, one after the other, come to."""
        try:
            request: Request[Any] = next(steps)
            while True:
                try:
                    answer = await self.send(request)
                except Exception as error:  # noqa: BLE001  (the steps decide what it means)
                    request = steps.throw(error)
                else:
                    request = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    @asynccontextmanager
    async def stream(self, request: Request[Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer in pieces, as they come. What breaks off raises Unreachable; it is not asked for again."""
        built = self._http.build_request(**arguments_of(request, Upload.pieces_to_await))
        try:
            response = await self._http.send(built, stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                    raise refusal_of(response)
                yield response.aiter_bytes()
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise unreachable(self.site, error) from error
