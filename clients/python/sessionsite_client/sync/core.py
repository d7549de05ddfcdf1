"""Sending requests and waiting for their answers."""

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from ..requests import Request, Steps
from ..transport import TIMEOUT, Retry, Site, arguments_of, http_options, refusal_of, site_of, unreachable
from ..uploads import Upload

T = TypeVar("T")


class Core:
    """A connection to a server; may be shared by threads."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: httpx.Timeout | float = TIMEOUT,
        retry: Retry | None = None,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Address and token come from SESSIONSITE_URL and SESSIONSITE_TOKEN where they are not given.

        `http` is for a client of httpx's with settings of one's own (proxies, certificates); its address and its
        headers are set here. Raises NotConfigured.
        """
        self.site: Site = site_of(url, token)
        self.retry = retry or Retry()
        self._sleep = sleep
        options = http_options(self.site, timeout)
        self._http = http or httpx.Client(**options)
        if http is None:
            # Whoever forgets to close it leaves no connection open for longer than the client lives. Not at the
            # interpreter's exit, though: recorders send the rest then.
            weakref.finalize(self, self._http.close).atexit = False
        else:
            http.base_url = httpx.URL(options["base_url"])
            http.headers.update(options["headers"])

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, request: Request[T]) -> T:
        """The answer to one request, asked for again where that is safe. Raises Refused and Unreachable."""
        for attempt in count(1):
            try:
                response = self._http.request(**arguments_of(request, Upload.pieces))
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
            self._sleep(pause)
        raise AssertionError

    def run(self, steps: Steps[T]) -> T:
        """What several requests, one after the other, come to."""
        try:
            request: Request[Any] = next(steps)
            while True:
                try:
                    answer = self.send(request)
                except Exception as error:  # noqa: BLE001  (the steps decide what it means)
                    request = steps.throw(error)
                else:
                    request = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    @contextmanager
    def stream(self, request: Request[Any]) -> Iterator[Iterator[bytes]]:
        """The answer in pieces, as they come. What breaks off raises Unreachable; it is not asked for again."""
        built = self._http.build_request(**arguments_of(request, Upload.pieces))
        try:
            response = self._http.send(built, stream=True)
            try:
                if not response.is_success:
                    response.read()
                    raise refusal_of(response)
                yield response.iter_bytes()
            finally:
                response.close()
        except httpx.TransportError as error:
            raise unreachable(self.site, error) from error
