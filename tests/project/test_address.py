import socket

import pytest

from sessionsite.address import PortUnavailable, require_free_port, socket_address


def test_it_writes_an_ipv6_address_in_brackets() -> None:
    assert socket_address("127.0.0.1", 80) == "127.0.0.1:80"
    assert socket_address("::1", 80) == "[::1]:80"


def test_it_refuses_a_port_in_use_and_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortUnavailable, match=f"127.0.0.1:{port} is in use.*SESSIONSITE_PORT"):
            require_free_port("127.0.0.1", port)
    require_free_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_it_refuses_an_address_that_is_not_this_machines(host: str) -> None:
    with pytest.raises(PortUnavailable, match="SESSIONSITE_HOST"):
        require_free_port(host, 8000)
