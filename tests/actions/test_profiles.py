"""Preferences that several people change."""

import pytest

from sessions import actions
from sessions.errors import Conflict, InvalidInput, PreferencesChanged
from sessions.models import AuditEvent, Profile
from tests.builders import ALICE, make_session
from tests.mirror.disk import findings


def stored() -> dict[str, object]:
    return dict(Profile.objects.get(pk="bob").preferences)


@pytest.fixture(autouse=True)
def bob() -> None:
    actions.update_profile("bob", actor=ALICE, replace={"lang": "de", "tone": "dry", "n": 1})


def edit(before: dict[str, object], after: dict[str, object]) -> Profile:
    return actions.edit_preferences("bob", before=before, after=after, actor=ALICE)


def test_it_sets_changes_and_removes() -> None:
    edit(stored(), {"lang": "fr", "n": 1, "new": [1, None]})
    assert stored() == {"lang": "fr", "n": 1, "new": [1, None]}
    assert make_session(user_id="bob").user_preferences == stored()
    assert findings() == []


def test_it_keeps_what_somebody_else_changed_meanwhile() -> None:
    seen = stored()
    actions.update_profile("bob", actor=ALICE, replace={"lang": "en", "theirs": 1}, remove=["n"])
    edit(seen, {**seen, "tone": "warm"})
    assert stored() == {"lang": "en", "theirs": 1, "tone": "warm"}


def test_it_asks_where_both_changed_the_same() -> None:
    seen = stored()
    actions.update_profile("bob", actor=ALICE, replace={"lang": "en"}, remove=["tone"])
    with pytest.raises(PreferencesChanged) as caught:
        edit(seen, {"lang": "fr", "tone": "warm", "n": 2})
    assert caught.value.names == ["lang", "tone"]
    assert caught.value.present == stored() == {"lang": "en", "n": 1}


def test_it_asks_nothing_where_both_did_the_same() -> None:
    seen = stored()
    actions.update_profile("bob", actor=ALICE, replace={"lang": "en"}, remove=["tone"])
    edit(seen, {"lang": "en", "n": 1})
    assert stored() == {"lang": "en", "n": 1}


def test_it_takes_true_and_1_for_two_things() -> None:
    edit(stored(), {**stored(), "n": True})
    assert stored()["n"] is True


def test_it_undoes_the_last_change_and_does_it_again() -> None:
    before = stored()
    changed = edit(before, {"lang": "fr"})
    undone = actions.undo_preferences("bob", revision=changed.revision, actor=ALICE)
    assert stored() == before
    actions.undo_preferences("bob", revision=undone.revision, actor=ALICE)
    assert stored() == {"lang": "fr"}
    assert AuditEvent.objects.filter(verb="profile_restored").count() == 2
    assert findings() == []


def test_it_does_not_undo_what_was_changed_since() -> None:
    changed = edit(stored(), {"lang": "fr"})
    actions.update_profile("bob", actor=ALICE, replace={"a": 1})
    with pytest.raises(Conflict):
        actions.undo_preferences("bob", revision=changed.revision, actor=ALICE)
    assert stored() == {"lang": "fr", "a": 1}


def test_it_names_what_changed_and_never_the_value() -> None:
    edit(stored(), {**stored(), "lang": "secret"})
    event = AuditEvent.objects.latest("id")
    assert (event.verb, event.details) == ("profile_updated", {"user_id": "bob", "names": ["lang"]})


def test_it_refuses_what_no_copy_can_hold() -> None:
    with pytest.raises(InvalidInput):
        edit(stored(), {"n": 2**70})
    assert stored()["n"] == 1
