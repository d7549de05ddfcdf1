"""The small <session_id>.json, and the old system's documents."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from sessions import actions, conf
from sessions.mirror import documents
from sessions.models import Session
from tests.builders import ALICE, log, make_session

from .disk import findings, journal_of, lose_database, places, quarantined_bytes, reconcile

OLD_NAMES = [
    "session_id",
    "user_id",
    "created_at",
    "last_activity",
    "total_interactions",
    "session_file_path",
    "metadata",
    "context_summary",
    "active_topics",
    "user_preferences",
]


def document_of(session: Session | str) -> dict[str, Any]:
    path = places().document(session if isinstance(session, str) else session.pk)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def old_document(name: str = "0302048640c75d3f", **changes: Any) -> Path:
    """A document as the old system left it."""
    values = {
        "session_id": name,
        "user_id": "bob",
        "created_at": "2024-03-01T10:00:00.123456",
        "last_activity": "2024-03-02T11:30:00",
        "total_interactions": 17,
        "session_file_path": f"data/sessions/{name}.json",
        "metadata": {"client": "cursor"},
        "context_summary": "About journals",
        "active_topics": ["journals"],
        "user_preferences": {"lang": "de"},
    }
    path = places().old_document(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**values, **changes}))
    return path


def test_it_begins_with_the_old_systems_names() -> None:
    session = make_session(turns=2, title="T", tags=["x"])
    actions.settle_mirror()
    content = document_of(session)
    assert list(content)[: len(OLD_NAMES)] == OLD_NAMES
    assert content["total_interactions"] == 2
    assert content["title"] == "T"
    assert content["tags"] == ["x"]
    assert "+" not in content["created_at"]
    assert content["context_summary"] is None


def test_it_is_fresh_after_one_settling() -> None:
    session = make_session()
    actions.settle_mirror()
    log(session, prompt="more")
    assert document_of(session)["total_interactions"] == 0
    assert actions.mirror_status().debt_documents == 1
    actions.settle_mirror()
    assert document_of(session)["total_interactions"] == 1
    assert actions.mirror_status().debt_documents == 0


def test_it_is_gone_while_the_session_is_in_the_trash() -> None:
    session = make_session()
    actions.settle_mirror()
    actions.trash_session(session.pk, actor=ALICE)
    actions.settle_mirror()
    assert not places().document(session.pk).exists()
    actions.restore_session(session.pk, actor=ALICE)
    actions.settle_mirror()
    assert places().document(session.pk).exists()


def test_it_does_not_come_back_behind_a_trash_or_a_purge() -> None:
    session = make_session()
    actions.trash_session(session.pk, actor=ALICE)
    assert documents.refresh_document(session.pk) is False
    actions.purge_session(session.pk, actor=ALICE)
    assert documents.refresh_document(session.pk) is False
    assert not places().document(session.pk).exists()


def test_it_shows_only_what_the_journal_has() -> None:
    session = make_session()
    Session.objects.update(title="by update", header_revision=2, revision=2)
    assert documents.refresh_document(session.pk) is False
    assert actions.mirror_status().debt_sessions == 1
    actions.settle_mirror()
    assert document_of(session)["title"] == "by update"


def test_one_that_cannot_be_written_stops_no_other() -> None:
    stuck, fine = make_session(session_id="aaa"), make_session(session_id="bbb")
    places().document(stuck.pk).mkdir()
    actions.settle_mirror()
    assert places().document(fine.pk).is_file()
    assert places().document(stuck.pk).is_file()
    assert len(actions.quarantined()) == 1


def test_it_is_never_on_the_path_of_an_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    monkeypatch.setattr(documents, "refresh_document", lambda _: pytest.fail("written while a writer waits"))
    log(session, prompt="x")


def test_it_is_not_trusted_where_the_journal_is_there() -> None:
    session = make_session(turns=1)
    actions.settle_mirror()
    path = places().document(session.pk)
    path.write_text(json.dumps({**document_of(session), "user_id": "mallory", "total_interactions": 999}))
    lose_database()
    reconcile()
    row = Session.objects.get()
    assert (row.user_id, row.stated_interactions) == ("alice", 0)


@pytest.mark.parametrize("journal", ["gone", "unreadable"])
def test_it_stands_in_when_journal_and_row_are_gone(journal: str) -> None:
    session = make_session(turns=3, title="T", tags=["x"])
    actions.update_context(session.pk, actor=ALICE, context_summary="what it was about")
    actions.settle_mirror()
    journal_of(session).unlink() if journal == "gone" else journal_of(session).write_bytes(b"lost")
    lose_database()
    assert reconcile().adoption.adopted == 1
    row = Session.objects.get()
    assert (row.pk, row.context_summary, row.title) == (session.pk, "what it was about", "T")
    assert (row.interaction_count, row.total_interactions) == (0, 3)
    assert findings() == []


# --- The old system's documents ---


def test_it_adopts_an_old_document() -> None:
    old_document()
    assert reconcile().adoption.adopted == 1
    row = actions.get_session("0302048640c75d3f")
    assert (row.user_id, row.total_interactions, row.interaction_count) == ("bob", 17, 0)
    assert row.last_activity_at.isoformat() == "2024-03-02T11:30:00+00:00"
    assert row.metadata["client"] == "cursor"
    assert row.state(conf.expires_before()) == "expired"
    assert findings() == []


def test_it_adopts_once() -> None:
    old_document()
    reconcile()
    log("0302048640c75d3f", prompt="on")
    assert reconcile().adoption.adopted == 0
    assert actions.get_session("0302048640c75d3f").total_interactions == 18


def test_an_adopted_session_survives_both_losses() -> None:
    old_document()
    reconcile()
    before = actions.store_digest()
    lose_database()
    reconcile()
    assert actions.store_digest() == before


def test_the_schedule_spares_what_was_adopted_lately() -> None:
    old_document()
    reconcile()
    Session.objects.update(settled_at=timezone.now() - timedelta(days=1))
    plan = actions.plan_cleanup(settled_days=conf.expire_days())
    assert plan.count == 0
    assert [one.session_id for one in actions.all_planned(plan, "spared")] == ["0302048640c75d3f"]


def test_an_old_document_is_removed_with_its_session() -> None:
    path = old_document()
    reconcile()
    actions.trash_session("0302048640c75d3f", actor=ALICE)
    actions.purge_session("0302048640c75d3f", actor=ALICE)
    assert not path.exists()
    reconcile()
    assert not Session.objects.exists()


@pytest.mark.parametrize("content", [b"", b'{"session_id": "x", "session_file_path": "y", "total_inter', b"\xff\xfe"])
def test_a_damaged_old_document_is_set_aside(content: bytes) -> None:
    path = old_document("broken")
    path.write_bytes(content)
    done = reconcile()
    assert done.adoption.adopted == 0
    assert not Session.objects.exists()
    if done.adoption.quarantined:
        assert quarantined_bytes("broken") == [content]
    else:
        assert path.read_bytes() == content


def test_a_link_in_place_of_an_old_document_is_not_followed(tmp_path: Path) -> None:
    target = old_document().rename(tmp_path / "elsewhere.json")
    places().old_document("x1").symlink_to(target)
    assert reconcile().adoption.adopted == 0
    assert target.exists()


def test_it_adopts_all_documents_of_the_old_system(shared_data: Path) -> None:
    folder = shared_data / "legacy-sessions"
    files = sorted(folder.glob("*.json"))
    places().sessions.mkdir(parents=True)
    for file in files:
        shutil.copy(file, places().sessions)
    done = reconcile()
    assert done.adoption.adopted + done.adoption.quarantined + len(done.adoption.foreign) == len(files)
    assert done.adoption.adopted > 0
    assert reconcile().adoption.adopted == 0
    assert findings() == []
