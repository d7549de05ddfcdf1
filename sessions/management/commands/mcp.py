"""`manage.py mcp`: the tools for agents on standard input and output."""

import signal
from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.management.base import StoreCommand, given
from sessions.records import Actor, Caller, Face, Scope


class Command(StoreCommand):
    help = "Serve the Model Context Protocol on standard input and output, for a client that starts this command."

    def add_arguments(self, parser: CommandParser) -> None:
        # Not `--json`: what is printed is the protocol, whoever asks.
        parser.add_argument(
            "--scope",
            choices=[scope.value for scope in Scope],
            default=Scope.WRITE.value,
            help="how far the tools reach; `write` where nothing is said",
        )
        parser.add_argument("--user", type=given, metavar="ID", help="serve this user's sessions alone, and no others")

    def run(self, *, scope: str, user: str | None, **options: Any) -> int:
        # The SDK is long in loading; `manage.py help` need not wait for it.
        from sessions.mcp_server.stdio import serve_stdio

        # The thread that waits for input cannot be called off; what was acknowledged is on the disk.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # A store that was never made is told of now, by a person's terminal or a client's log, not with the first call.
        actions.session_ids_beginning("", limit=1)
        user_id = actions.resolve_user(user) if user else ""
        serve_stdio(Caller(Actor(self.actor.name, Face.MCP), Scope(scope), user_id))
        return 0
