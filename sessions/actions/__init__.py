"""The verbs. A face calls one of them; each is one transaction, its audit row included.

Everything a face needs is importable from here.
"""

from .begin import Beginning, create_or_resume, create_session, new_session_id, resume_session
from .canonical import session_dump, store_digest, store_lines
from .cleanup import (
    CleanupItem,
    CleanupPlan,
    CleanupResult,
    CleanupRule,
    Excluded,
    apply_cleanup,
    plan_cleanup,
)
from .context import ContextChanges, update_context, update_profile
from .copies import (
    Adoption,
    MirrorStatus,
    Reconciliation,
    keep_database,
    keep_journal,
    mirror_status,
    quarantined,
    reconcile_copies,
    repair_mirror,
    settle_mirror,
    verify_mirror,
)
from .export import export_document, export_session
from .find import (
    STATES,
    InteractionPage,
    SessionFilters,
    SessionPage,
    find_row,
    get_session,
    journal_path,
    known_sources,
    list_interactions,
    list_sessions,
    matching,
)
from .imports import ImportReport, adopt, import_events, import_source
from .life import hold_session, purge_session, release_hold, restore_session, trash_session
from .log import log_interaction, log_interactions
from .merging import (
    ContextMerge,
    MergePreview,
    TimelineItem,
    merge_sessions,
    merges_of,
    preview_merge,
    unmerge,
)
from .schedules import CLEANUP, run_due_schedules

__all__ = [
    "CLEANUP",
    "STATES",
    "Adoption",
    "Beginning",
    "CleanupItem",
    "CleanupPlan",
    "CleanupResult",
    "CleanupRule",
    "ContextChanges",
    "ContextMerge",
    "Excluded",
    "ImportReport",
    "InteractionPage",
    "MergePreview",
    "MirrorStatus",
    "Reconciliation",
    "SessionFilters",
    "SessionPage",
    "TimelineItem",
    "adopt",
    "apply_cleanup",
    "create_or_resume",
    "create_session",
    "export_document",
    "export_session",
    "find_row",
    "get_session",
    "hold_session",
    "import_events",
    "import_source",
    "journal_path",
    "keep_database",
    "keep_journal",
    "known_sources",
    "list_interactions",
    "list_sessions",
    "log_interaction",
    "log_interactions",
    "matching",
    "merge_sessions",
    "merges_of",
    "mirror_status",
    "new_session_id",
    "plan_cleanup",
    "preview_merge",
    "purge_session",
    "quarantined",
    "reconcile_copies",
    "release_hold",
    "repair_mirror",
    "restore_session",
    "resume_session",
    "run_due_schedules",
    "session_dump",
    "settle_mirror",
    "store_digest",
    "store_lines",
    "trash_session",
    "unmerge",
    "update_context",
    "update_profile",
    "verify_mirror",
]
