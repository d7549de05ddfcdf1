"""Imports: how far they are, what was found, what was done."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from sessions.models import Import

from .base import Outgoing


class ImportLine(Outgoing):
    """An import as it stands. `bytes_done` of `size_bytes` are through the stage that `state` names."""

    import_id: UUID
    created_at: datetime
    created_by: str
    state: str = Field(
        description="waiting, examining, ready (waits to be confirmed), queued, importing, done, failed, cancelled, "
        "undoing or undone."
    )
    file_names: list[str]
    size_bytes: int
    bytes_done: int
    user_id: str = ""
    tags: list[str]
    format: str = ""
    error: str = ""
    finished_at: datetime | None = None
    undone_at: datetime | None = None

    @classmethod
    def of(cls, run: Import) -> Self:
        return cls(**cls._members(run))

    @classmethod
    def _members(cls, run: Import) -> dict[str, Any]:
        options = {name: run.options.get(name) or empty for name, empty in (("user_id", ""), ("format", ""))}
        same = ("created_at", "created_by", "state", "file_names", "size_bytes", "bytes_done", "error")
        return {
            **{name: getattr(run, name) for name in (*same, "finished_at", "undone_at")},
            **options,
            "import_id": run.pk,
            "tags": run.options.get("tags") or [],
        }


class ImportOut(ImportLine):
    """The same with what was found in the files, and what became of it."""

    preview: dict[str, Any] = Field(description="What was found, once it was examined; {} before.")
    report: dict[str, Any] = Field(description="What was done, once it is done; `undo` of it tells what undoing did.")

    @classmethod
    def _members(cls, run: Import) -> dict[str, Any]:
        return {**super()._members(run), "preview": run.preview, "report": run.report}


class ImportList(Outgoing):
    imports: list[ImportLine]
    next_cursor: str = ""
