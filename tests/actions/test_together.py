"""All verbs at once on the same few sessions: refusals are answers, a deadlock or a lost row is none."""

import random
import threading
import time

from django.db import connection

from sessions import actions
from sessions.errors import Conflict, NotFound
from sessions.models import Interaction, Merge, Session
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings, lose_database, reconcile

NAMES = ["d", "b", "a", "c"]
SECONDS = 2.5


def act(choice: random.Random) -> int:
    """Do something; returns how many interactions were acknowledged."""
    one, other = choice.sample(NAMES, 2)
    match choice.randrange(8):
        case 0 | 1 | 2:
            log(one, prompt="x")
            return 1
        case 3:
            actions.merge_sessions(one, absorbed=other, actor=ALICE)
        case 4 | 5:
            merges = list(Merge.objects.filter(undone_at=None).values_list("pk", flat=True))
            if merges:
                actions.unmerge(choice.choice(merges), actor=ALICE)
        case 6:
            actions.trash_session(one, actor=ALICE)
            actions.resume_session(other, actor=ALICE)
        case 7:
            actions.update_context(one, actor=ALICE, tags=[other])
    return 0


def test_every_verb_at_once_loses_nothing_and_locks_nobody_out() -> None:
    for name in NAMES:
        make_session(session_id=name, turns=1)
    acknowledged, errors = [len(NAMES)], []
    until = time.monotonic() + SECONDS

    def work(seed: int) -> None:
        choice = random.Random(seed)
        try:
            while time.monotonic() < until:
                try:
                    done = act(choice)
                except (Conflict, NotFound):
                    continue
                acknowledged.append(done)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert errors == []
    assert Interaction.objects.count() == sum(acknowledged)
    for row in Session.objects.all():
        sequences = list(Interaction.objects.of(row.pk).values_list("sequence", flat=True))
        assert len(sequences) == row.interaction_count
        assert row.merged_into_id or sequences == list(range(1, len(sequences) + 1))
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
