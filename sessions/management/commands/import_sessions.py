"""`manage.py import_sessions PATH...`: take in conversations from other tools' files."""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.actions import ImportReport
from sessions.importers import Source, open_sources
from sessions.management.base import StoreCommand, given, megabytes

_SECONDS_BETWEEN_LINES = 1.0
_SHOWN = 50


class Command(StoreCommand):
    help = (
        "Import Claude Code transcripts (a file, or all of ~/.claude/projects) and session documents of the old "
        "system. Formats are recognised by content. Importing again adds only what is new. Exit 1 when lines were "
        "damaged or refused; everything else is imported all the same."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument("--user", type=given, metavar="ID", help="the user of sessions whose source names none")
        parser.add_argument("--tag", action="append", default=[], metavar="NAME", help="tag the sessions; repeatable")

    def run(self, *, paths: list[Path], user: str | None, tag: list[str], json: bool, **options: Any) -> int:
        sources = [source for path in paths for source in open_sources(path)]
        report = ImportReport()
        bar = _Progress(self, sources)
        for source in sources:
            actions.import_source(
                source, actor=self.actor, report=report, user_id=user, tags=tag, progress=lambda: bar.tick(report)
            )
        bar.end(report)
        self.tell(_as_json(report), as_json=json, text=_as_text(report))
        return 1 if report.damaged_count or report.refused else 0


class _Progress:
    """A line a second: how many of all bytes are read, and what came of them."""

    def __init__(self, command: StoreCommand, sources: list[Source]) -> None:
        self._command = command
        self._sources = sources
        self._total = sum(source.size_bytes for source in sources)
        self._last = time.monotonic()

    def tick(self, report: ImportReport) -> None:
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self.end(report)

    def end(self, report: ImportReport) -> None:
        read = sum(source.bytes_read for source in self._sources)
        self._command.progress(
            f"{megabytes(read)} of {megabytes(self._total)} read: {report.sessions_touched} sessions, "
            f"{report.added} interactions added, {report.known} known"
        )


def _as_json(report: ImportReport) -> dict[str, Any]:
    return {
        "files": report.files,
        "sessions_created": report.sessions_created,
        "sessions_touched": report.sessions_touched,
        "added": report.added,
        "known": report.known,
        "set_aside": dict(report.set_aside),
        "damaged": [{"place": one.place, "reason": one.reason} for one in report.damaged],
        "damaged_count": report.damaged_count,
        "differing": report.differing,
        "differing_count": report.differing_count,
        "refused": dict(report.refused),
    }


def _as_text(report: ImportReport) -> str:
    lines = [f"damaged  {one.place}  {one.reason}" for one in report.damaged[:_SHOWN]]
    lines += [f"differs  {place}  left as it is in the store" for place in report.differing[:_SHOWN]]
    lines += [f"refused  {count} × {reason}" for reason, count in report.refused.most_common()]
    lines += [f"no conversation  {count} × {reason}" for reason, count in report.set_aside.most_common(_SHOWN)]
    lines.append(
        f"{report.files} files: {report.sessions_created} sessions created, {report.added} interactions added, "
        f"{report.known} known already, {report.differing_count} differing, {report.damaged_count} damaged lines."
    )
    if report.damaged_count:
        lines.append("The damaged lines' bytes are kept in the data directory's set-aside folder.")
    return "\n".join(lines)
