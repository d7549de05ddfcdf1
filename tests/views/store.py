"""A store of any size, made quickly: for questions about pages that do not depend on the actions."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from sessions.models import (
    AuditEvent,
    BulkItem,
    BulkRun,
    CleanupRun,
    Import,
    ImportedPart,
    Interaction,
    Merge,
    Profile,
    SavedView,
    Schedule,
    Session,
    SessionModel,
    SessionTag,
    Token,
    Tombstone,
    UserMerge,
)

RULE = {"idle_days": 7, "trash_days": 30, "user_id": "", "purge": True, "settled_days": 0}
ORIGIN = {"merge_id": "00000000-0000-7000-8000-000000000000", "session_id": "gone-1", "sequence": 1}

NOTE = {
    "id": "00000000-0000-7000-8000-000000000001",
    "text": "A note",
    "author": "alice",
    "written_at": "2026-03-01T12:00:00+00:00",
    "edited_at": None,
}


def make_pages_work() -> None:
    """The sessions that the addresses in pages.py name."""
    now = timezone.now()
    Session.objects.create(
        pk="main", user_id="alice", title="Main", active_topics=["one"], project_context={"a": 1}, notes=[NOTE]
    )
    Session.objects.create(pk="other", user_id="alice", context_summary="Other")
    Session.objects.create(pk="in-trash", user_id="alice", trashed_at=now, trashed_by="alice")
    add_interactions("main", 1, 1)
    Merge.objects.create(pk="00000000-0000-7000-8000-00000000e001", survivor_id="main", absorbed_id="gone")
    plan_a_run()
    CleanupRun.objects.create(pk="00000000-0000-7000-8000-00000000c001", actor="alice", face="browser", rule=RULE)
    run = Import.objects.create(
        pk="00000000-0000-7000-8000-00000000a001",
        created_by="alice",
        face="browser",
        state="ready",
        file_names=["a.zip"],
    )
    ImportedPart.objects.create(run=run, session_id="main", is_new=True, first=1, last=1, interactions=1)
    User.objects.create(pk=4711, username="somebody", is_staff=True)
    Token.objects.create(pk=4711, name="laptop", prefix="sst_abcdef", digest="d", scope="write", made_by="alice")


def plan_a_run() -> None:
    """A run over `main` and `other`, planned and not begun."""
    run = BulkRun.objects.create(pk="00000000-0000-7000-8000-00000000b001", verb="hold", actor="alice", total=2)
    BulkItem.objects.bulk_create([BulkItem(run=run, session_id=pk) for pk in ("main", "other")])


def grow(start: int, end: int) -> None:
    """Rows from one number to another in every table, and as many on the session `main`."""
    now = timezone.now()
    numbers = range(start, end)
    sessions = []
    for number in numbers:
        sessions += [
            Session(pk=f"active-{number}", user_id="alice", source=f"source-{number % 3}", opening="Hello"),
            Session(pk=f"expired-{number}", user_id="alice", last_activity_at=now - timedelta(days=20)),
            Session(pk=f"trashed-{number}", trashed_at=now - timedelta(days=60), trashed_by="alice"),
        ]
        sessions[-2].settled_at = now - timedelta(days=20)
    Session.objects.bulk_create(sessions)
    SessionTag.objects.bulk_create(
        [SessionTag(session_id=f"active-{n}", name="tag") for n in numbers]
        + [SessionTag(session_id="main", name=f"tag-{n}") for n in numbers]
    )
    SessionModel.objects.bulk_create([SessionModel(session_id="main", name=f"model-{n}") for n in numbers])
    add_interactions("main", start + 2, end + 2)
    add_interactions("other", start + 1, end + 1)
    Merge.objects.bulk_create([Merge(survivor_id="main", absorbed_id=f"gone-{n}", merged_by="alice") for n in numbers])
    Tombstone.objects.bulk_create([Tombstone(pk=f"gone-{n}", purged_by="alice") for n in numbers])
    Profile.objects.bulk_create([Profile(pk=f"user-{n}") for n in numbers])
    CleanupRun.objects.bulk_create(
        [CleanupRun(actor="alice", face="browser", rule=RULE, at=now - timedelta(minutes=n + 1)) for n in numbers]
    )
    imports = [
        Import(created_by="alice", face="browser", state="done", report={"sessions_created": n, "added": n + 1})
        for n in numbers
    ]
    Import.objects.bulk_create(imports)
    ImportedPart.objects.bulk_create(
        [
            ImportedPart(run=run, session_id="main", first=n + 1, last=n + 1, interactions=1)
            for n, run in zip(numbers, imports, strict=True)
        ]
    )
    Schedule.objects.bulk_create([Schedule(pk=f"job-{n}", next_run_at=now) for n in numbers])
    AuditEvent.objects.bulk_create(
        [AuditEvent(actor="alice", face="browser", verb="tested", session_id="main") for _ in numbers]
    )
    User.objects.bulk_create([User(username=f"reader-{n}", is_staff=True) for n in numbers])
    Token.objects.bulk_create(
        [Token(name=f"token-{n}", prefix="sst_abcdef", digest=f"d{n}", scope="read", made_by="alice") for n in numbers]
    )
    owner = User.objects.get(username="reader-0")
    SavedView.objects.bulk_create([SavedView(owner=owner, name=f"view-{n}", is_shared=True) for n in numbers])
    BulkRun.objects.bulk_create([BulkRun(verb="hold", actor="alice") for _ in numbers])
    UserMerge.objects.bulk_create([UserMerge(kept_id="alice", absorbed_id=f"other-{n}") for n in numbers])


def add_interactions(session_id: str, start: int, end: int) -> None:
    end = max(end, start + 1)
    rows = [
        Interaction(
            session_id=session_id,
            sequence=number,
            revision=number,
            kind="tool_response" if number % 2 else "tool_call",
            prompt=f"request {number}",
            tool_name="" if number % 2 else "Bash",
            metadata={"tool_use_id": str(number // 2)},
            idempotency_key=f"key-{number}",
            origins=[ORIGIN] if number % 5 == 0 else [],
        )
        for number in range(start, end)
    ]
    Interaction.objects.bulk_create(rows)
    Session.objects.filter(pk=session_id).update(last_sequence=end - 1, interaction_count=end - 1)
