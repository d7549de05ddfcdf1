"""`token`: programs are let in and shut out from the server itself."""

import re
from pathlib import Path

import pytest

from sessions import actions
from sessions.errors import TokenRefused
from sessions.models import AuditEvent, Token
from sessions.records import Face

from .running import Ran, everything, run, run_process


def create(name: str = "nightly", *options: object) -> Ran:
    return run("token", "create", name, "--scope", "write", *options)


def printed_secret(text: str) -> str:
    [secret] = re.findall(r"^Secret: (\S+)  \(shown only this once\)$", text, re.MULTILINE)
    return str(secret)


def lets_in(secret: str) -> bool:
    try:
        actions.admit(secret, face=Face.REST)
    except TokenRefused:
        return False
    return True


def test_it_makes_a_token_and_prints_its_secret_once() -> None:
    ran = create("nightly", "--user", "ann", "--days", 30, "--requests-per-minute", 60)
    secret = printed_secret(ran.out)
    admission = actions.admit(secret, face=Face.REST)
    assert (admission.caller.user_id, admission.allowance.limit) == ("ann", 60)
    assert admission.expires_at is not None
    assert secret not in run("token", "list").out + run("token", "list", "--json").out
    assert AuditEvent.objects.get(verb="token_created").face == "command"


def test_it_tells_programs_the_same() -> None:
    made = create("nightly", "--json").json
    assert lets_in(made["secret"])
    assert "digest" not in made["token"]
    [listed] = run("token", "list", "--json").json["tokens"]
    assert {**listed, "last_used_at": None} == {**made["token"], "usable": True}


def test_it_lists_the_usable_first() -> None:
    for name in ("revoked", "usable"):
        create(name)
    run("token", "revoke", Token.objects.get(name="revoked").pk, "--yes")
    first, second = run("token", "list").out.splitlines()
    assert re.fullmatch(r"\d+  usable  write  sst_\S{6}…  ends: never  last used: never", first)
    assert "revoked  write" in second
    assert "…  revoked  ends" in second


def test_it_says_that_there_are_none() -> None:
    assert run("token", "list").out.strip() == "None."
    assert run("token", "list", "--json").json == {"tokens": []}


def test_it_revokes_at_once() -> None:
    secret = printed_secret(create().out)
    ran = run("token", "revoke", Token.objects.get().pk, "--yes", "--json")
    assert (ran.code, ran.json["token"]["usable"], lets_in(secret)) == (0, False, False)
    assert ran.json["token"]["revoked_by"].startswith("command:")


def test_it_revokes_nothing_without_a_yes() -> None:
    secret = printed_secret(create().out)
    ran = run_process("token", "revoke", Token.objects.get().pk)
    assert (ran.code, lets_in(secret)) == (1, True)
    assert "Nothing was revoked" in ran.err


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("create", "nightly"), 2),
        (("create", "", "--scope", "read"), 2),
        (("create", "nightly", "--scope", "owner"), 2),
        (("create", "nightly", "--scope", "read", "--user", ""), 2),
        (("create", "nightly", "--scope", "read", "--days", "0"), 2),
        (("create", "nightly", "--scope", "read", "--days", "soon"), 2),
        (("create", " nightly", "--scope", "read"), 2),
        (("create", "nightly", "--scope", "read", "--requests-per-minute", "0"), 2),
        (("revoke", "4711", "--yes"), 1),
        (("revoke",), 2),
        ((), 2),
    ],
)
def test_it_changes_nothing_for_a_call_that_makes_no_sense(options: tuple[str, ...], code: int, data_dir: Path) -> None:
    before = everything()
    assert run("token", *options).code == code
    assert everything() == before
    assert not Token.objects.exists()
