"""All verbs at once on the same few sessions: refusals are answers, a deadlock or a lost row is none."""

import random
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from django.db import connection

from sessions import actions
from sessions.actions import ImportReport, find, merging
from sessions.errors import Conflict, NotFound
from sessions.models import Interaction, Merge, Session
from sessions.records import ImportedInteraction, ImportEvent, SessionDraft
from tests.builders import ALICE, draft, log, make_session
from tests.mirror.disk import findings, lose_database, reconcile

NAMES = ["d", "b", "a", "c"]
SECONDS = 2.5


def act(choice: random.Random) -> int:
    """Do something; returns how many interactions were acknowledged."""
    one, other = choice.sample(NAMES, 2)
    match choice.randrange(9):
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
        case 8:
            report = ImportReport()
            place = choice.getrandbits(60)
            actions.import_events([*names_in(one, place), *names_in(other, place)], actor=ALICE, report=report)
            return report.added
    return 0


def names_in(session_id: str, place: int) -> list[ImportEvent]:
    one = draft(prompt=f"{session_id}{place}", idempotency_key=f"k{place}")
    said = ImportedInteraction(session_id=session_id, draft=one, place=f"{place}")
    return [SessionDraft(session_id=session_id, source="test"), said]


def together(*acts: Callable[[], object]) -> list[BaseException]:
    """Do these at once; what went wrong."""
    errors: list[BaseException] = []

    def work(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(act,)) for act in acts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return errors


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.parametrize("verb", ["merge", "unmerge"])
def test_an_import_waits_for_nobody_who_waits_for_it(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds one session, and comes to another that a merge, or its undoing, holds while that waits for the first."""
    for name in ("s", "b"):
        make_session(session_id=name, turns=1)
    merged = actions.merge_sessions("s", absorbed="b", actor=ALICE) if verb == "unmerge" else None
    holding, real = threading.Event(), find.lock_session
    report = ImportReport()

    def slowly(session_id: str) -> Session:
        if session_id == "b" and not holding.is_set():
            holding.set()
            time.sleep(0.5)
        return real(session_id)

    def other() -> None:
        assert holding.wait(20)
        if merged:
            actions.unmerge(merged.pk, actor=ALICE)
        else:
            actions.merge_sessions("s", absorbed="b", actor=ALICE)

    def take() -> None:
        actions.import_events([*names_in("s", 1), *names_in("b", 2)], actor=ALICE, report=report)

    monkeypatch.setattr("sessions.actions.import_pieces.lock_session", slowly)
    assert together(take, other) == []
    assert report.added == 2
    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.parametrize("verb", ["resume", "import"])
def test_who_waited_for_a_session_that_was_merged_meanwhile_lets_go_of_it(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL gives it the row's lock all the same; whoever undoes the merge holds the survivor and wants that."""
    for name in ("a", "b"):
        make_session(session_id=name, turns=1)
    merging_both, waiting, asking = threading.Event(), threading.Event(), threading.Event()
    save, get = merging.save_rewritten, find.get_session

    def held(survivor: Session, merges: Sequence[Merge]) -> None:
        merging_both.set()
        assert waiting.wait(20)
        save(survivor, merges)

    def slowly(session_id: str) -> Session:
        if session_id == "b" and not asking.is_set():
            asking.set()
            time.sleep(0.5)
        return get(session_id)

    def use() -> None:
        assert merging_both.wait(20)
        if verb == "resume":
            actions.resume_session("b", actor=ALICE)
        else:
            actions.import_events(names_in("b", 1), actor=ALICE, report=ImportReport())

    def watch() -> None:
        until = time.monotonic() + 20
        while not somebody_waits_for_a_lock() and time.monotonic() < until:
            time.sleep(0.02)
        waiting.set()

    def undo() -> None:
        assert asking.wait(20)
        actions.unmerge(Merge.objects.get().pk, actor=ALICE)

    monkeypatch.setattr("sessions.actions.merging.save_rewritten", held)
    monkeypatch.setattr("sessions.actions.find.get_session", slowly)
    assert together(lambda: actions.merge_sessions("a", absorbed="b", actor=ALICE), use, watch, undo) == []
    assert findings() == []


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(cursor.fetchone()[0])


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
