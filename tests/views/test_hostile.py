"""What strangers wrote is shown as text, whatever it says."""

from html.parser import HTMLParser

import pytest
from django.test import Client

from sessions import actions
from sessions.models import Session
from sessions.records import InteractionKind
from tests.builders import ALICE, log, make_session

pytestmark = pytest.mark.django_db

PAYLOADS = [
    "<script>alert(1)</script>",
    "</textarea></div><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\" onmouseover=alert(1) x='",
    "<svg/onload=alert(1)>",
    "{{ 7*7 }}{% debug %}",
    "</details><iframe src=//evil.example>",
]


def make_hostile(payload: str) -> Session:
    session = make_session(
        title=payload,
        user_id=payload,
        source=payload,
        tags=[payload],
        metadata={payload: payload},
        project_context={payload: [payload]},
    )
    actions.update_context(
        session.pk, actor=ALICE, context_summary=payload, active_topics=[payload], semantic_context={payload: {}}
    )
    kinds = list(InteractionKind)
    for kind in kinds:
        log(
            session,
            kind=kind,
            prompt=payload,
            response=payload,
            reasoning=payload,
            tool_name=payload,
            tool_parameters={payload: payload},
            model=payload,
            error_message=payload,
            metadata={"attachments": [{"title": payload, "type": payload}]},
        )
    return session


class Reader(HTMLParser):
    """What a browser would make of a page: an element or an attribute that only a payload can have brought."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_script = tag == "script"
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]
        if tag == "iframe" or ("src", "x") in attrs:
            self.found.append(tag)

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.found.append("script")
        self.in_script = False


def misdeeds(page: str) -> list[str]:
    reader = Reader()
    reader.feed(page)
    return reader.found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_that_was_not_escaped_is_seen(payload: str) -> None:
    dangerous = payload if payload != PAYLOADS[3] else f"<p title='{payload}'>"
    if payload != PAYLOADS[5]:
        assert misdeeds(f'<p title="">{dangerous}</p>')


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_shows_hostile_text_as_text(staff: Client, payload: str) -> None:
    session = make_hostile(payload)
    other = make_hostile(payload)
    actions.hold_session(other.pk, reason=payload, actor=ALICE)
    pages = [
        "/",
        "/sessions/?state=all",
        f"/sessions/{session.pk}/",
        f"/sessions/{session.pk}/i/1/",
        f"/sessions/{session.pk}/context/",
        f"/sessions/{session.pk}/merge/?with_session={other.pk}",
        f"/sessions/{other.pk}/",
        f"/r/{session.pk}",
        "/cleanup/?idle_days=1",
        f"/admin/conversations/session/{session.pk}/change/",
        "/admin/conversations/session/",
    ]
    for url in pages:
        page = staff.get(url).text
        assert "49{" not in page, url
        assert not misdeeds(page), url


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_shows_hostile_text_as_text_in_the_trash(staff: Client, payload: str) -> None:
    session = make_hostile(payload)
    page = staff.post(f"/sessions/{session.pk}/trash/", {"reason": payload}, follow=True).text
    page += staff.get("/trash/").text + staff.get(f"/sessions/{session.pk}/").text
    page += staff.get(f"/sessions/{session.pk}/purge/").text
    assert not misdeeds(page)


def test_it_shows_a_line_of_a_megabyte(staff: Client) -> None:
    session = make_session()
    log(session, kind=InteractionKind.TOOL_RESPONSE, response="x" * 1_000_000)
    assert len(staff.get(f"/sessions/{session.pk}/").text) < 100_000
