"""What the two databases do differently, said once."""

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction


def run_relaxed(sql: str, parameters: Sequence[Any]) -> None:
    """Run one statement whose commit does not wait for the disk. Only for what can be found out anew."""
    using = connections[DEFAULT_DB_ALIAS]
    if using.vendor == "sqlite":
        using.run_relaxed(sql, parameters)  # type: ignore[attr-defined]  # sessionsite.sqlite
        return
    with transaction.atomic(), using.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(sql, parameters)
