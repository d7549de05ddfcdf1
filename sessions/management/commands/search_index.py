"""`manage.py search_index [--rebuild]`: what the search does not find yet, and making its index anew."""

from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.management.base import StoreCommand


class Command(StoreCommand):
    help = (
        "Index what the search does not find yet, showing how far it is; the worker does so by itself. --status only "
        "tells the debt (exit 1 when there is any). --rebuild makes the whole index anew while it is searched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--status", action="store_true", help="tell how many sessions wait, change nothing")
        what.add_argument("--rebuild", action="store_true", help="index everything anew")

    def run(self, *, status: bool, rebuild: bool, json: bool, **options: Any) -> int:
        done = 0 if status else actions.settle_all_search(rebuild=rebuild, progress=self.progress)
        waiting = actions.search_debt()
        text = f"Sessions that wait to be indexed: {waiting}"
        if not status:
            text = f"{done:,} interactions indexed.\n{text}"
        self.tell({"indexed": done, "waiting": waiting}, as_json=json, text=text)
        return 1 if waiting else 0
