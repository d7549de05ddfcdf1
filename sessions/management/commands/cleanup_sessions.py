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
        # Told as it was before anything is taken, since a plan that was applied holds nothing more.
        told: dict[str, Any] = _as_json(plan) if json else {}
        text = "" if json else _as_text(plan)
        if dry_run or plan.count == 0:
            self.tell(told, as_json=json, text=text)
            return 0
        if not json:
            self.say(text)
        if not yes and not confirmed(_question(plan)):
            raise CommandError("Nothing was touched. Confirm with y at a terminal, or pass --yes.")
        result = actions.apply_cleanup(plan.token, actor=self.actor, confirmed_sessions=plan.count)
        self.tell(
            {**told, "result": asdict(result)},
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
        "size_bytes": _size_bytes(plan),
        "to_trash": [asdict(item) for item in actions.all_planned(plan, "trash")],
        "to_purge": [asdict(item) for item in actions.all_planned(plan, "purge")],
        "excluded": [asdict(item) for item in actions.all_planned(plan, "spared")],
    }


def _as_text(plan: CleanupPlan) -> str:
    lines = [f"Idle since before {plan.cutoff:%Y-%m-%d %H:%M} UTC ({plan.idle_days} days):"]
    for verb, count in (("trash", plan.trash_count), ("purge", plan.purge_count)):
        lines += [
            f"  {verb}  {item.session_id}  {item.user_id}  last active {item.last_activity_at:%Y-%m-%d}  "
            f"{item.interaction_count} interactions  {megabytes(item.size_bytes)}"
            for item in actions.planned(plan, verb, limit=_SHOWN).items
        ]
        if count > _SHOWN:
            lines.append(f"  ... and {count - _SHOWN} more to {verb}; --json lists all")
    spared = actions.planned(plan, "spared", limit=_SHOWN).items
    lines += [f"  spare  {one.session_id}  {one.reason}" for one in spared]
    lines.append(
        f"{plan.trash_count} to trash, {plan.purge_count} to purge, {plan.spared_count} spared, "
        f"{megabytes(_size_bytes(plan))} of journals, {plan.store_sessions} sessions in the store."
    )
    return "\n".join(lines)


def _size_bytes(plan: CleanupPlan) -> int:
    return actions.plan_size(plan, measured=None).size_bytes
