"""`manage.py merge_sessions SURVIVOR ABSORBED...`, and `--undo MERGE`."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.management.base import StoreCommand, WrongCall, given


class Command(StoreCommand):
    help = "Merge sessions into one, all or none, or undo a merge at any later time."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("survivor", nargs="?", help="the session that stays")
        parser.add_argument("absorbed", nargs="*", type=given, help="the sessions whose interactions move to it")
        parser.add_argument(
            "--keep",
            action="append",
            default=[],
            metavar="FIELD=SESSION",
            help="whose value stands where they differ, or `both` to join lists and summaries; FIELD.KEY in an object",
        )
        parser.add_argument(
            "--undo", type=given, metavar="MERGE", help="the ID of the merge to undo, or of one session's part in it"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would be combined, change nothing")

    def run(
        self,
        *,
        survivor: str | None,
        absorbed: list[str],
        keep: list[str],
        undo: str | None,
        dry_run: bool,
        json: bool,
        **options: Any,
    ) -> int:
        if undo and (survivor or absorbed or keep or dry_run):
            raise WrongCall("--undo MERGE takes nothing else; `manage.py export_sessions` shows what a session holds.")
        if undo:
            done = actions.unmerge(undo, actor=self.actor)
            verb = "is a session of its own" if len(done.merges) == 1 else "are sessions of their own"
            text = f"Undone: {', '.join(done.absorbed_ids)} {verb} again."
        elif not survivor or not absorbed:
            raise WrongCall("Name the survivor and what it absorbs, or --undo MERGE.")
        elif dry_run:
            return self._preview(survivor, absorbed, json)
        else:
            done = actions.merge_sessions(survivor, absorbed=absorbed, choices=_choices(keep), actor=self.actor)
            undoing = f"manage.py merge_sessions --undo {done.pk}"
            text = f"Merged {', '.join(done.absorbed_ids)} into {done.survivor_id}. Undo: {undoing}"
        names = done.absorbed_ids
        result = {"merge": str(done.pk), "survivor": done.survivor_id, "absorbed": names if names[1:] else names[0]}
        self.tell(result, as_json=json, text=text)
        return 0

    def _preview(self, survivor: str, absorbed: Sequence[str], json: bool) -> int:
        preview = actions.preview_merge(survivor, absorbed)
        _, *others = preview.sessions
        conflicts = list(dict.fromkeys(one.field for one in preview.questions if one.default != "both"))
        figures = {
            "from_survivor": preview.survivor.interaction_count,
            "from_absorbed": sum(preview.moving.values()),
            "duplicates": sum(preview.duplicates.values()),
            "total": preview.total,
        }
        names = [other.pk for other in others]
        self.tell(
            {
                "survivor": preview.survivor.pk,
                "absorbed": names if names[1:] else names[0],
                **figures,
                "conflicts": conflicts,
            },
            as_json=json,
            text=f"{figures['from_survivor']} + {figures['from_absorbed']} interactions make {preview.total}; "
            f"{figures['duplicates']} stand in more than one. Unless --keep says otherwise, the survivor's value "
            f"stands for: {', '.join(conflicts) or 'no conflict'}.",
        )
        return 0


def _choices(keep: Sequence[str]) -> dict[str, Any]:
    """What `--keep` decides, by field and key. Raises WrongCall for one that is not FIELD=SESSION."""
    choices: dict[str, Any] = {}
    for one in keep:
        place, sign, answer = one.partition("=")
        if not (place and sign and answer):
            raise WrongCall(f"--keep {one!r} is not FIELD=SESSION.")
        field, _, key = place.partition(".")
        whole = choices.get(field, {})
        if key and isinstance(whole, dict):
            choices[field] = {**whole, key: answer}
        elif key:
            raise WrongCall(f"--keep {one!r} and --keep {field}={whole} cannot both be meant.")
        else:
            choices[field] = answer
    return choices
