"""What all of our commands share: errors in one sentence, JSON when asked, progress on standard error."""

import getpass
import json
import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from sessions.errors import InvalidInput, SessionsiteError
from sessions.records import Actor, Face

NEEDS_A_LOOK = 1
WRONG_CALL = 2
# What a title or a file's name could steer the terminal with; a line's end is ours.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class StoreCommand(BaseCommand):
    """A command that calls an action and tells the outcome.

    Subclasses implement `run` and return the exit code, 0 where all is well. A domain error ends the command with
    its message and exit code 1, a value that makes no sense with 2.
    """

    # `check` and `serve` tell what the checks find; a pipe that reads JSON need not hear it every time.
    requires_system_checks = ()
    run: Callable[..., int]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self.run(**options)
        except InvalidInput as error:
            raise WrongCall(str(error)) from error
        except SessionsiteError as error:
            raise CommandError(str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            # The first line says what is wrong; those behind it may quote the statement.
            said = str(error).partition("\n")[0]
            raise CommandError(f"The database refused: {said}. A new store needs `manage.py migrate` first.") from error
        except BrokenPipeError:
            # The reader, such as `head`, has what it wanted; nor may Python's last flush complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(NEEDS_A_LOOK)
        if code:
            sys.exit(code)

    @property
    def actor(self) -> Actor:
        """Who sits at the terminal."""
        try:
            return Actor(getpass.getuser(), Face.COMMAND)
        except (KeyError, OSError):
            return Actor("operator", Face.COMMAND)

    def say(self, text: str) -> None:
        """Print for a person; what steers a terminal, or what this one cannot show, is printed as its escape."""
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        shown = _UNPRINTABLE.sub(_escaped, text)
        self.stdout.write(shown.encode(encoding, "backslashreplace").decode(encoding))

    def progress(self, text: str) -> None:
        """One line on standard error, written over where that is a terminal."""
        end = "\r" if self.stderr.isatty() else "\n"
        self.stderr.write(f"{text}{' ' * 8 if end == chr(13) else ''}", style_func=str, ending=end)

    def tell(self, result: Mapping[str, Any], *, as_json: bool, text: str) -> None:
        """Print the result for a program or for a person."""
        if not as_json:
            self.say(text)
            return
        # Half a surrogate pair, from a file's name, is no text that another program would read.
        content = json.dumps(result, ensure_ascii=False, default=str)
        self.stdout.write(_LONE_SURROGATE.sub(lambda found: "\\" + _escaped(found), content))


class WrongCall(CommandError):
    """The arguments make no sense together, or one of them none at all; nothing was touched."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=WRONG_CALL)


def given(value: str) -> str:
    """An argument's type: an empty one, such as an unset variable gives, must not mean "all" or "none"."""
    if not value:
        raise ArgumentTypeError("must not be empty; leave the option out instead")
    return value


def confirmed(question: str) -> bool:
    """Ask a person, on standard error; without one at the terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _escaped(found: re.Match[str]) -> str:
    return ascii(found.group())[1:-1]


def megabytes(size_bytes: int) -> str:
    """A size for people."""
    for unit in ("bytes", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000  # type: ignore[assignment]
    return f"{size_bytes:.1f} GB"
