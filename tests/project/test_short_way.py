"""Programs' requests go past what is there for browsers; where they lead is looked up once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from sessionsite import short_way


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The parts of the address that each call got, and a view that changes them."""
    calls: list[dict[str, Any]] = []
    short_way._resolved.cache_clear()
    view = short_way._resolved("/api/v1/sessions/one/interactions", None).func

    def changing(request: HttpRequest, **parts: Any) -> HttpResponse:
        calls.append(dict(parts))
        parts["session_id"] = "changed"
        return HttpResponse()

    changing.for_programs = True  # type: ignore[attr-defined]
    match = short_way._resolved("/api/v1/sessions/one/interactions", None)
    assert match.func is view
    monkeypatch.setattr(match, "func", changing)
    yield calls
    short_way._resolved.cache_clear()


def by_the_long_way(request: HttpRequest) -> HttpResponse:
    return HttpResponse("long")


def test_one_requests_parts_are_not_the_nexts(seen: list[dict[str, Any]], rf: RequestFactory) -> None:
    way = short_way.ShortWay(by_the_long_way)
    for _ in range(2):
        way(rf.get("/api/v1/sessions/one/interactions"))
    assert seen == [{"session_id": "one"}] * 2


def test_addresses_do_not_share_what_they_lead_to() -> None:
    one = short_way._resolved("/api/v1/sessions/one/interactions", None)
    other = short_way._resolved("/api/v1/sessions/other/interactions", None)
    assert (one.kwargs, other.kwargs) == ({"session_id": "one"}, {"session_id": "other"})
    assert one.func is other.func


def test_what_leads_nowhere_goes_the_long_way_each_time(rf: RequestFactory) -> None:
    way = short_way.ShortWay(by_the_long_way)
    for path in ("/apiary", "/sessions/"):
        for _ in range(2):
            assert getattr(way(rf.get(path)), "content", b"") == b"long"


def test_no_more_addresses_are_kept_than_a_thousand() -> None:
    for number in range(1_100):
        short_way._resolved(f"/api/v1/sessions/{number}/interactions", None)
    assert short_way._resolved.cache_info().currsize <= 1_024
