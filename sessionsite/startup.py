"""What must be done before the site may serve; each step can be repeated and says what it did."""

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections

from sessionsite import env

ADMINISTRATOR = "admin"
LOCK_NAME = ".startup.lock"
SECONDS_BETWEEN_TRIES = 0.3

type Say = Callable[[str], None]
type Sleep = Callable[[float], None]


def prepare(*, say: Say, sleep: Sleep = time.sleep) -> None:
    """Bring database, static files, administrator and mirror up to date.

    Two starts on one data directory take turns. `say` is called between any two steps and now and then within a
    long one, `sleep` at the end and while waiting; either may raise to stop here, and a repeated start goes on
    from there. Raises what the steps raise.
    """
    with _one_at_a_time(settings.DATA_DIR, say=say, sleep=sleep):
        say("Migrating the database ...")
        call_command("migrate", verbosity=0, interactive=False)
        if not settings.DEBUG:
            say("Collecting static files ...")
            call_command("collectstatic", verbosity=0, interactive=False)
        make_first_administrator(say=say)
        _reconcile(say=say)
    # The children open their own; one of ours would only keep the database's last close from tidying up.
    connections.close_all()
    sleep(0)


def make_first_administrator(*, say: Say) -> None:
    """Where there is no user at all, make one who may do everything.

    The password is SESSIONSITE_ADMIN_PASSWORD, or a random one that is said now and never again: only its
    hash is stored.
    """
    users = get_user_model()._default_manager
    if users.exists():
        return
    given = env.text("SESSIONSITE_ADMIN_PASSWORD")
    password = given or secrets.token_urlsafe(15)
    users.create_superuser(ADMINISTRATOR, password=password)
    shown = "the one in SESSIONSITE_ADMIN_PASSWORD" if given else f"{password} (shown only this once)"
    # In one breath: a stop between two lines would keep the password from the only one who may know it.
    say(f"The first administrator is {ADMINISTRATOR!r}; the password is {shown}.")


def _reconcile(*, say: Say) -> None:
    # Imported late: the actions need Django's apps, this module is loaded to get there.
    from sessions.actions import reconcile_copies
    from sessions.records import Actor, Face

    say("Comparing the database with the files ...")
    reconcile_copies(actor=Actor(name="startup", face=Face.COMMAND), progress=say)


@contextmanager
def _one_at_a_time(data_dir: Path, *, say: Say, sleep: Sleep) -> Iterator[None]:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(descriptor):
            say("Waiting for another start on this data directory ...")
            while not _locked(descriptor):
                sleep(SECONDS_BETWEEN_TRIES)
        yield
    finally:
        # Closing gives the lock back; the file stays, for unlinking would let two holders lock two files.
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Whether the lock is ours now; never waits, for a stop signal could not end that."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
