"""The server as it is served: its processes, a restart of it, many clients at once, and those that go away."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from signal import SIGKILL, SIGTERM, Signals

import pytest

from .agents import ERAS, over_http
from .sites import Site
from .test_http import modern
from .test_round import whole_round

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [pytest.param(SIGTERM, marks=pytest.mark.thorough), SIGKILL])
def test_it_resumes_after_a_restart(site: Site, number: Signals) -> None:
    site.start()
    with over_http(site.url, site.tokens["write"]) as agent:
        session = agent.call("start_session", user_id="bob")["session_id"]
        agent.call("log_interaction", session_id=session, prompt="before", idempotency_key="1")
    site.stop(number)
    site.start()
    for era in ERAS:
        with over_http(site.url, site.tokens["write"], era=era) as agent:
            pack = agent.call("resume_session", session_id=session)["context_pack"]
            assert [turn["prompt"] for turn in pack["latest"]] == ["before"]
            again = agent.call("log_interaction", session_id=session, prompt="before", idempotency_key="1")
            assert again["added"] == 0


@pytest.mark.parametrize("era", ERAS)
def test_it_goes_the_whole_round(site: Site, era: str) -> None:
    site.start()
    with over_http(site.url, site.tokens["admin"], era=era) as agent:
        whole_round(agent, idle="old")
    assert "Traceback" not in site.log


def test_eight_clients_at_once_lose_nothing(site: Site) -> None:
    site.start()

    def converse(number: int) -> int:
        with over_http(site.url, site.tokens["write"], era=ERAS[number % 2]) as agent:
            session = agent.call("start_session", user_id=f"user-{number}")["session_id"]
            for turn in range(20):
                agent.call("log_interaction", session_id=session, prompt=f"{number}/{turn}", idempotency_key=str(turn))
            told = agent.call("get_interaction_history", session_id=session)["interactions"]
            assert [one["prompt"] for one in told] == [f"{number}/{turn}" for turn in range(20)]
            return len(told)

    with ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(converse, range(8))) == 160


def test_clients_that_go_away_leave_the_server_as_it_was(site: Site) -> None:
    site.start()
    body, headers = modern("tools/call", {"name": "list_sessions", "arguments": {}})
    content = json.dumps(body).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {site.tokens['read']}\r\n{head}"
        f"Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", site.port)) as gone:
            gone.sendall(request + content)
        with socket.create_connection(("127.0.0.1", site.port)) as broken_off:
            broken_off.sendall(request + content[:20])
    began = time.monotonic()
    with over_http(site.url, site.tokens["read"]) as agent:
        assert agent.call("list_sessions", state="all")["sessions"]
    assert time.monotonic() - began < 10
    assert "Traceback" not in site.log
