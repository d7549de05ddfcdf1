"""Looking at a test's files and rows from outside, and losing either of them."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from sessions import actions
from sessions.mirror import drain, replay
from sessions.mirror.layout import Layout
from sessions.mirror.replay import Image
from sessions.mirror.verify import Finding
from sessions.models import (
    AuditEvent,
    Interaction,
    Merge,
    Profile,
    Session,
    SessionModel,
    SessionTag,
    Tombstone,
    UserMerge,
)
from tests.builders import ALICE


def places() -> Layout:
    return drain.layout()


def journal_of(session: Session | str) -> Path:
    return places().journal(session if isinstance(session, str) else session.pk)


def image_of(session: Session | str) -> Image:
    return replay.read_image(journal_of(session))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def findings() -> list[Finding]:
    return list(actions.verify_mirror())


def kinds() -> set[str]:
    return {finding.kind for finding in findings()}


def repair() -> list[Finding]:
    return actions.repair_mirror(actor=ALICE)


def reconcile() -> actions.Reconciliation:
    return actions.reconcile_copies(actor=ALICE)


def lose_database() -> None:
    """Empty every table that the files can bring back."""
    for model in (Interaction, SessionTag, SessionModel, Merge, Tombstone, Profile, UserMerge, AuditEvent):
        model._default_manager.all()._raw_delete("default")
    Session.objects.update(merged_into=None)
    Session.objects.all()._raw_delete("default")


def lose_files() -> None:
    for folder in (places().sessions, places().trash, places().tombstones, places().profiles):
        shutil.rmtree(folder, ignore_errors=True)


def quarantined_bytes(key: str) -> list[bytes]:
    """What the quarantine holds of a key, by time, regular files only."""
    files = [places().root / one.file for one in actions.quarantined() if one.key == key]
    return [path.read_bytes() for path in files if path.is_file() and not path.is_symlink()]


def digests(folder: Path) -> dict[str, str]:
    """Every regular file below a folder, with its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
