"""`manage.py merge_sessions SURVIVOR ABSORBED`, and `--undo MERGE`."""

from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.management.base import StoreCommand, WrongCall, given


class Command(StoreCommand):
    help = "Merge one session into another, or undo a merge at any later time."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("survivor", nargs="?", help="the session that stays")
        parser.add_argument("absorbed", nargs="?", help="the session whose interactions move to it")
        parser.add_argument("--undo", type=given, metavar="MERGE", help="the ID of the merge to undo")
        parser.add_argument("--dry-run", action="store_true", help="show what would be combined, change nothing")

    def run(
        self,
        *,
        survivor: str | None,
        absorbed: str | None,
        undo: str | None,
        dry_run: bool,
        json: bool,
        **options: Any,
    ) -> int:
        if undo and (survivor or absorbed or dry_run):
            raise WrongCall("--undo MERGE takes nothing else; `manage.py export_sessions` shows what a session holds.")
        if undo:
            merge = actions.unmerge(undo, actor=self.actor)
            text = f"Undone: {merge.absorbed_id} is a session of its own again."
        elif not survivor or not absorbed:
            raise WrongCall("Name the survivor and the absorbed session, or --undo MERGE.")
        elif dry_run:
            return self._preview(survivor, absorbed, json)
        else:
            merge = actions.merge_sessions(survivor, absorbed=absorbed, actor=self.actor)
            text = (
                f"Merged {merge.absorbed_id} into {merge.survivor_id}. Undo: manage.py merge_sessions --undo {merge.pk}"
            )
        result = {"merge": str(merge.pk), "survivor": merge.survivor_id, "absorbed": merge.absorbed_id}
        self.tell(result, as_json=json, text=text)
        return 0

    def _preview(self, survivor: str, absorbed: str, json: bool) -> int:
        preview = actions.preview_merge(survivor, absorbed)
        conflicts = [one.field for one in preview.context if one.conflict]
        self.tell(
            {
                "survivor": preview.survivor.pk,
                "absorbed": preview.absorbed.pk,
                "from_survivor": preview.interactions_from_survivor,
                "from_absorbed": preview.interactions_from_absorbed,
                "duplicates": preview.duplicates,
                "total": preview.total,
                "conflicts": conflicts,
            },
            as_json=json,
            text=f"{preview.interactions_from_survivor} + {preview.interactions_from_absorbed} interactions make "
            f"{preview.total}; {preview.duplicates} stand in both. The survivor's value stands for: "
            f"{', '.join(conflicts) or 'no conflict'}.",
        )
        return 0
