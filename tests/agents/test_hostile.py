"""What no program should send is refused in the store's own words, by every verb and on both databases."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from sessions import agents
from sessions.actions import LATEST_FIRST, Order, SessionFilters
from sessions.agents.shapes import ContextEdit, SessionBatch
from sessions.errors import SessionsiteError
from sessions.records import Caller

from .estate import Estate, caller, said, start, whole_store

type Ask = Callable[[Caller, str, Any], Any]

TEXTS = {
    "empty": "",
    "NUL": "a\0b",
    "half a surrogate pair": "\ud800",
    "long": "x" * 100_000,
    "path": "../../etc/passwd",
    "quotes": "'; DROP TABLE conversations_session; --",
    "percent": "%s%(x)d%",
    "right to left": "\u202ealice",
    "last character": "\U0010ffff",
    "digits": "9" * 5_000,
}
# One call for each place where a text goes in; `main` is a session that the caller may know.
ASKED: dict[str, Ask] = {
    "session ID": lambda by, text, main: agents.get_session(by, text),
    "session ID, exported": lambda by, text, main: agents.export_session(by, text),
    "session ID, continued": lambda by, text, main: agents.append(by, text, [said()]),
    "session ID, in a batch": lambda by, text, main: agents.append_batches(
        by, [SessionBatch(session_id=text, interactions=[said()])]
    ),
    "format": lambda by, text, main: agents.export_session(by, main, form=text),
    "new session ID": lambda by, text, main: agents.start_session(by, start(session_id=text, if_exists="resume")),
    "new session's user": lambda by, text, main: agents.start_session(by, start(user_id=text)),
    "new session's tag": lambda by, text, main: agents.start_session(by, start(tags=[text])),
    "new session's source": lambda by, text, main: agents.start_session(by, start(source=text)),
    "new session's metadata": lambda by, text, main: agents.start_session(by, start(metadata={text: text})),
    "resuming user": lambda by, text, main: agents.resume(by, main, user_id=text),
    "pack's cursor": lambda by, text, main: agents.context_pack(by, main, cursor=text),
    "title": lambda by, text, main: agents.update_context(by, main, ContextEdit(title=text)),
    "topic": lambda by, text, main: agents.update_context(by, main, ContextEdit(active_topics=[text])),
    "version": lambda by, text, main: agents.update_context(by, main, ContextEdit(title="t"), version=text),
    "tag": lambda by, text, main: agents.add_tag(by, main, text),
    "tag, removed": lambda by, text, main: agents.remove_tag(by, main, text),
    "hold's reason": lambda by, text, main: agents.hold(by, main, text),
    "trash's reason": lambda by, text, main: agents.trash(by, main, text),
    "prompt": lambda by, text, main: agents.append(by, main, [said(prompt=text)]),
    "tool": lambda by, text, main: agents.append(by, main, [said(tool_name=text)]),
    "idempotency key": lambda by, text, main: agents.append(by, main, [said(idempotency_key=text)]),
    "parent's key": lambda by, text, main: agents.append(by, main, [said(parent_key=text)]),
    "source record": lambda by, text, main: agents.append(by, main, [said(source_record=text)]),
    "keys asked for": lambda by, text, main: agents.list_interactions(by, main, keys=[text]),
    "search": lambda by, text, main: agents.search(by, text),
    "search's user": lambda by, text, main: agents.search(by, f"word user:{text}"),
    "search's cursor": lambda by, text, main: agents.search(by, "word", cursor=text),
    "list's user": lambda by, text, main: agents.list_sessions(by, SessionFilters(user_id=text), order=LATEST_FIRST),
    "list's state": lambda by, text, main: agents.list_sessions(by, SessionFilters(state=text), order=LATEST_FIRST),
    "list's tag": lambda by, text, main: agents.list_sessions(by, SessionFilters(tag=text), order=LATEST_FIRST),
    "list's sort": lambda by, text, main: agents.list_sessions(by, SessionFilters(), order=Order(text)),
    "list's cursor": lambda by, text, main: agents.list_sessions(by, SessionFilters(), order=LATEST_FIRST, cursor=text),
    "beginning": lambda by, text, main: agents.suggest_session_ids(by, text),
    "beginning of a user": lambda by, text, main: agents.suggest_user_ids(by, text),
    "survivor": lambda by, text, main: agents.plan_merge(by, text, [main]),
    "absorbed": lambda by, text, main: agents.merge(by, main, [text]),
    "choice": lambda by, text, main: agents.plan_merge(by, main, ["alice-other"], {text: text}),
    "chosen key": lambda by, text, main: agents.plan_merge(by, main, ["alice-other"], {"metadata": {text: text}}),
    "merge plan": lambda by, text, main: agents.apply_merge(by, text),
    "merge": lambda by, text, main: agents.get_merge(by, text),
    "merge, undone": lambda by, text, main: agents.unmerge(by, text),
    "cleanup's user": lambda by, text, main: agents.plan_cleanup(by, user_id=text),
    "cleanup plan": lambda by, text, main: agents.apply_cleanup(by, text),
    "user": lambda by, text, main: agents.get_user(by, text),
    "users' prefix": lambda by, text, main: agents.list_users(by, prefix=text),
    "users' cursor": lambda by, text, main: agents.list_users(by, cursor=text),
    "preferring user": lambda by, text, main: agents.preferences_of(by, text),
    "user, changed": lambda by, text, main: agents.set_preferences(by, text, {"tone": "plain"}),
    "preference": lambda by, text, main: agents.set_preferences(by, "alice", {text: text}),
    "preference, removed": lambda by, text, main: agents.remove_preference(by, "alice", text),
}
NUMBERS: dict[str, Callable[[Caller, int, str], Any]] = {
    "sequence": lambda by, number, main: agents.get_interaction(by, main, number),
    "after": lambda by, number, main: agents.list_interactions(by, main, after=number),
    "before": lambda by, number, main: agents.list_interactions(by, main, before=number),
    "limit": lambda by, number, main: agents.list_interactions(by, main, limit=number),
    "sessions": lambda by, number, main: agents.list_sessions(by, SessionFilters(), order=LATEST_FIRST, limit=number),
    "least": lambda by, number, main: agents.list_sessions(
        by, SessionFilters(least_interactions=number, most_interactions=number), order=LATEST_FIRST
    ),
    "hits": lambda by, number, main: agents.search(by, "word", limit=number),
    "users": lambda by, number, main: agents.list_users(by, limit=number),
    "tokens": lambda by, number, main: agents.context_pack(by, main, max_tokens=number),
    "days": lambda by, number, main: agents.plan_cleanup(by, idle_days=number),
    "confirmed": lambda by, number, main: agents.apply_cleanup(by, "none", confirmed_sessions=number),
    "history": lambda by, number, main: agents.history(by, main, after=number),
    "offset": lambda by, number, main: agents.export_part(by, main, offset=number),
}


def unforeseen(ask: Callable[[], Any]) -> str:
    """What went wrong where it was neither answered nor refused."""
    try:
        ask()
    except SessionsiteError as error:
        # The refusal itself must be text that can be sent.
        return "" if str(error).encode("utf-8", "replace") else "a refusal without words"
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("user_id", ["", "alice"], ids=["unbound", "bound"])
@pytest.mark.parametrize("kind", TEXTS)
def test_it_answers_or_refuses_any_text(alices: Estate, kind: str, user_id: str) -> None:
    by = caller(user_id=user_id)
    found = {
        place: problem
        for place, ask in ASKED.items()
        if (problem := unforeseen(lambda ask=ask: ask(by, TEXTS[kind], alices.main)))  # type: ignore[misc]
    }
    assert found == {}


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400])
def test_it_answers_or_refuses_any_number(alices: Estate, number: int) -> None:
    before = whole_store()
    found = {
        place: problem
        for place, ask in NUMBERS.items()
        if (problem := unforeseen(lambda ask=ask: ask(caller(), number, alices.main)))  # type: ignore[misc]
    }
    assert found == {}
    assert whole_store() == before


def test_it_knows_no_interaction_cleanup_or_pin_that_is_not_there(alices: Estate) -> None:
    for number in (0, 2**128 - 1):
        nothing = UUID(int=number)
        assert unforeseen(lambda nothing=nothing: agents.pin(caller(), alices.main, nothing)) == ""  # type: ignore[misc]
        assert unforeseen(lambda nothing=nothing: agents.unpin(caller(), alices.main, nothing)) == ""  # type: ignore[misc]
        assert unforeseen(lambda nothing=nothing: agents.get_cleanup(caller(), nothing)) == ""  # type: ignore[misc]
