"""Every page that GET answers, by the name of its address; a test asserts that none is missing."""

PAGES = {
    "list": "/",
    "detail": "/sessions/main/",
    "interaction": "/sessions/main/i/1/",
    "context": "/sessions/main/context/",
    "export": "/sessions/main/export.json",
    "merge": "/sessions/main/merge/?with_session=other",
    "resume-link": "/r/main",
    "purge": "/sessions/in-trash/purge/",
    "cleanup": "/cleanup/?idle_days=7&purge=on",
    "trash": "/trash/",
    "health": "/health/",
}
POSTS = {
    "resume": "/sessions/main/resume/",
    "hold": "/sessions/main/hold/",
    "release": "/sessions/main/release/",
    "trash-session": "/sessions/main/trash/",
    "restore": "/sessions/main/restore/",
    "unmerge": "/merges/00000000-0000-7000-8000-000000000000/undo/",
    "cleanup-apply": "/cleanup/apply/",
}
OPEN = {"sign-in", "sign-out"}
ADMIN_TABLES = ("session", "interaction", "sessiontag", "profile", "merge", "tombstone", "auditevent", "schedule")
