import fcntl
from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model

from sessionsite import startup


class Told(list[str]):
    """Collects what is said, and may be told to stop at a phrase."""

    stop_at = "\0"

    def __call__(self, message: str) -> None:
        self.append(message)
        if self.stop_at in message:
            raise KeyboardInterrupt


@pytest.fixture
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SESSIONSITE_ADMIN_PASSWORD", raising=False)


@pytest.mark.django_db
def test_the_first_administrator_signs_in_with_the_password_that_was_shown(no_password: None) -> None:
    told = Told()
    startup.make_first_administrator(say=told)
    password = told[0].split("the password is ")[1].split()[0]
    user = authenticate(username="admin", password=password)
    assert user is not None
    assert user.is_superuser


@pytest.mark.django_db
def test_a_given_password_is_used_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONSITE_ADMIN_PASSWORD", "given $ecret")
    told = Told()
    startup.make_first_administrator(say=told)
    assert authenticate(username="admin", password="given $ecret") is not None
    assert "ecret" not in "".join(told).replace("SESSIONSITE_ADMIN_PASSWORD", "")


@pytest.mark.django_db
def test_no_administrator_is_made_where_there_is_a_user() -> None:
    get_user_model()._default_manager.create_user("alice")
    told = Told()
    startup.make_first_administrator(say=told)
    assert told == []
    assert get_user_model()._default_manager.count() == 1


@pytest.mark.django_db
def test_a_stop_right_after_the_administrator_was_made_does_not_lose_the_password(no_password: None) -> None:
    told = Told()
    told.stop_at = "administrator"
    with pytest.raises(KeyboardInterrupt):
        startup.make_first_administrator(say=told)
    assert "shown only this once" in told[-1]


def test_a_second_start_waits_its_turn_and_can_be_stopped_meanwhile(data_dir: Path) -> None:
    data_dir.mkdir()
    told, naps = Told(), []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    with (data_dir / startup.LOCK_NAME).open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(KeyboardInterrupt):
            startup.prepare(say=told, sleep=sleep)
    assert told == ["Waiting for another start on this data directory ..."]
