"""`manage.py list_sessions`: sessions, latest activity first."""

from typing import Any

from django.core.management.base import CommandParser

from sessions import actions, conf
from sessions.actions import STATES, SessionFilters
from sessions.management.base import StoreCommand, given
from sessions.models import Session


class Command(StoreCommand):
    help = "List sessions, latest activity first."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--state", choices=STATES, default="active")
        parser.add_argument("--user", type=given, metavar="ID")
        parser.add_argument("--source", type=given)
        parser.add_argument("--tag", type=given)
        parser.add_argument("--limit", type=int, default=50, help="1 to 500")
        parser.add_argument("--cursor", default="", help="where the last page ended")

    def run(
        self,
        *,
        state: str,
        user: str | None,
        source: str | None,
        tag: str | None,
        limit: int,
        cursor: str,
        json: bool,
        **options: Any,
    ) -> int:
        filters = SessionFilters(state=state, user_id=user or "", source=source or "", tag=tag or "")
        page = actions.list_sessions(filters, cursor=cursor, limit=limit)
        rows = [_row(session) for session in page.sessions]
        lines = [
            f"{row['session_id']}  {row['state']:8}  {row['last_activity'][:16]}  {row['total_interactions']:6}  "
            f"{row['user_id']}  {' '.join(row['title'].split())}"
            for row in rows
        ]
        more = [f"More: --cursor {page.next_cursor}"] if page.next_cursor else []
        self.tell(
            {"sessions": rows, "next_cursor": page.next_cursor},
            as_json=json,
            text="\n".join([*lines, *more]) or "No sessions.",
        )
        return 0


def _row(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.pk,
        "state": str(session.state(conf.expires_before())),
        "last_activity": session.last_activity_at.isoformat(),
        "total_interactions": session.total_interactions,
        "user_id": session.user_id,
        "title": str(session),
    }
