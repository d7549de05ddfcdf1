"""What strangers wrote is shown as text, whatever it says."""

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


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_shows_hostile_text_as_text(staff: Client, payload: str) -> None:
    session = make_hostile(payload)
    other = make_hostile(payload)
    actions.hold_session(other.pk, reason=payload, actor=ALICE)
    pages = [
        "/?state=all",
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
        assert "alert(1)</script>" not in page, url
        assert "<img src=x" not in page, url
        assert "<svg/" not in page, url
        assert "<iframe" not in page, url
        assert " onmouseover=alert(1) x='" not in page, url
        assert "49{" not in page, url


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_shows_hostile_text_as_text_in_the_trash(staff: Client, payload: str) -> None:
    session = make_hostile(payload)
    page = staff.post(f"/sessions/{session.pk}/trash/", {"reason": payload}, follow=True).text
    page += staff.get("/trash/").text + staff.get(f"/sessions/{session.pk}/").text
    page += staff.get(f"/sessions/{session.pk}/purge/").text
    assert "alert(1)</script>" not in page
    assert "<img src=x" not in page


def test_it_shows_a_line_of_a_megabyte(staff: Client) -> None:
    session = make_session()
    log(session, kind=InteractionKind.TOOL_RESPONSE, response="x" * 1_000_000)
    assert len(staff.get(f"/sessions/{session.pk}/").text) < 100_000
