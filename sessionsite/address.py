"""The address that the site listens on."""

import errno
import socket


class PortUnavailable(Exception):
    """The address that the site should listen on cannot be had; the message says why and what to do."""


def socket_address(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def require_free_port(host: str, port: int) -> None:
    """Raise PortUnavailable unless a server could listen on `host` and `port` now."""
    address = socket_address(host, port)
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As gunicorn does: connections of a server that just stopped do not block the next one.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortUnavailable(
                f"{address} is in use by another program. Stop that one, or choose another SESSIONSITE_PORT."
            ) from None
        raise PortUnavailable(
            f"{address} cannot be listened on ({error.strerror}). Check SESSIONSITE_HOST and SESSIONSITE_PORT."
        ) from None
