"""Who holds what while they wait for what: nobody waits for somebody who waits for them, in PostgreSQL's transactions.

Each test brings two or three of them to the one moment where they would.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from django.db import connection

from sessions import actions, database
from sessions.actions import ImportReport, find, identity, import_pieces, life, merging, unmerging, user_merging
from sessions.errors import Conflict
from sessions.models import Merge, Profile, Session, UserMerge
from tests.builders import ALICE, make_session
from tests.mirror.disk import findings

from .at_once import PATIENCE, await_a_waiter, names_in, together

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")


def after(event: threading.Event, act: Callable[[], object]) -> Callable[[], object]:
    """The act, begun once the event has come."""

    def later() -> None:
        assert event.wait(PATIENCE)
        act()

    return later


class Moment:
    """Where an act tells the others that it has come so far, and gives them the time to come in its way."""

    def __init__(self) -> None:
        self._come = threading.Event()

    def __call__(self) -> None:
        if not self._come.is_set():
            self._come.set()
            time.sleep(0.5)

    def then(self, act: Callable[[], object]) -> Callable[[], object]:
        return after(self._come, act)


def held_at(module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], Any]:
    """Whoever comes to a function first waits there until somebody waits for a lock; what is wrapped begins then."""
    there, real = threading.Event(), getattr(module, name)

    def held(*arguments: Any) -> None:
        if not there.is_set():
            there.set()
            await_a_waiter()
        real(*arguments)

    monkeypatch.setattr(module, name, held)
    return partial(after, there)


def take_in(*events: Any) -> ImportReport:
    report = ImportReport()
    actions.import_events([one for some in events for one in some], actor=ALICE, report=report)
    return report


@pytest.mark.parametrize("verb", ["merge", "unmerge"])
def test_an_import_waits_for_nobody_who_waits_for_it(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds one session, and comes to another that a merge, or its undoing, holds while that waits for the first."""
    for name in ("s", "b"):
        make_session(session_id=name, turns=1)
    merged = actions.merge_sessions("s", absorbed="b", actor=ALICE) if verb == "unmerge" else None
    holding, real, added = Moment(), find.lock_session, []

    def slowly(session_id: str) -> Session:
        if session_id == "b":
            holding()
        return real(session_id)

    def other() -> None:
        if merged:
            actions.unmerge(merged.pk, actor=ALICE)
        else:
            actions.merge_sessions("s", absorbed="b", actor=ALICE)

    monkeypatch.setattr(import_pieces, "lock_session", slowly)
    take = lambda: added.append(take_in(names_in("s", 1), names_in("b", 2)).added)  # noqa: E731
    assert together(take, holding.then(other)) == []
    assert added == [2]
    assert findings() == []


