"""`manage.py cleanup_sessions`: put idle sessions into the trash, and purge what lay there long enough."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sessions import actions
from sessions.actions import CleanupPlan
from sessions.management.base import StoreCommand, confirmed, given, megabytes

_SHOWN = 50


class Command(StoreCommand):
    help = (
        "Show which idle sessions a cleanup takes, and take them after a yes. Held sessions are spared; what is "
        "taken lies in the trash and can be restored. Exit 1 when the cleanup was declined or stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--older-than", type=int, metavar="DAYS", help="idle for more days than this (SESSIONSITE_EXPIRE_DAYS)"
        )
        parser.add_argument("--user", type=given, metavar="ID", help="only this user's sessions")
        parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
        parser.add_argument("--purge", action="store_true", help="also purge what lay in the trash long enough")
        parser.add_argument("--yes", action="store_true", help="do not ask, not even over the brake")

    def run(
        self,
        *,
        older_than: int | None,
        user: str | None,
        dry_run: bool,
        purge: bool,
        yes: bool,
        json: bool,
        **options: Any,
    ) -> int:
        plan = actions.plan_cleanup(idle_days=older_than, user_id=user or "", purge=purge)
        if dry_run or plan.count == 0:
            self.tell(_as_json(plan), as_json=json, text=_as_text(plan))
            return 0
        if not json:
            self.say(_as_text(plan))
        if not yes and not confirmed(_question(plan)):
            raise CommandError("Nothing was touched. Confirm with y at a terminal, or pass --yes.")
        result = actions.apply_cleanup(plan.token, actor=self.actor, confirmed_sessions=plan.count)
        self.tell(
            {**_as_json(plan), "result": asdict(result)},
            as_json=json,
            text=f"{result.trashed} put into the trash, {result.purged} purged, {result.skipped} skipped because "
            f"they were touched meanwhile.",
        )
        return 0


def _question(plan: CleanupPlan) -> str:
    share = f" That is a large part of the store ({plan.store_sessions} sessions)!" if plan.braked else ""
    return f"Clean up {plan.count} sessions?{share}"


def _as_json(plan: CleanupPlan) -> dict[str, Any]:
    return {
        "rule": asdict(plan.rule),
        "cutoff": plan.cutoff.isoformat(),
        "store_sessions": plan.store_sessions,
        "braked": plan.braked,
        "size_bytes": plan.size_bytes,
        "to_trash": [asdict(item) for item in plan.to_trash],
        "to_purge": [asdict(item) for item in plan.to_purge],
        "excluded": [asdict(item) for item in plan.excluded],
    }


def _as_text(plan: CleanupPlan) -> str:
    lines = [f"Idle since before {plan.cutoff:%Y-%m-%d %H:%M} UTC ({plan.idle_days} days):"]
    for verb, items in (("trash", plan.to_trash), ("purge", plan.to_purge)):
        lines += [
            f"  {verb}  {item.session_id}  {item.user_id}  last active {item.last_activity_at:%Y-%m-%d}  "
            f"{item.interaction_count} interactions  {megabytes(item.size_bytes)}"
            for item in items[:_SHOWN]
        ]
        if len(items) > _SHOWN:
            lines.append(f"  ... and {len(items) - _SHOWN} more to {verb}; --json lists all")
    lines += [f"  spare  {one.session_id}  {one.reason}" for one in plan.excluded[:_SHOWN]]
    lines.append(
        f"{len(plan.to_trash)} to trash, {len(plan.to_purge)} to purge, {len(plan.excluded)} spared, "
        f"{megabytes(plan.size_bytes)} of journals, {plan.store_sessions} sessions in the store."
    )
    return "\n".join(lines)
