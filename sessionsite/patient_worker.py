"""gunicorn's threaded worker, with no thread waiting for a request that has not arrived.

gunicorn hands a new connection to a thread at once, which then waits up to five seconds for its first byte and for
ever for its last: a few dozen connections that send nothing, or one byte a minute, take all threads. Here the main
loop, which waits for any number of connections anyway, looks at what has arrived without taking it (`MSG_PEEK`) and
hands a connection to a thread once the head of its request is whole, and its body too where it is small. Meanwhile the
kernel is told to wake the loop only when more is there (`SO_RCVLOWAT`), so waiting costs nothing.

What is left: a body larger than `PEEK_BYTES` is read by a thread, which gives up when nothing comes for
`STALL_SECONDS`. A proxy in front that takes whole requests first, as nginx does by itself, leaves nothing to wait for.

A program that has its answer mostly asks again at once. So a thread with nothing else to do stays with its connection
for `LINGER_MS`, which saves the way back over the main loop: two changes of threads, a tenth of a request's time.
Where nobody asks again, the thread does what could wait (`when_quiet`).
"""

import errno
import re
import select
import socket
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from .answer import Answer
from .balance import Share

# What a receive buffer surely holds while nobody reads it; gunicorn refuses heads that are larger anyway.
PEEK_BYTES = 32 * 1024
# A whole request, or its first `PEEK_BYTES`, must be there by then.
ARRIVAL_SECONDS = 15
# How long a thread waits for the next bytes of a body, or for a client to take an answer's.
STALL_SECONDS = 20
# How long a thread that is not needed elsewhere waits for a kept connection's next request.
LINGER_MS = 1
# How long a process that has more connections than another leaves a new one to that.
STEP_BACK_SECONDS = 0.001

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)


