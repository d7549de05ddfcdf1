"""Imports: how far they are, what was found, what was done."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLine:
    """An import as it stands: `bytes_done` of `size_bytes` are through the stage that `state` names.

    `state` is waiting, examining, ready (waits to be confirmed), queued, importing, done, failed (`error` says why),
    cancelled, undoing or undone.
    """

    import_id: str
    created_at: datetime
    created_by: str
    state: str
    size_bytes: int
    bytes_done: int
    file_names: list[str] = field(default_factory=list)
    user_id: str = ""
    tags: list[str] = field(default_factory=list)
    format: str = ""
    error: str = ""
    finished_at: datetime | None = None
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(ImportLine):
    """The same with what was found in the files (`preview`), and what became of it (`report`)."""

    preview: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportList:
    """A page of imports, the latest first; `next_cursor` is "" on the last."""

    imports: list[ImportLine]
    next_cursor: str = ""