@pytest.mark.parametrize("verb", ["resume", "import"])
def test_who_waited_for_a_session_that_was_merged_meanwhile_lets_go_of_it(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL gives it the row's lock all the same; whoever undoes the merge holds the survivor and wants that."""
    for name in ("a", "b"):
        make_session(session_id=name, turns=1)
    while_merging, asking, get = held_at(merging, "save_rewritten", monkeypatch), Moment(), find.get_session

    def slowly(session_id: str) -> Session:
        if session_id == "b":
            asking()
        return get(session_id)

    def use() -> None:
        if verb == "resume":
            actions.resume_session("b", actor=ALICE)
        else:
            take_in(names_in("b", 1))

    monkeypatch.setattr(find, "get_session", slowly)
    undo = asking.then(lambda: actions.unmerge(Merge.objects.get().pk, actor=ALICE))
    assert together(lambda: actions.merge_sessions("a", absorbed="b", actor=ALICE), while_merging(use), undo) == []
    assert findings() == []


def test_an_import_whose_session_was_set_free_while_it_waited_locks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for the survivor `c`, and then holds it; the freed `a` comes ahead of `c` in everybody's order."""
    for name in ("c", "a"):
        make_session(session_id=name, turns=1)
    merge = actions.merge_sessions("c", absorbed="a", actor=ALICE)
    while_undoing, asking, lock = held_at(unmerging, "save_rewritten", monkeypatch), Moment(), find.lock_session

    def slowly(session_id: str) -> Session:
        asking()
        return lock(session_id)

    def take() -> None:
        take_in(names_in("c", 1), names_in("a", 2))

    monkeypatch.setattr(import_pieces, "lock_session", slowly)
    again = asking.then(lambda: actions.merge_sessions("c", absorbed="a", actor=ALICE))
    assert together(lambda: actions.unmerge(merge.pk, actor=ALICE), while_undoing(take), again) == []
    assert findings() == []


def test_two_imports_of_the_same_new_sessions_begin_them_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = import_pieces.Writer._begin

    def slowly(self: import_pieces.Writer, *arguments: Any) -> import_pieces.Outcome:
        outcome = begin(self, *arguments)
        time.sleep(0.5)
        return outcome

    monkeypatch.setattr(import_pieces.Writer, "_begin", slowly)
    one, other = names_in("n1", 1), names_in("n2", 1)
    assert together(lambda: take_in(one, other), lambda: take_in(other, one)) == []
    assert Session.objects.count() == 2
    assert findings() == []


def test_a_purge_whose_family_grew_while_it_waited_locks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds `m`, and then wants `a`, which came to it meanwhile, and which everybody locks ahead of `m`."""
    for name in ("a", "m"):
        make_session(session_id=name, turns=1)
    while_merging, asking, family = held_at(merging, "save_rewritten", monkeypatch), Moment(), life._family
    asked = []

    def slowly(session_id: str) -> list[str]:
        found = family(session_id)
        asked.append(found)
        if len(asked) > 1:
            asking()
        return found

    def purge() -> None:
        with pytest.raises(Conflict, match="not in the trash"):
            actions.purge_session("m", actor=ALICE)

    monkeypatch.setattr(life, "_family", slowly)
    undo = asking.then(lambda: actions.unmerge(Merge.objects.get().pk, actor=ALICE))
    assert together(lambda: actions.merge_sessions("m", absorbed="a", actor=ALICE), while_merging(purge), undo) == []
    assert asked[:2] == [["m"], ["m", "a"]]


@pytest.mark.parametrize("known", [False, True], ids=["two-new-users", "a-known-session"])
def test_an_import_holds_its_users_ahead(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge of users holds both, in their order, and then locks their sessions."""
    for name in ("u1", "u2"):
        make_session(session_id=f"of-{name}", user_id=name, turns=1)
    holding, claim, lock = Moment(), identity.claim_user, find.lock_ahead

    def claim_slowly(user_id: str) -> tuple[str, Profile | None]:
        claimed = claim(user_id)
        holding()
        return claimed

    def lock_slowly(session_ids: Sequence[str], **others: Any) -> None:
        lock(session_ids, **others)
        if known:
            holding()

    monkeypatch.setattr(import_pieces, "claim_user", claim_slowly)
    monkeypatch.setattr(import_pieces, "lock_ahead", lock_slowly)
    first = names_in("of-u2", 1) if known else names_in("new-2", 1, user_id="u2")
    merge = holding.then(lambda: actions.merge_users("u1", absorbed="u2", actor=ALICE))
    assert together(lambda: take_in(first, names_in("new-1", 2, user_id="u1")), merge) == []
    assert set(Session.objects.values_list("user_id", flat=True)) == {"u1"}
    assert findings() == []


@pytest.mark.parametrize("verb", ["begin", "import"])
def test_who_begins_a_session_of_a_user_merged_meanwhile_lets_go_of_the_old_name(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever undoes that merge holds the kept user and waits for the absorbed one."""
    for name in ("u1", "u2"):
        make_session(session_id=f"of-{name}", user_id=name, turns=1)
    while_merging, asking = held_at(user_merging, "_save_both", monkeypatch), Moment()

    def slowly(name: str) -> None:
        if name == "u1":
            asking()
        database.hold_shared(name)

    def begin() -> None:
        if verb == "begin":
            actions.create_session(session_id="new", user_id="u2", actor=ALICE)
        else:
            take_in(names_in("new", 1, user_id="u2"))

    monkeypatch.setattr(identity, "hold_shared", slowly)
    undo = asking.then(lambda: actions.unmerge_users(UserMerge.objects.get().pk, actor=ALICE))
    assert together(lambda: actions.merge_users("u1", absorbed="u2", actor=ALICE), while_merging(begin), undo) == []
    # It began after the merge, or after that was undone.
    assert Session.objects.get(pk="new").user_id in ("u1", "u2")
    assert findings() == []


def test_a_session_that_goes_back_to_a_user_who_is_being_merged_is_the_kept_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for session_id, user_id in (("a", "u2"), ("b", "u3"), ("of-u1", "u1"), ("of-u2", "u2")):
        make_session(session_id=session_id, user_id=user_id, turns=1)
    merge = actions.merge_sessions("a", absorbed="b", choices={"user_id": "b"}, actor=ALICE)
    assert Session.objects.get(pk="a").user_id == "u3"
    resolved = Moment()

    def slowly(user_id: str) -> str:
        found = identity.resolve_user(user_id)
        resolved()
        return found

    monkeypatch.setattr(unmerging, "resolve_user", slowly)
    merge_users = resolved.then(lambda: actions.merge_users("u1", absorbed="u2", actor=ALICE))
    assert together(lambda: actions.unmerge(merge.pk, actor=ALICE), merge_users) == []
    assert Session.objects.get(pk="a").user_id == "u1"
    assert findings() == []


@pytest.mark.parametrize("verb", ["set", "edit"])
def test_a_preference_told_while_its_user_is_merged_goes_to_the_kept_one(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("u1", "u2"):
        make_session(user_id=name, turns=1)
    while_merging = held_at(user_merging, "_save_both", monkeypatch)

    def tell() -> None:
        if verb == "set":
            actions.update_profile("u2", replace={"tone": "dry"}, actor=ALICE)
        else:
            actions.edit_preferences("u2", before={}, after={"tone": "dry"}, actor=ALICE)

    assert together(lambda: actions.merge_users("u1", absorbed="u2", actor=ALICE), while_merging(tell)) == []
    assert Profile.objects.get(pk="u1").preferences == {"tone": "dry"}
    assert findings() == []