class PatientConnection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection whose reads and writes do not wait for ever."""

    def init(self) -> None:
        super().init()
        self.sock.settimeout(STALL_SECONDS)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """See the module. `when_quiet` is called by a thread that is done with a connection and that nobody waits for."""

    alive: bool
    when_quiet: Callable[[], object] | None = None
    _share: Share | None = None
    _connections = 0

    @property
    def nr_conns(self) -> int:
        """How many connections there are, by gunicorn's name; the other processes hear of every change."""
        return self._connections

    @nr_conns.setter
    def nr_conns(self, count: int) -> None:
        self._connections = count
        if self._share is not None:
            self._share.tell(count)

    def run(self) -> None:
        """Take connections until told to stop."""
        self._share = Share(self.age)
        self._share.tell(self._connections)
        try:
            super().run()
        finally:
            self._leave()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Look for new connections, or no more; told to stop, it still answers those that it has for a while."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            self._leave()

    def _leave(self) -> None:
        share, self._share = self._share, None
        if share is not None:
            share.leave()

    def accept(self, listener: socket.socket) -> None:
        if self._share is not None and self._share.is_larger():
            time.sleep(STEP_BACK_SECONDS)
        if self.cfg.is_ssl:
            # What arrives is unreadable until a thread has shaken hands.
            super().accept(listener)
            return
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        connection = PatientConnection(self.cfg, client, address, listener.getsockname())
        self._await_arrival(connection)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """A kept connection's next request begins."""
        if self.cfg.is_ssl or _is_there(client):
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_arrival(conn)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """More of a request is there."""
        if self.cfg.is_ssl or _is_there(client):
            super().on_pending_socket_readable(conn, client)

    def handle(self, conn: Any) -> Any:
        """Answer a connection's request, and those that follow it at once."""
        result = super().handle(conn)
        while result is True and self._may_linger(conn) and _arrives_whole(conn.sock):
            result = super().handle(conn)
        if self.when_quiet is not None and self._nobody_waits():
            self._do_what_could_wait(self.when_quiet)
        return result

    def _do_what_could_wait(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            # The connection has its answer, and is to be kept.
            self.log.exception("What could wait has failed")

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Answer one request; whether the connection may be kept. gunicorn's own, but for the kind of answer."""
        environ: dict[str, Any] = {}
        answer = None
        try:
            self.cfg.pre_request(self, req)
            began = datetime.now()  # noqa: DTZ005  (as gunicorn's log takes it)
            answer, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg, response_class=Answer)
            environ["wsgi.multithread"] = True
            self._count_request()
            if not (self.alive and self.cfg.keepalive) or len(self.keepalived_conns) >= self.max_keepalived:
                answer.force_close()
            pieces = self.wsgi(environ, answer.start_response)
            try:
                if isinstance(pieces, environ["wsgi.file_wrapper"]):
                    answer.write_file(pieces)
                else:
                    for piece in pieces:
                        answer.write(piece)
                answer.close()
            finally:
                self.log.access(answer, req, environ, datetime.now() - began)  # noqa: DTZ005
                if hasattr(pieces, "close"):
                    pieces.close()
            return not answer.should_close()
        except OSError:
            raise
        except (Exception, SystemExit):
            if answer is None or not answer.headers_sent:
                raise
            # A 500 behind the beginning of another answer would be taken for a part of that.
            self.log.exception("Error handling request")
            util.close_graceful(conn.sock)
            raise StopIteration from None
        finally:
            self._tell_done(req, environ, answer)

    def _count_request(self) -> None:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False

    def _tell_done(self, req: Any, environ: dict[str, Any], answer: Any) -> None:
        try:
            self.cfg.post_request(self, req, environ, answer)
        except Exception:
            self.log.exception("Exception in post_request hook")

    def _nobody_waits(self) -> bool:
        """Whether no request is there for which a thread is wanted."""
        return bool(self.tpool._work_queue.empty())

    def _may_linger(self, conn: Any) -> bool:
        """Whether nobody else wants the thread, and the connection's next bytes are where a look can find them."""
        return (
            self.alive
            and self._nobody_waits()
            and not (self.cfg.is_ssl or conn.is_http2)
            and not conn.parser.unreader.buf.getvalue()
        )

    def _await_arrival(self, connection: Any) -> None:
        connection.timeout = time.monotonic() + ARRIVAL_SECONDS
        self.pending_conns.append(connection)
        self.poller.register(connection.sock, EVENT_READ, partial(self.on_pending_socket_readable, connection))


def _arrives_whole(client: socket.socket) -> bool:
    """Whether a request is there within `LINGER_MS`; the main loop waits for one that is late or comes in pieces."""
    if not _polled(client, select.POLLIN, LINGER_MS):
        return False
    if _is_there(client):
        return True
    # The main loop is to see what has come: it gives a request that has begun longer than a connection that is silent.
    _wake_at(client, 1)
    return False


def _is_there(client: socket.socket) -> bool:
    """Whether a thread need not wait for the rest of a request; where it must, the loop is woken by the next byte."""
    try:
        arrived = client.recv(PEEK_BYTES, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        # The thread that reads it meets the same error, and knows what to do.
        return True
    # Of a client that has ended its sending nothing more is to come, and the loop would be woken without end.
    if not arrived or len(arrived) >= _needed(arrived) or _polled(client, select.POLLRDHUP, 0):
        _wake_at(client, 1)
        return True
    _wake_at(client, len(arrived) + 1)
    return False


def _polled(client: socket.socket, event: int, milliseconds: int) -> bool:
    waiting = select.poll()
    waiting.register(client, event)
    return bool(waiting.poll(milliseconds))


def _needed(arrived: bytes) -> int:
    """How many bytes are waited for, going by what has arrived."""
    end = arrived.find(_HEAD_END)
    if end < 0:
        return PEEK_BYTES
    length = _LENGTH.search(arrived, 0, end + 2)
    return min(PEEK_BYTES, end + len(_HEAD_END) + (int(length[1]) if length else 0))


def _wake_at(client: socket.socket, size_bytes: int) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size_bytes)
