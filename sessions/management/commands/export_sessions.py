"""`manage.py export_sessions`: sessions in any format, to standard output, into a folder or into a ZIP."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.actions import SessionFilters
from sessions.exporters import catalogue
from sessions.management import choosing, exporting
from sessions.management.base import StoreCommand, WrongCall
from sessions.mirror import journal


class Command(StoreCommand):
    help = "Export sessions: one to standard output, or several into a folder or a ZIP; or verify such an export."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        choosing.add_arguments(parser)
        parser.add_argument("--format", choices=list(catalogue.FORMATS), default=catalogue.DEFAULT)
        parser.add_argument(
            "--to", type=Path, metavar="FOLDER|FILE.zip", help="a folder, where the same call goes on; or a ZIP"
        )
        parser.add_argument("--verify", type=Path, metavar="PATH", help="check an export's ZIP or folder")

    def run(self, *, to: Path | None, verify: Path | None, format: str, json: bool, **options: Any) -> int:
        if verify is not None:
            return exporting.tell_verified(self, verify, as_json=json)
        if to is None and len(options["session_ids"]) != 1:
            raise WrongCall("Several sessions need --to FOLDER or --to FILE.zip; without it, name one by its ID.")
        sessions = choosing.chosen(options)
        with exporting.interruptible(to):
            if to is None:
                for piece in actions.export_session(options["session_ids"][0], format):
                    self.stdout.write(piece, ending="")
            elif to.suffix.lower() == ".zip":
                self._pack(to, sessions, format, as_json=json)
            else:
                self._write(to, sessions, format, as_json=json)
        return 0

    def _pack(self, to: Path, sessions: list[str] | SessionFilters, format: str, *, as_json: bool) -> None:
        bar = exporting.Progress(self, actions.count_chosen(sessions))
        journal.replace_bytes(to.absolute(), actions.export_archive(sessions, format, progress=bar.packed))
        bar.end()
        told = {"documents": bar.tally.documents, "left_out": bar.tally.left_out, "bytes": bar.tally.size_bytes}
        self.tell({**told, "archive": str(to)}, as_json=as_json, text=f"{exporting.in_words(**told)} in {to}")

    def _write(self, to: Path, sessions: list[str] | SessionFilters, format: str, *, as_json: bool) -> None:
        bar = exporting.Progress(self, actions.count_chosen(sessions))
        done = actions.export_into(to, sessions, format, progress=bar.written)
        bar.end()
        told = {"written": done.written, "kept": done.kept, "left_out": done.left_out}
        text = f"{done.written:,} written, {done.kept:,} unchanged, {done.left_out:,} left out in {to}"
        self.tell({**told, "bytes": done.written_bytes, "folder": str(to)}, as_json=as_json, text=text)
