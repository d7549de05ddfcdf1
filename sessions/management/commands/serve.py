"""`manage.py serve`: prepare the store, then run the web server and the worker until told to stop."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from sessions.errors import SessionsiteError
from sessionsite.address import PortUnavailable, require_free_port
from sessionsite.processes import StopSignals
from sessionsite.startup import prepare
from sessionsite.supervisor import supervise


class Command(BaseCommand):
    help = (
        "Migrate, collect static files, make the first administrator, compare database and files, then serve "
        "the site and run its schedules until Ctrl-C or SIGTERM."
    )
    # Run by handle instead, together with those of the database.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        with StopSignals() as self._signals:
            try:
                self._prepare()
                exit_code = supervise(
                    _commands(), signals=self._signals, say=self._write, python_path=settings.BASE_DIR
                )
            except KeyboardInterrupt:
                exit_code = 0
        if exit_code:
            sys.exit(exit_code)
        self._write("Stopped.")

    def _prepare(self) -> None:
        try:
            require_free_port(settings.SESSIONSITE_HOST, settings.SESSIONSITE_PORT)
            self.check(databases=["default"])
            prepare(say=self._say, sleep=self._sleep)
        except PortUnavailable as error:
            raise CommandError(str(error)) from None
        except (SessionsiteError, DatabaseError, OSError) as error:
            raise CommandError(f"The site cannot start: {error}") from error

    def _say(self, message: str) -> None:
        self._write(message)
        self._sleep(0)

    def _sleep(self, seconds: float) -> None:
        """Raise KeyboardInterrupt when a stop was asked for.

        Between two steps, not in the middle of one as Python does: raised inside a finalizer it would be dropped,
        and the site would start after all.
        """
        self._signals.wait(seconds)
        if self._signals.asked:
            raise KeyboardInterrupt

    def _write(self, message: str) -> None:
        self.stdout.write(message)
        self.stdout.flush()


def _commands() -> dict[str, list[str]]:
    python, folder = sys.executable, settings.BASE_DIR
    return {
        "web server": [python, "-m", "gunicorn", "--config", "python:sessionsite.gunicorn_conf"],
        "worker": [python, str(folder / "manage.py"), "worker"],
    }
