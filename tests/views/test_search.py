"""The search page."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_leads_to_the_interaction_with_what_was_found_marked(staff: Client) -> None:
    session = make_session(title="Ferry double booking")
    log(session, prompt="hello")
    log(session, kind=InteractionKind.TOOL_RESPONSE, tool_name="Bash", response="raise SeatHoldExpired(hold)")
    page = staff.get("/search/", {"q": "seatholdexpired"}).text
    assert f'href="/sessions/{session.pk}/?at=2&amp;q=seatholdexpired#i-2"' in page
    assert "<mark>SeatHoldExpired</mark>" in page
    assert "Ferry double booking" in page
    assert "Tool result" in page


def test_it_marks_a_title_and_shows_it_once(staff: Client) -> None:
    make_session(title="Ferry double booking")
    page = staff.get("/search/", {"q": "ferry"}).text
    assert "<mark>Ferry</mark> double booking" in page
    assert page.count("double booking") == 1


def test_it_names_the_state_where_it_is_not_active(staff: Client) -> None:
    trashed, active = make_session(title="one marmalade"), make_session(title="two marmalade")
    actions.trash_session(trashed.pk, actor=ALICE)
    page = staff.get("/search/", {"q": "marmalade"}).text
    assert page.count('class="badge trashed"') == 1
    assert active.pk in page


def test_it_explains_how_to_ask(staff: Client) -> None:
    page = staff.get("/search/").text
    assert "How to ask" in page
    assert "tool:Bash" in page


def test_it_proposes_other_searches_where_nothing_is_found(staff: Client) -> None:
    make_session()
    page = staff.get("/search/", {"q": '"kiln firmware" tag:ci'}).text
    assert "Nothing found" in page
    assert 'href="?q=kiln+firmware"' in page


def test_it_says_what_makes_no_sense(staff: Client) -> None:
    response = staff.get("/search/", {"q": "before:yesterday"})
    assert response.status_code == 400
    assert "a date like 2026-11-22" in response.text
    assert "How to ask" in response.text


def test_half_a_filter_is_no_error_while_somebody_types(staff: Client) -> None:
    response = staff.get("/search/", {"q": "before:2026"}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert "<html" not in response.text


def test_it_escapes_whatever_was_said(staff: Client) -> None:
    session = make_session(title="<script>alert(1)</script> seat")
    log(session, prompt="<img src=x onerror=alert(1)> seat", tool_name="<b>Bash</b>")
    page = staff.get("/search/", {"q": 'seat "><script>alert(2)</script>'}).text
    page += staff.get("/search/", {"q": "seat"}).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>Bash" not in page
    assert "&lt;img src=x onerror=alert(1)&gt; <mark>seat</mark>" in page


@pytest.mark.parametrize("text", ['"', "-x", "%00", "\0", "*", "x" * 10_000, "' OR 1=1; --", "in:../x", "💥"])
def test_no_question_is_too_odd_for_it(staff: Client, text: str) -> None:
    make_session(turns=1)
    assert staff.get("/search/", {"q": text}).status_code in (200, 400)


def test_a_question_may_be_as_long_as_is_said(staff: Client) -> None:
    assert staff.get("/search/", {"q": "x" * 1_000}).status_code == 200
    assert "1,001" in staff.get("/search/", {"q": "x" * 1_001}).text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("onlyone", "Neither this word"),
        ("one two", "one and the same message, or"),
        ("one -two", "and none of those left out"),
        ("in:nope", "no word in this"),
        ("-", "no word in this"),
    ],
)
def test_it_says_why_nothing_is_found(staff: Client, text: str, told: str) -> None:
    assert told.split(", or", maxsplit=1)[0] in staff.get("/search/", {"q": text}).text


def test_it_refuses_a_foreign_cursor(staff: Client) -> None:
    assert staff.get("/search/", {"q": "seat", "cursor": "nonsense"}).status_code == 400


def test_it_goes_on_to_more_hits(staff: Client) -> None:
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt=f"seat {n}") for n in range(25)], actor=ALICE)
    first = staff.get("/search/", {"q": "seat"})
    assert first.text.count('class="hit"') == 20
    following = staff.get("/search/" + first.context["next_page"])
    assert following.text.count('class="hit"') == 5
    assert "First page" in following.text


def test_typing_replaces_the_address(staff: Client) -> None:
    response = staff.get("/search/", {"q": "seat"}, headers={"HX-Request": "true"})
    assert response["HX-Replace-Url"] == "/search/?q=seat"


def test_it_suggests_sessions_to_the_palette(staff: Client) -> None:
    for number in range(9):
        make_session(title=f"Ferry number {number}")
    by_text = make_session(title="Other")
    log(by_text, prompt="the thermocouple")
    page = staff.get("/search/", {"q": "ferr", "palette": "1"}).text
    assert page.count("<a ") == 7
    assert "<html" not in page
    assert by_text.pk in staff.get("/search/", {"q": "thermoc", "palette": "1"}).text
    assert by_text.pk in staff.get("/search/", {"q": by_text.pk[:13], "palette": "1"}).text
    assert staff.get("/search/", {"q": "before:x", "palette": "1"}).text.count("<a ") == 0


def test_it_takes_a_word_for_a_beginning_where_nothing_holds_it(staff: Client) -> None:
    session = make_session()
    log(session, response="WARN seat_hold_expired_during_checkout")
    page = staff.get("/search/", {"q": "seat_hold_exp"}).text
    assert "Nothing holds exactly" in page
    assert "<mark>" in page
    assert "Nothing holds exactly" not in staff.get("/search/", {"q": "seat_hold_expired"}).text


def test_it_asks_as_often_for_300_hits_as_for_3(staff: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert staff.get("/search/", {"q": "seat"}).status_code == 200
        return len(queries)

    def say(start: int, end: int) -> None:
        for number in range(start, end):
            make_session(session_id=f"s{number}", title=f"talk {number}")
            actions.log_interactions(f"s{number}", [draft(prompt="seat") for _ in range(10)], actor=ALICE)
        actions.settle_all_search()

    say(0, 1)
    count()
    few = count()
    say(1, 30)
    assert count() == few
    assert few <= 15
