"""Where everything lies in the data directory. Pure: nothing here touches the disk.

sessions/<first two>/<session_id>.jsonl   the journal          tombstones/<first two>/<session_id>.jsonl
sessions/<first two>/<session_id>.json    the present state    trash/<first two>/<session_id>.jsonl, .trash
profiles/<first two>/<SHA-256 of user_id>.jsonl                quarantine/   locks/   sessions/*.json (old system)
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

JOURNAL_SUFFIX = ".jsonl"
DOCUMENT_SUFFIX = ".json"
TRASH_SUFFIX = ".trash"
TEMPORARY_PREFIX = ".new-"
LOCK_STRIPES = 256
_SAFE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}", re.ASCII)


def is_safe_id(session_id: str) -> bool:
    """Whether an ID may name a file: letters, digits, `-`, `_` and `.`, no leading dot, at most 128 characters."""
    return _SAFE_ID.fullmatch(session_id) is not None


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below one data directory (absolute)."""

    root: Path

    @property
    def sessions(self) -> Path:
        return self.root / "sessions"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @property
    def tombstones(self) -> Path:
        return self.root / "tombstones"

    @property
    def profiles(self) -> Path:
        return self.root / "profiles"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def folders_lock(self) -> Path:
        """Held to set aside what stands where a two-character folder belongs; taken behind a session's lock."""
        return self.locks / "folders.lock"

    @lru_cache(maxsize=4096)  # noqa: B019  (a handful of layouts, each a value)
    def journal(self, session_id: str) -> Path:
        return _shard(self.sessions, session_id) / (session_id + JOURNAL_SUFFIX)

    def document(self, session_id: str) -> Path:
        return _shard(self.sessions, session_id) / (session_id + DOCUMENT_SUFFIX)

    def trashed_journal(self, session_id: str) -> Path:
        return _shard(self.trash, session_id) / (session_id + JOURNAL_SUFFIX)

    def trash_record(self, session_id: str) -> Path:
        return _shard(self.trash, session_id) / (session_id + TRASH_SUFFIX)

    def tombstone(self, session_id: str) -> Path:
        return _shard(self.tombstones, session_id) / (session_id + JOURNAL_SUFFIX)

    def old_document(self, session_id: str) -> Path:
        """Where the system that this one replaces kept a session."""
        return self.sessions / (session_id + DOCUMENT_SUFFIX)

    def profile(self, user_id: str) -> Path:
        """User IDs may hold anything, so the file is named by their hash."""
        name = hashlib.sha256(user_id.encode()).hexdigest()
        return _shard(self.profiles, name) / (name + JOURNAL_SUFFIX)

    @lru_cache(maxsize=4096)  # noqa: B019
    def lock(self, key: str) -> Path:
        """One of 256 lock files; two keys may share one, which costs a wait and nothing else."""
        stripe = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()[0] % LOCK_STRIPES
        return self.locks / f"{stripe:02x}.lock"


def _shard(folder: Path, name: str) -> Path:
    return folder / name[:2]
