"""`manage.py export_sessions ID...`: complete JSON documents, to standard output or into a folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.management.base import StoreCommand, WrongCall
from sessions.mirror import journal


class Command(StoreCommand):
    help = "Export sessions as complete JSON documents: one to standard output, or several into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("session_ids", nargs="+", metavar="ID")
        parser.add_argument("--to", type=Path, metavar="FOLDER", help="write <ID>.json files there, atomically")

    def run(self, *, session_ids: list[str], to: Path | None, json: bool, **options: Any) -> int:
        if to is None:
            if len(session_ids) > 1:
                raise WrongCall("Several sessions need --to FOLDER.")
            for piece in actions.export_session(session_ids[0]):
                self.stdout.write(piece, ending="")
            return 0
        # An unknown one is told before any is written; two IDs of one merged session are one document.
        found = dict.fromkeys(actions.get_session(session_id).pk for session_id in session_ids)
        written = [str(_write(to, session_id)) for session_id in found]
        self.tell({"written": written}, as_json=json, text="\n".join(written))
        return 0


def _write(folder: Path, session_id: str) -> Path:
    target = folder.absolute() / f"{session_id}.json"
    journal.replace_bytes(target, (piece.encode() for piece in actions.export_session(session_id)))
    return target
