"""All verbs at once on the same few sessions: refusals are answers, a deadlock or a lost row is none."""

import random
import threading
import time
from functools import partial

from django.db import connection

from sessions import actions
from sessions.actions import ImportReport
from sessions.errors import Conflict, NotFound
from sessions.mirror import drain
from sessions.models import Interaction, Merge, Session, UserMerge
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings, lose_database, reconcile

from .at_once import names_in, together

NAMES = ["d", "b", "a", "c"]
USERS = ["u2", "u1"]
SECONDS = 4


def act(choice: random.Random) -> int:
    """Do something; returns how many interactions were acknowledged."""
    one, other = choice.sample(NAMES, 2)
    return choice.choice([say, say, say, merge, unmerge, unmerge, *OTHERS, take_in, take_in])(one, other, choice) or 0


def say(one: str, other: str, choice: random.Random) -> int:
    log(one, prompt="x")
    return 1


def merge(one: str, other: str, choice: random.Random) -> None:
    actions.merge_sessions(one, absorbed=other, actor=ALICE)


def unmerge(one: str, other: str, choice: random.Random) -> None:
    if merges := list(Merge.objects.filter(undone_at=None).values_list("pk", flat=True)):
        actions.unmerge(choice.choice(merges), actor=ALICE)


def trash_and_resume(one: str, other: str, choice: random.Random) -> None:
    actions.trash_session(one, actor=ALICE)
    actions.resume_session(other, actor=ALICE)


def tag(one: str, other: str, choice: random.Random) -> None:
    actions.update_context(one, actor=ALICE, tags=[other])


def do_to_both_and_undo(one: str, other: str, choice: random.Random) -> None:
    run = actions.plan_bulk(choice.choice(["trash", "hold"]), sessions=[one, other], actor=ALICE).pk
    for begin in (actions.start_bulk, actions.undo_bulk):
        begin(run, actor=ALICE)
        actions.advance_bulk(run, actor=ALICE)


def merge_users(one: str, other: str, choice: random.Random) -> None:
    kept, absorbed = choice.sample(USERS, 2)
    actions.merge_users(kept, absorbed=absorbed, actor=ALICE)


def unmerge_users(one: str, other: str, choice: random.Random) -> None:
    for standing in UserMerge.objects.filter(undone_at=None):
        actions.unmerge_users(standing.pk, actor=ALICE)


def begin(one: str, other: str, choice: random.Random) -> None:
    actions.create_session(user_id=choice.choice(USERS), actor=ALICE)


OTHERS = (trash_and_resume, tag, do_to_both_and_undo, merge_users, unmerge_users, begin)


def take_in(one: str, other: str, choice: random.Random) -> int:
    """Import something into two sessions that are there, and two new ones, in whatever order."""
    place, report = choice.getrandbits(60), ImportReport()
    sessions = [(one, None), (other, None), (f"new-1-{place}", "u1"), (f"new-2-{place}", "u2")]
    choice.shuffle(sessions)
    events = [event for name, user in sessions for event in names_in(name, place, user_id=user)]
    actions.import_events(events, actor=ALICE, report=report)
    return report.added


def test_every_verb_at_once_loses_nothing_and_locks_nobody_out() -> None:
    for number, name in enumerate(NAMES):
        make_session(session_id=name, user_id=USERS[number % 2], turns=1)
    acknowledged = [len(NAMES)]
    until = time.monotonic() + SECONDS

    def work(seed: int) -> None:
        choice = random.Random(seed)
        while time.monotonic() < until:
            try:
                acknowledged.append(act(choice))
            except (Conflict, NotFound):
                continue

    assert together(*(partial(work, seed) for seed in range(5))) == []
    assert Interaction.objects.count() == sum(acknowledged)
    for row in Session.objects.all():
        sequences = list(Interaction.objects.of(row.pk).values_list("sequence", flat=True))
        assert len(sequences) == row.interaction_count
        assert row.merged_into_id or sequences == list(range(1, len(sequences) + 1))
    # A merge of users leaves to the worker what takes longer.
    drain.drain_debt(10_000)
    assert findings() == []
    before = actions.store_digest()
    lose_database()
    reconcile()
    assert actions.store_digest() == before


def test_purges_and_unmerges_do_not_wait_for_each_other() -> None:
    errors: list[BaseException] = []

    def attempt(verb: object, *arguments: object) -> None:
        try:
            verb(*arguments, actor=ALICE)  # type: ignore[operator]
        except (Conflict, NotFound):
            pass
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    for _ in range(15):
        survivor, absorbed = (make_session(turns=1) for _ in range(2))
        merge = actions.merge_sessions(survivor.pk, absorbed=absorbed.pk, actor=ALICE)
        actions.trash_session(survivor.pk, actor=ALICE)
        threads = [
            threading.Thread(target=attempt, args=(actions.purge_session, survivor.pk)),
            threading.Thread(target=attempt, args=(actions.purge_session, absorbed.pk)),
            threading.Thread(target=attempt, args=(actions.unmerge, merge.pk)),
            threading.Thread(target=attempt, args=(actions.restore_session, absorbed.pk)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []
    assert findings() == []
