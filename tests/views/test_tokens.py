"""The pages of the tokens: made and shown once, listed, renamed, revoked."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from sessions import actions
from sessions.actions import Role
from sessions.errors import TokenRefused
from sessions.models import AuditEvent, Token
from sessions.records import Actor, Face, Scope
from tests.builders import make_session

pytestmark = pytest.mark.django_db
NEW = "/accounts/tokens/new/"
WISHES = {"name": "laptop", "scope": "write", "days": "90", "user_id": "", "requests_per_minute": "", "once": ""}
OPERATOR = Actor("root", Face.COMMAND)


def make(name: str = "laptop", **fields: object) -> Token:
    return actions.create_token(name, **{"scope": Scope.WRITE, "actor": OPERATOR, **fields})[0]  # type: ignore[arg-type]


def secret_in(page: str) -> str:
    [secret] = set(re.findall(r"sst_[\w-]{43}", page))
    return str(secret)


def lets_in(secret: str) -> bool:
    try:
        actions.admit(secret, face=Face.REST)
    except TokenRefused:
        return False
    return True


def test_it_makes_a_token_and_shows_it_once(staff: Client) -> None:
    answer = staff.post(NEW, WISHES)
    secret = secret_in(answer.text)
    assert lets_in(secret)
    assert "no-store" in answer["Cache-Control"]
    token = Token.objects.get()
    assert (token.name, token.scope, token.made_by) == ("laptop", "write", "alice")
    assert token.expires_at is not None
    assert abs(token.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    for page in ("/accounts/tokens/", f"/accounts/tokens/{token.pk}/", "/activity/", "/"):
        assert secret not in staff.get(page).text
        assert secret[14:] not in staff.get(page).text


def test_it_fills_the_token_and_the_sites_own_address_in(staff: Client) -> None:
    page = unescape(staff.post(NEW, WISHES, headers={"Host": "testserver"}).text)
    secret = secret_in(page)
    for told in (
        "claude mcp add --scope user --transport http sessionsite http://testserver/mcp",
        f"--header 'Authorization: Bearer {secret}'",
        f"export SESSIONSITE_TOKEN={secret}",
        f'with Client("http://testserver", "{secret}") as client:',
        "python3 ~/.claude/sessionsite.pyz install --url http://testserver",
    ):
        assert told in page
    assert "YOUR-TOKEN" not in page


def test_it_makes_what_was_wished(staff: Client) -> None:
    staff.post(NEW, {**WISHES, "scope": "read", "days": "", "user_id": "ann@example.com", "requests_per_minute": "60"})
    token = Token.objects.get()
    assert (token.scope, token.user_id, token.requests_per_minute, token.expires_at) == (
        "read",
        "ann@example.com",
        60,
        None,
    )


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "required"),
        ({"name": "n" * 81}, "at most 80 characters"),
        ({"name": "a\tb"}, "control character"),
        ({"scope": "owner"}, "Select a valid choice"),
        ({"days": "31"}, "Select a valid choice"),
        ({"user_id": "u" * 256}, "at most 255 characters"),
        ({"user_id": "a\nb"}, "control character"),
        ({"requests_per_minute": "0"}, "greater than or equal to 1"),
        ({"requests_per_minute": "1000001"}, "whole number from 1 to 1,000,000"),
        ({"requests_per_minute": "many"}, "whole number"),
    ],
)
def test_it_says_what_is_wrong_with_a_new_token(staff: Client, fields: dict[str, str], problem: str) -> None:
    answer = staff.post(NEW, {**WISHES, **fields})
    assert answer.status_code == 400
    assert problem in answer.text
    assert not Token.objects.exists()


def test_it_makes_no_second_one_when_its_page_is_loaded_again(staff: Client) -> None:
    once = re.search(r'name="once" value="([^"]+)"', staff.get(NEW).text)
    assert once
    first, again = (staff.post(NEW, {**WISHES, "once": once[1]}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 409)
    assert "made already" in again.text
    assert Token.objects.count() == 1


def test_it_suggests_the_users_that_there_are(staff: Client) -> None:
    make_session(user_id="ann@example.com")
    assert '<option value="ann@example.com">' in staff.get(NEW).text


def test_it_makes_no_token_for_a_reader(reader: Client) -> None:
    assert reader.post(NEW, WISHES).status_code == 403
    assert "Only administrators make tokens" in reader.get(NEW).text
    assert not Token.objects.exists()


def test_it_lists_every_token_with_what_it_may(staff: Client, reader: Client) -> None:
    make("bound", user_id="ann", days=3, requests_per_minute=60)
    old = make("old")
    actions.revoke_token(old.pk, actor=OPERATOR)
    for client in (staff, reader):
        page = client.get("/accounts/tokens/").text
        for told in ("bound", "ann", "in 3 days", "Expires soon", "60", "never", "Revoked", "root</bdi> (command)"):
            assert told in page, told
        assert page.index(">bound<") < page.index(">old<")
        assert page.index("sst_") > 0
    assert ("Make a token" in staff.get("/accounts/tokens/").text, "Make a token" in page) == (True, False)


def test_it_says_so_where_there_is_none(staff: Client) -> None:
    assert "No program has a token yet" in staff.get("/accounts/tokens/").text


def test_it_renames(staff: Client) -> None:
    token = make()
    answer = staff.post(f"/accounts/tokens/{token.pk}/rename/", {"name": "desk"}, follow=True)
    assert "The token is called desk now." in answer.text
    wrong = staff.post(f"/accounts/tokens/{token.pk}/rename/", {"name": "a\tb"})
    assert wrong.status_code == 400
    assert "control character" in wrong.text
    assert Token.objects.get().name == "desk"


def test_it_asks_before_it_revokes(staff: Client) -> None:
    token, secret = actions.create_token("laptop", scope=Scope.WRITE, actor=OPERATOR)
    question = staff.get(f"/accounts/tokens/{token.pk}/revoke/")
    assert "This cannot be undone" in question.text
    assert lets_in(secret)
    answer = staff.post(f"/accounts/tokens/{token.pk}/revoke/", follow=True)
    assert "laptop was revoked" in answer.text
    assert not lets_in(secret)
    page = staff.get(f"/accounts/tokens/{token.pk}/").text
    assert "It opens nothing any more" in page
    assert "Rename" not in page
    assert "Connect a program" not in page


def test_it_knows_no_token_that_is_not_there(staff: Client) -> None:
    for path in ("4711/", "4711/revoke/", f"{2**70}/"):
        answer = staff.get(f"/accounts/tokens/{path}")
        assert answer.status_code == 404
        assert "There is no such token" in answer.text


def test_it_revokes_with_the_account_that_made_them(staff: Client) -> None:
    carol, _ = actions.create_account("carol2", role=Role.ADMINISTRATOR, password="battery staple", actor=OPERATOR)
    theirs = Client()
    theirs.force_login(User.objects.get(pk=carol.id))
    secret = secret_in(theirs.post(NEW, WISHES).text)
    staff.post(f"/accounts/{carol.id}/deactivate/")
    assert not lets_in(secret)


def test_it_tells_in_the_log_who_made_and_revoked(staff: Client) -> None:
    staff.post(NEW, WISHES)
    token = Token.objects.get()
    staff.post(f"/accounts/tokens/{token.pk}/rename/", {"name": "desk"})
    staff.post(f"/accounts/tokens/{token.pk}/revoke/")
    page = re.sub(r"<[^>]+>", "", staff.get("/activity/").text)
    for told in (
        "alice made the token laptop with the scope write",
        "alice renamed the token laptop to desk",
        "alice revoked the token desk",
    ):
        assert told in page


def test_it_tells_what_a_token_did_by_its_name(staff: Client) -> None:
    AuditEvent.objects.create(actor="token:laptop", face="mcp", verb="session_created", session_id="s")
    page = staff.get("/activity/").text
    assert '<span class="hushed">the token </span><bdi>laptop</bdi>' in page


def test_a_first_visit_leads_to_a_token_and_back_to_the_ways(staff: Client, reader: Client) -> None:
    for path in ("/", "/sessions/"):
        page = unescape(staff.get(path).text)
        assert f'href="{NEW}"' in page
        assert "http://testserver/mcp" in page
        assert "YOUR-TOKEN" in page
        assert f'href="{NEW}"' not in reader.get(path).text
