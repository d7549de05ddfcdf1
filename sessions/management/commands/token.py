"""`manage.py token`: the tokens that programs come in with, made and revoked from the server itself."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from sessions import actions
from sessions.management.base import StoreCommand, confirmed, given
from sessions.models import Token
from sessions.records import Scope

VERBS = {
    "list": "all tokens, the usable first; never a secret",
    "create": "make a token; its secret is printed once",
    "revoke": "let a token open nothing any more, at once and for good",
}
_SHOWN = ("id", "name", "prefix", "scope", "user_id", "requests_per_minute")
_SHOWN_LATER = ("made_by", "made_at", "expires_at", "last_used_at", "revoked_at", "revoked_by")


class Command(StoreCommand):
    help = "List, make and revoke the tokens that programs come in with, from the server itself."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, summary in VERBS.items():
            verb = verbs.add_parser(name, help=summary)
            super().add_arguments(verb)
            if name == "create":
                self._add_wishes(verb)
            if name == "revoke":
                verb.add_argument("id", type=int, metavar="ID", help="the token's number, as `token list` has it")
                verb.add_argument("--yes", action="store_true", help="do not ask")

    def _add_wishes(self, verb: CommandParser) -> None:
        verb.add_argument("name", type=given, metavar="NAME", help="what the log of changes calls it")
        scopes = [scope.value for scope in Scope]
        verb.add_argument("--scope", choices=scopes, required=True, help="how far it reaches")
        verb.add_argument("--user", type=given, metavar="ID", help="bind it to this user's sessions")
        verb.add_argument("--days", type=int, metavar="N", help="let it end after so many days; else it does not end")
        verb.add_argument("--requests-per-minute", type=int, metavar="N", help="a limit of its own")

    def run(self, *, verb: str, json: bool, **options: Any) -> int:
        result, text = getattr(self, f"_{verb}")(options)
        self.tell(result, as_json=json, text=text)
        return 0

    def _list(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        tokens = actions.list_tokens()
        return {"tokens": [_record(one) for one in tokens]}, "\n".join(_line(one) for one in tokens) or "None."

    def _create(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        token, secret = actions.create_token(
            options["name"],
            scope=Scope(options["scope"]),
            user_id=options["user"] or "",
            days=options["days"],
            requests_per_minute=options["requests_per_minute"],
            actor=self.actor,
        )
        told = {"token": _record(token), "secret": secret}
        return told, f"{_line(token)}\nSecret: {secret}  (shown only this once)"

    def _revoke(self, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
        token = actions.get_token(options["id"])
        question = f"Revoke the token {token.name!r} ({token.prefix}…)? This cannot be undone."
        if not options["yes"] and not confirmed(question):
            raise CommandError("Nothing was revoked; --yes does it without asking.")
        token = actions.revoke_token(token.pk, actor=self.actor)
        return {"token": _record(token)}, _line(token)


def _record(token: Token) -> dict[str, Any]:
    shown = {name: getattr(token, name) for name in (*_SHOWN, *_SHOWN_LATER)}
    return {**shown, "usable": actions.is_usable(token)}


def _line(token: Token) -> str:
    state = "" if actions.is_usable(token) else "  revoked" if token.revoked_at else "  expired"
    user = f"  for {token.user_id}" if token.user_id else ""
    ends = f"{token.expires_at:%Y-%m-%d}" if token.expires_at else "never"
    used = f"{token.last_used_at:%Y-%m-%d %H:%M} UTC" if token.last_used_at else "never"
    return f"{token.pk}  {token.name}  {token.scope}{user}  {token.prefix}…{state}  ends: {ends}  last used: {used}"
