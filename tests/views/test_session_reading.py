"""Reading a session in the browser: its transcript in pieces, what is new in it, and one interaction of it."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.models import Session
from sessions.records import InteractionKind
from tests.builders import ALICE, draft, log, make_session

pytestmark = pytest.mark.django_db
REQUEST, REPLY = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE


def url_of(session: Session, rest: str = "") -> str:
    return f"/sessions/{session.pk}/{rest}"


# --- turns --------------------------------------------------------------------------------------------------


def test_it_shows_the_conversation_in_order(staff: Client) -> None:
    session = make_session(turns=3)
    page = staff.get(url_of(session)).text
    places = [page.index(text) for n in (1, 2, 3) for text in (f"request {n}", f"answer {n}")]
    assert places == sorted(places)
    assert 'id="i-3"' in page


def test_it_shows_a_result_with_the_call_that_it_names(staff: Client) -> None:
    session = make_session()
    log(session, kind=CALL, tool_name="Bash", tool_parameters={"command": "ls"}, metadata={"tool_use_id": "t1"})
    call = log(session, kind=CALL, tool_name="Read", tool_parameters={"path": "x"}, metadata={"tool_use_id": "t2"})
    log(session, kind=RESULT, response="contents", parent_id=call.pk)
    log(session, kind=RESULT, response="file.txt", metadata={"tool_use_id": "t1"}, status="error")
    response = staff.get(url_of(session))
    turns = response.context["transcript"].turns
    assert [(turn.tool_name, [one.interaction.sequence for one in turn.results]) for turn in turns] == [
        ("Bash", [4]),
        ("Read", [3]),
    ]
    assert [turn.has_failed for turn in turns] == [True, False]
    assert 'id="i-4"' in response.text
    assert response.text.count('<details class="fold">') == 4


def test_it_names_the_tool_of_a_result_whose_call_stands_in_another_piece(staff: Client) -> None:
    session = make_session()
    call = log(session, kind=CALL, tool_name="Bash")
    log(session, kind=RESULT, response="late", parent_id=call.pk)
    (turn,) = staff.get(url_of(session, "?after=1")).context["transcript"].turns
    assert turn.tool_name == "Bash"


def test_it_reads_markdown_and_keeps_a_requests_lines(staff: Client) -> None:
    session = make_session()
    log(session, kind=REQUEST, prompt="one\ntwo **bold**")
    log(session, kind=REPLY, response="```python\nimport os\n```")
    page = staff.get(url_of(session)).text
    assert "one<br>\ntwo <strong>bold</strong>" in page
    assert '<span class="hl-k">import</span>' in page


def test_it_shows_the_source_when_asked(staff: Client) -> None:
    session = make_session()
    log(session, kind=REPLY, response="**bold** <b>")
    page = staff.get(url_of(session, "?view=plain")).text
    assert "**bold** &lt;b&gt;" in page
    assert 'href="?"' in page


def test_it_strips_a_terminals_escapes_from_output(staff: Client) -> None:
    session = make_session()
    log(session, kind=RESULT, response="\x1b[31mred\x1b[0m alert")
    page = staff.get(url_of(session)).text
    assert "red alert" in page
    assert "[31m" not in page


def test_it_notes_files_and_never_fetches_them(staff: Client) -> None:
    session = make_session()
    files = [{"title": "screen.png", "media_type": "image/png", "size_bytes": 2048}, "odd", {"size_bytes": "x"}]
    log(session, prompt="see", metadata={"attachments": files})
    page = staff.get(url_of(session)).text
    assert "screen.png" in page
    assert "2.0\xa0KB" in page
    assert "<img" not in page.partition("<main")[2]


def test_it_marks_what_came_with_a_merge(staff: Client) -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    assert f"Came with a merge from session {other.pk}" in staff.get(url_of(session)).text


def test_it_leads_from_an_absorbed_session_to_the_one_that_stayed(staff: Client) -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    answer = staff.get(url_of(other), follow=True)
    assert answer.redirect_chain == [(url_of(session), 302)]
    assert f"Session {other.pk} was merged into this one." in answer.text


def test_it_tells_what_an_old_system_counted_only(staff: Client) -> None:
    session = make_session()
    Session.objects.filter(pk=session.pk).update(stated_interactions=6)
    page = staff.get(url_of(session)).text
    assert "The old system counted 6 interactions that were not handed over." in page


def test_it_says_in_which_state_a_session_is(staff: Client) -> None:
    assert "No interactions yet" in staff.get(url_of(make_session())).text
    assert "Expired: nobody has gone on since" in staff.get(url_of(make_session(idle_days=20))).text
    trashed = make_session(turns=1)
    actions.trash_session(trashed.pk, actor=ALICE, reason="over")
    assert "Put into the trash" in staff.get(url_of(trashed)).text


def test_it_offers_readers_nothing_that_changes(staff: Client, reader: Client) -> None:
    session = make_session(turns=1)
    page = reader.get(url_of(session)).text.partition("<main")[2]
    assert "Transcript" in page
    for offer in ("Merge", "Trash", "Hold"):
        assert f"</svg>{offer}</" not in page
        assert f"</svg>{offer}</" in staff.get(url_of(session)).text


# --- branches -----------------------------------------------------------------------------------------------


@pytest.fixture
def branched() -> Session:
    session = make_session()
    asked = log(session, kind=REQUEST, prompt="first")
    for answer in ("one", "two", "three"):
        log(session, kind=REPLY, response=f"answer {answer}", parent_id=asked.pk)
    return Session.objects.get(pk=session.pk)


def test_it_shows_the_latest_branch_and_walks_to_the_others(staff: Client, branched: Session) -> None:
    page = staff.get(url_of(branched)).text
    assert "Branch 3 of 3" in page
    assert "answer three" in page
    assert "answer two" not in page
    assert f'href="{url_of(branched)}?at=3#i-3"' in page
    other = staff.get(url_of(branched, "?at=3")).text
    assert "Branch 2 of 3" in other
    assert "answer two" in other
    assert "answer three" not in other


def test_it_reads_on_along_the_branch(staff: Client) -> None:
    session = make_session()
    asked = log(session, kind=REQUEST, prompt="first", idempotency_key="q")
    chain = [draft(REPLY, response="r0", idempotency_key="a0", parent_id=asked.pk)]
    chain += [draft(REPLY, response=f"r{n}", idempotency_key=f"a{n}", parent_key=f"a{n - 1}") for n in range(1, 70)]
    actions.log_interactions(session.pk, chain, actor=ALICE)
    log(session, kind=REPLY, response="otherwise", parent_id=asked.pk)
    page = staff.get(url_of(session, "?at=2"))
    stretch = page.context["transcript"]
    assert (stretch.after, stretch.last) == (60, 60)
    assert "?after=60&amp;through=2" in page.text
    later = staff.get(url_of(session, "?after=60&through=2")).context["transcript"]
    assert [turn.interaction.sequence for turn in later.turns] == list(range(61, 72))
    assert later.after is None


# --- pieces -------------------------------------------------------------------------------------------------


@pytest.fixture
def long_session() -> Session:
    session = make_session()
    start = datetime(2026, 3, 1, tzinfo=UTC)
    drafts = [draft(prompt=f"request {n}", occurred_at=start + timedelta(hours=n)) for n in range(1, 151)]
    actions.log_interactions(session.pk, drafts, actor=ALICE)
    return Session.objects.get(pk=session.pk)


@pytest.mark.parametrize(
    ("query", "first", "last", "before", "after"),
    [
        ("", 1, 60, None, 60),
        ("?after=60", 61, 120, 61, 120),
        ("?after=120", 121, 150, 121, None),
        ("?before=61", 1, 60, None, 60),
        ("?latest=1", 91, 150, 91, None),
        ("?at=80", 76, 135, 76, 135),
        ("?at=1", 1, 60, None, 60),
        ("?on=2026-03-04", 68, 127, 68, 127),
        ("?on=2030-01-01", 146, 150, 146, None),
        ("?at=9999", 0, 0, None, None),
    ],
)
def test_it_reads_a_long_conversation_in_pieces(
    staff: Client, long_session: Session, query: str, first: int, last: int, before: int | None, after: int | None
) -> None:
    shown = staff.get(url_of(long_session, query)).context["transcript"]
    sequences = [turn.interaction.sequence for turn in shown.turns]
    assert sequences == (list(range(first, last + 1)) if last else [])
    assert (shown.before, shown.after) == (before, after)


def test_it_goes_to_a_day_of_the_viewers(staff: Client, long_session: Session) -> None:
    staff.cookies["timezone"] = "America/New_York"
    shown = staff.get(url_of(long_session, "?on=2026-03-04")).context["transcript"]
    # Midnight there is five in the morning in UTC.
    assert [turn.interaction.sequence for turn in shown.turns if turn.is_sought] == [77]


@pytest.mark.parametrize(
    "query", ["?at=²", "?on=yesterday", "?on=0001-01-01", "?after=-1", "?before=1e9", "?through=x"]
)
def test_it_refuses_a_place_that_is_none(staff: Client, long_session: Session, query: str) -> None:
    assert staff.get(url_of(long_session, query)).status_code == 400


def test_it_adds_later_pieces_without_the_link_to_earlier_ones(staff: Client, long_session: Session) -> None:
    part = staff.get(url_of(long_session, "?after=60&only=after"), headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "Earlier interactions" not in part
    assert "Later interactions" in part


def test_it_shows_fewer_where_texts_are_long(staff: Client) -> None:
    session = make_session()
    actions.log_interactions(session.pk, [draft(prompt=f"{n} " + "x " * 4000) for n in range(1, 41)], actor=ALICE)
    for query, first, last in (("", 1, 15), ("?latest=1", 26, 40), ("?at=30", 26, 40)):
        stretch = staff.get(url_of(session, query)).context["transcript"]
        assert [stretch.turns[0].interaction.sequence, stretch.turns[-1].interaction.sequence] == [first, last]
    assert staff.get(url_of(session)).context["transcript"].after == 15


def test_it_highlights_the_interaction_of_its_link_and_the_words(staff: Client, long_session: Session) -> None:
    page = staff.get(url_of(long_session, "?at=80&q=request"))
    assert [turn.interaction.sequence for turn in page.context["transcript"].turns if turn.is_sought] == [80]
    assert "<mark>request</mark> 80" in page.text
    assert "<mark>request</mark> 81" not in page.text.partition('class="turns"')[2]


def test_it_shows_the_surroundings_of_a_word_far_down_a_long_text(staff: Client) -> None:
    session = make_session()
    log(session, kind=RESULT, response="start " + "x " * 30_000 + "needle " + "y " * 9_000)
    page = staff.get(url_of(session, "?at=1&q=needle")).text
    assert "<mark>needle</mark>" in page
    assert '<details class="fold" open>' in page


def test_it_cuts_a_long_text_and_shows_it_whole_elsewhere(staff: Client) -> None:
    session = make_session()
    log(session, prompt="x" * 20_000 + "END")
    page = staff.get(url_of(session)).text
    assert "END" not in page
    assert "Show all 20,003 characters" in page
    assert "END" in staff.get(url_of(session, "i/1/")).text


def test_it_asks_no_more_often_for_a_long_session(staff: Client, long_session: Session) -> None:
    short = make_session(turns=3)
    staff.get(url_of(short))
    counts = []
    for session in (short, long_session):
        with CaptureQueriesContext(connection) as queries:
            staff.get(url_of(session, "?latest=1"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- finding ------------------------------------------------------------------------------------------------


def test_it_finds_within_the_session(staff: Client, long_session: Session) -> None:
    other = make_session()
    log(other, prompt="request 12 of another")
    page = staff.get(url_of(long_session, '?q="request 12"'))
    found = page.context["found"]
    assert [hit.interaction.sequence for hit in found.hits] == [12]
    assert "?at=12&amp;q=%22request%2012%22#i-12" in page.text


def test_it_steps_from_hit_to_hit(staff: Client) -> None:
    session = make_session()
    for word in ("apple", "pear", "apple", "apple"):
        log(session, prompt=word)
    found = staff.get(url_of(session, "?q=apple&at=3")).context["found"]
    assert (found.position, found.previous, found.following) == (2, 1, 4)


def test_it_finds_nothing_in_other_sessions(staff: Client) -> None:
    session, other = make_session(session_id="here", turns=2), make_session(session_id="other", turns=3)
    assert staff.get(url_of(session, "?q=in:other request")).context["found"].hits == []
    assert staff.get(url_of(session, "?q=in:other")).context["found"].hits == []
    found = staff.get(url_of(other, "?q=in:other request")).context["found"]
    assert [hit.session.pk for hit in found.hits] == ["other"] * 3


@pytest.mark.parametrize("words", ["(", ".*", "\N{REPLACEMENT CHARACTER}"])
def test_where_there_is_no_word_it_finds_nothing(staff: Client, words: str) -> None:
    found = staff.get(url_of(make_session(turns=2)), {"q": words}).context["found"]
    assert (found.hits, found.problem) == ([], "There is no word in this to look for.")


def test_it_says_when_nothing_is_found_or_the_question_is_odd(staff: Client) -> None:
    session = make_session(turns=1)
    assert "Nothing in this session holds" in staff.get(url_of(session, "?q=zebra")).text
    assert staff.get(url_of(session, "?q=before:never")).status_code == 200


# --- what is new --------------------------------------------------------------------------------------------


def live(client: Client, session: Session, after: int, rewritten: int = 0) -> tuple[int, str]:
    url = url_of(session, f"live?after={after}&rewritten={rewritten}")
    answer = client.get(url, headers={"HX-Request": "true"})
    return answer.status_code, answer.text


def test_it_has_nothing_to_tell_while_nothing_is_new(staff: Client) -> None:
    session = make_session(turns=2)
    assert live(staff, session, 2) == (204, "")
    with CaptureQueriesContext(connection) as queries:
        live(staff, session, 2)
    # The viewer's login, the viewer, the session.
    assert len(queries) == 3


def test_it_shows_what_is_new(staff: Client) -> None:
    session = make_session(turns=2)
    page = staff.get(url_of(session)).text
    asked = re.search(r'hx-get="([^"]*/live\?[^"]*)"', page)
    assert asked is not None
    log(session, prompt="fresh")
    part = staff.get(asked[1].replace("&amp;", "&"), headers={"HX-Request": "true"}).text
    assert "fresh" in part
    assert "request 2" not in part
    assert "live?after=3&amp;rewritten=" in part


def test_it_tells_that_a_session_was_merged(staff: Client) -> None:
    session, other = make_session(turns=1), make_session(turns=1)
    actions.merge_sessions(session.pk, absorbed=other.pk, actor=ALICE)
    assert "merged or changed" in live(staff, session, 1)[1]
    assert "merged or changed" in live(staff, other, 1)[1]


def test_it_tells_that_a_conversation_took_another_way(staff: Client) -> None:
    session = make_session()
    asked = log(session, kind=REQUEST, prompt="first")
    log(session, kind=REPLY, response="one", parent_id=asked.pk)
    log(session, kind=REPLY, response="two", parent_id=asked.pk)
    assert "took another way" in live(staff, session, 2)[1]


def test_it_watches_only_at_the_end(staff: Client, long_session: Session) -> None:
    assert 'id="live"' in staff.get(url_of(long_session, "?latest=1")).text
    assert 'id="live"' not in staff.get(url_of(long_session)).text


# --- one interaction, and records ---------------------------------------------------------------------------


def test_it_knows_no_interaction_that_is_not_there(staff: Client) -> None:
    session = make_session(turns=1)
    for rest in ("i/2/", "i/0/", "i/99999999999999999999/", "i/2/raw.json"):
        assert staff.get(url_of(session, rest)).status_code == 404


def test_it_leads_to_the_interactions_around_one(staff: Client) -> None:
    session = make_session(turns=3)
    page = staff.get(url_of(session, "i/2/")).text
    assert f'rel="prev" href="{url_of(session, "i/1/")}"' in page
    assert f'rel="next" href="{url_of(session, "i/3/")}"' in page


def test_it_hands_out_an_interaction_as_json(staff: Client) -> None:
    session = make_session(turns=1)
    answer = staff.get(url_of(session, "i/1/raw.json"))
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["prompt"] == "request 1"
    part = staff.get(url_of(session, "i/1/"), headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "request 1" in part


def test_it_hands_out_the_session_as_json(staff: Client) -> None:
    session = make_session(title="Title")
    assert staff.get(url_of(session, "raw.json")).json()["session_info"]["title"] == "Title"


def test_it_streams_the_whole_as_markdown(staff: Client) -> None:
    session = make_session(title="Title", turns=2)
    answer = staff.get(url_of(session, "export.md"))
    assert answer.streaming
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="{session.pk}.md"'
    assert b"".join(answer).decode().startswith("# Title\n")
    assert json.dumps("request 2")[1:-1] in b"".join(staff.get(url_of(session, "export.md"))).decode()


def test_who_opens_what_is_new_by_itself_is_led_to_the_session(staff: Client) -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    assert staff.get(url_of(session, "live?after=1&rewritten=0")).headers["Location"] == url_of(session)
    assert staff.get("/sessions/nobody/live", follow=True).status_code == 404
