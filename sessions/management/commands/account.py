"""`manage.py account`: the accounts, for whoever cannot get at them with a browser."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sessions import actions
from sessions.actions import Account, Role
from sessions.management.base import StoreCommand, given
from sessions.views.visitor import introduction

VERBS = {
    "list": "all accounts",
    "create": "make an account; a random password is printed once",
    "role": "make it an administrator's or a reader's",
    "reset-password": "set a new password, printed once where it is random, and sign it out everywhere",
    "sign-out": "sign it out of every browser",
    "deactivate": "let nobody sign in to it",
    "reactivate": "let it sign in again",
    "introduce": "print an address which, opened in a new browser, keeps strangers' failed sign-ins from slowing it",
}


class Command(StoreCommand):
    help = "List and change the accounts of administrators and readers, from the server itself."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, summary in VERBS.items():
            verb = verbs.add_parser(name, help=summary)
            super().add_arguments(verb)
            if name != "list":
                verb.add_argument("name", type=given, metavar="NAME")
            if name in ("create", "role"):
                roles = [Role.READER.value, Role.ADMINISTRATOR.value]
                verb.add_argument("--role", choices=roles, default=roles[0], required=name == "role")
            if name in ("create", "reset-password"):
                verb.add_argument(
                    "--password-file", type=given, metavar="FILE", help="holds the password; - is standard input"
                )

    def run(self, *, verb: str, json: bool, **options: Any) -> int:
        result, text = getattr(self, f"_{verb.replace('-', '_')}")(options)
        self.tell(result, as_json=json, text=text)
        return 0

    def _list(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        accounts = actions.list_accounts()
        return {"accounts": [asdict(one) for one in accounts]}, "\n".join(_line(one) for one in accounts) or "None."

    def _create(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        given_password = _password(options["password_file"])
        account, password = actions.create_account(
            options["name"], role=Role(options["role"]), password=given_password, actor=self.actor
        )
        return _handed_over(account, "" if given_password else password)

    def _role(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        account = actions.find_account(options["name"])
        return _changed(actions.change_role(account.id, Role(options["role"]), actor=self.actor))

    def _reset_password(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        given_password = _password(options["password_file"])
        account = actions.find_account(options["name"])
        password = actions.reset_password(account.id, password=given_password, actor=self.actor)
        return _handed_over(actions.get_account(account.id), "" if given_password else password)

    def _sign_out(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        account = actions.find_account(options["name"])
        count = actions.sign_out_everywhere(account.id, actor=self.actor)
        return {"account": account.name, "browsers_signed_out": count}, f"{count} browsers were signed out."

    def _deactivate(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return _changed(actions.deactivate_account(actions.find_account(options["name"]).id, actor=self.actor))

    def _reactivate(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        return _changed(actions.reactivate_account(actions.find_account(options["name"]).id, actor=self.actor))

    def _introduce(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        path = introduction(actions.find_account(options["name"]).name)
        return {"path": path}, f"Open this on the site within 15 minutes, then sign in as always:\n{path}"


def _line(account: Account) -> str:
    state = "" if account.active else ", deactivated"
    signed_in = f"{account.signed_in_at:%Y-%m-%d %H:%M} UTC" if account.signed_in_at else "never"
    return f"{account.name}  {account.role}{state}  last sign-in: {signed_in}  browsers: {account.browsers}"


def _changed(account: Account) -> tuple[dict[str, Any], str]:
    return {"account": asdict(account)}, _line(account)


def _handed_over(account: Account, password: str) -> tuple[dict[str, Any], str]:
    shown = {"password": password} if password else {}
    text = f"\nPassword: {password}  (shown only this once)" if password else ""
    return {"account": asdict(account), **shown}, f"{_line(account)}{text}"


def _password(file_name: str | None) -> str:
    """The file's first line; "" where no file is given, which asks for a random password."""
    if file_name is None:
        return ""
    try:
        text = sys.stdin.readline() if file_name == "-" else Path(file_name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The password file cannot be read: {type(error).__name__}.") from None
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        # An empty secret must not turn into a random password that nobody looks for.
        raise CommandError("The password file is empty.")
    return password
