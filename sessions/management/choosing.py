"""Which sessions a command is for: by their IDs, by filters as lists have them, or all."""

from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from sessions import actions
from sessions.actions import STATES, SessionFilters

from .base import WrongCall, given

_FILTERS = ("user", "tag", "state", "source", "model", "prefix", "since", "before", "errors", "least", "most")


def add_arguments(parser: CommandParser) -> None:
    parser.add_argument("session_ids", nargs="*", metavar="ID")
    parser.add_argument("--all", action="store_true", help="every session, in whatever state")
    parser.add_argument("--state", choices=STATES, help="without it, filters choose active ones")
    for name, help_text in (
        ("user", "whose they are"),
        ("tag", "a tag that they have"),
        ("source", "the program that they came from"),
        ("model", "a model that they used"),
        ("prefix", "what their IDs begin with"),
    ):
        parser.add_argument(f"--{name}", type=given, help=help_text)
    parser.add_argument("--since", type=moment, metavar="TIME", help="last active at this time or later")
    parser.add_argument("--before", type=moment, metavar="TIME", help="last active before this time")
    parser.add_argument("--errors", action="store_true", help="only those in which something failed")
    parser.add_argument("--least", type=int, metavar="N", help="with at least so many interactions")
    parser.add_argument("--most", type=int, metavar="N", help="with at most so many interactions")


def chosen(options: dict[str, Any]) -> list[str] | SessionFilters:
    """The sessions that a call names: those of its IDs, as the store knows them today, or filters.

    Raises WrongCall where it names none or both, and SessionNotFound.
    """
    narrowed = {name: options[name] for name in _FILTERS if options[name]}
    if options["session_ids"]:
        if narrowed or options["all"]:
            raise WrongCall("Name sessions by their IDs, or choose them by filters, not both.")
        # Two IDs of one merged session are one.
        return list(dict.fromkeys(actions.get_session(one).pk for one in options["session_ids"]))
    if not narrowed and not options["all"]:
        raise WrongCall("Name the sessions: by their IDs, by filters, or --all.")
    if options["all"] and "state" in narrowed:
        raise WrongCall("--all takes every state; leave out one of the two.")
    return SessionFilters(
        user_id=options["user"] or "",
        state="all" if options["all"] else options["state"] or "active",
        source=options["source"] or "",
        model=options["model"] or "",
        tag=options["tag"] or "",
        prefix=options["prefix"] or "",
        active_since=options["since"],
        active_before=options["before"],
        has_errors=options["errors"],
        least_interactions=options["least"],
        most_interactions=options["most"],
    )


def moment(text: str) -> datetime:
    """An argument's type: a day or a moment; without a zone it is this site's."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("must be a day or a time, such as 2026-01-31 or 2026-01-31T08:00+01:00") from None
    return found if found.tzinfo else timezone.make_aware(found)
