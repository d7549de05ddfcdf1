"""`manage.py import_sessions PATH...`: take in conversations from other tools' files, or take an import back."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.actions import RecordedImport
from sessions.importers import Source, open_sources
from sessions.management.base import StoreCommand, WrongCall, given
from sessions.management.importing import (
    Interrupted,
    Progress,
    preview_as_text,
    readable,
    report_as_text,
    stoppable,
    undo_as_text,
)

_LISTED = 20


class Command(StoreCommand):
    help = (
        "Import the conversations of other tools: a file, a ZIP, a folder such as ~/.claude/projects, or - for stdin. "
        "Formats are recognised by content. Importing again adds only what is new, so an import that was "
        "interrupted is simply run again. Exit 1 when lines were damaged or refused; everything else is imported all "
        "the same."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
        parser.add_argument(
            "--format", type=given, metavar="NAME", help="read the files as this, whatever they look like"
        )
        parser.add_argument("--user", type=given, metavar="ID", help="the user of sessions whose source names none")
        parser.add_argument("--tag", action="append", default=[], metavar="NAME", help="tag the sessions; repeatable")
        parser.add_argument("--dry-run", action="store_true", help="tell what is in the files; write nothing")
        parser.add_argument("--list", action="store_true", help="list the latest imports")
        parser.add_argument("--undo", type=given, metavar="IMPORT_ID", help="take an import back")

    def run(self, *, paths: list[Path], json: bool, **options: Any) -> int:
        if options["list"] + bool(options["undo"]) + bool(paths) != 1:
            raise WrongCall("Name files or folders to import, or --list, or --undo: one of the three.")
        if options["list"]:
            return self._list(json)
        if options["undo"]:
            return self._undo(options["undo"], json)
        wanted = actions.checked_options(
            {"user_id": options["user"], "tags": options["tag"], "format": options["format"]}
        )
        with stoppable() as look, readable(paths) as (files, named):
            sources = [one for path in files for one in actions.as_format(open_sources(path), wanted["format"])]
            if options["dry_run"]:
                return self._preview(sources, named, look, json)
            return self._import(paths, sources, wanted, named, look, json)

    def _preview(
        self, sources: Sequence[Source], named: Callable[[str], str], look: Callable[[], None], json: bool
    ) -> int:
        found = actions.Preview(named)
        bar = Progress(self, sources, lambda: "nothing is written")
        try:
            for _ in found.steps(sources):
                bar.tick()
                look()
        except Interrupted as interrupted:
            return interrupted.code
        told = found.told()
        self.tell(told, as_json=json, text=preview_as_text(told))
        return 1 if told["damaged_count"] or told["refused"] else 0

    def _import(
        self,
        paths: Sequence[Path],
        sources: Sequence[Source],
        wanted: dict[str, Any],
        named: Callable[[str], str],
        look: Callable[[], None],
        json: bool,
    ) -> int:
        recorded = actions.record_import(
            [str(path.absolute()) if str(path) != "-" else "-" for path in paths],
            size_bytes=sum(source.size_bytes for source in sources),
            options=wanted,
            actor=self.actor,
            named=named,
        )
        code, error = 0, ""
        try:
            self._take_in(recorded, sources, wanted, look)
        except Interrupted as interrupted:
            code = interrupted.code
            error = "Interrupted. What was taken in is in the store; run it again to go on, which adds only the rest."
            self.progress(error)
        except BaseException as broken:
            recorded.finish("failed", f"It stopped at an error: {type(broken).__name__}.")
            raise
        report = recorded.finish("failed" if error else "done", error)
        told = {"import_id": str(recorded.run.pk), **report}
        self.tell(told, as_json=json, text=report_as_text(told))
        return code or (1 if report["damaged_count"] or report["refused"] else 0)

    def _take_in(
        self,
        recorded: RecordedImport,
        sources: Sequence[Source],
        wanted: dict[str, Any],
        look: Callable[[], None],
    ) -> None:
        report = recorded.report
        bar = Progress(
            self,
            sources,
            lambda: f"{report.sessions_touched} sessions, {report.added} interactions added, {report.known} known",
        )
        try:
            for source in sources:
                steps = actions.import_steps(
                    source,
                    actor=self.actor,
                    report=report,
                    user_id=wanted["user_id"] or None,
                    tags=wanted["tags"],
                    on_added=recorded.note,
                )
                for _ in steps:
                    bar.tick()
                    look()
        finally:
            bar.end()

    def _list(self, json: bool) -> int:
        found = actions.list_imports(limit=_LISTED)
        lines = [
            f"{one.pk}  {one.created_at:%Y-%m-%d %H:%M}  {one.state}  {one.report.get('added', 0)} added  "
            f"{', '.join(map(str, one.file_names[:3]))}"
            for one in found
        ]
        told = [
            {
                "id": str(one.pk),
                "created_at": one.created_at.isoformat(),
                "created_by": one.created_by,
                "face": one.face,
                "state": one.state,
                "file_names": one.file_names,
                "added": one.report.get("added", 0),
            }
            for one in found
        ]
        self.tell({"imports": told}, as_json=json, text="\n".join(lines) or "No import yet.")
        return 0

    def _undo(self, import_id: str, json: bool) -> int:
        run = actions.undo_import(import_id, actor=self.actor)
        run = actions.carry_out_undo(run.pk, actor=self.actor)
        undone = {name: value for name, value in run.report["undo"].items() if name != "after"}
        self.tell({"import_id": str(run.pk), **undone}, as_json=json, text=undo_as_text(undone))
        return 1 if undone["left_count"] else 0
