"""`manage.py demo`: sample conversations of invented people, and their removal."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from sessions.management import demo
from sessions.management.base import StoreCommand
from sessions.models import Session


class Command(StoreCommand):
    help = (
        "Fill the store with sample conversations of seven invented users. Running it again adds nothing and leaves "
        "what was changed meanwhile. --remove purges them; since a purged ID is never used again, the next filling "
        "gives them new ones. Exit 1 when --remove had to leave some."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--remove", action="store_true", help="purge exactly the sample conversations")

    def run(self, *, remove: bool, json: bool, **options: Any) -> int:
        return self._remove(json) if remove else self._fill(json)

    def _fill(self, as_json: bool) -> int:
        filled = demo.fill(now=timezone.now(), progress=self._progress)
        self.tell(_as_json(filled), as_json=as_json, text=_as_text(filled))
        return 0

    def _remove(self, as_json: bool) -> int:
        removed = demo.remove(progress=self._progress)
        left = [f"left  {session_id}: {reason}." for session_id, reason in removed.left.items()]
        last = f"{len(removed.purged)} sample conversations purged. `demo` brings them back under new IDs."
        self.tell({"purged": removed.purged, "left": removed.left}, as_json=as_json, text="\n".join([*left, last]))
        return 1 if removed.left else 0

    def _progress(self, done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            self.progress(f"{done} of {total} conversations")


def _as_json(filled: demo.Filled) -> dict[str, Any]:
    return {
        "created": filled.created,
        "present": filled.present,
        "purged": filled.purged,
        "interactions_added": filled.interactions,
        "look_at": {filled.ids[one.name]: one.look_at for one in filled.conversations if one.look_at},
    }


def _as_text(filled: demo.Filled) -> str:
    added = f"{len(filled.created)} sample conversations with {filled.interactions} interactions added"
    lines = [f"{added}; {len(filled.present)} were there and stay as they are."]
    if filled.purged:
        lines.append(f"{len(filled.purged)} were purged and stay so; after `demo --remove` all come under new IDs.")
    there = set(Session.objects.filter(pk__in=filled.ids.values()).values_list("pk", flat=True))
    lines.append("Worth a look:")
    lines += [
        f"  {filled.ids[one.name]:32}  {one.look_at}"
        for one in filled.conversations
        if one.look_at and filled.ids[one.name] in there
    ]
    return "\n".join([*lines, "`manage.py demo --remove` takes exactly these out again."])
