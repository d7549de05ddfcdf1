import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator

import pytest

from sessionsite.logs import EMOJIS, logging_config

type Reader = Callable[[], str]
type Configure = Callable[[str, str], tuple[logging.Logger, Reader]]


@pytest.fixture
def configured() -> Iterator[Configure]:
    """Configures logging onto a buffer; the tests' own configuration is put back afterwards."""

    def configure(level: str, log_format: str) -> tuple[logging.Logger, Reader]:
        stream = io.StringIO()
        config = logging_config(level=level, log_format=log_format)
        config["handlers"]["stderr"]["stream"] = stream
        logging.config.dictConfig(config)
        return logging.getLogger("sessions.example"), stream.getvalue

    root_handlers = list(logging.root.handlers)
    yield configure
    logging.config.dictConfig(logging_config(level="INFO", log_format="console"))
    logging.root.handlers = root_handlers


def test_it_shows_the_emoji_of_an_event_on_the_console(configured: Configure) -> None:
    log, written = configured("INFO", "console")
    log.info("session_created", extra={"session_id": "abc", "count": 3})
    assert written()[8:] == f" {EMOJIS['session_created']} session_created session_id=abc count=3\n"


def test_it_lets_no_field_forge_a_line(configured: Configure) -> None:
    log, written = configured("INFO", "console")
    log.info("session_created", extra={"user_id": 'bob\n12:00:00 🔥 session_purged id="x"', "title": ""})
    assert written().count("\n") == 1
    assert r'user_id="bob\n12:00:00' in written()


def test_it_writes_one_json_object_a_line(configured: Configure) -> None:
    log, written = configured("INFO", "json")
    log.info("session_created", extra={"session_id": "äöü\n", "level": "disguised"})
    entry = json.loads(written())
    assert written().count("\n") == 1
    assert entry.pop("at").endswith("+00:00")
    assert entry == {
        "level": "info",
        "logger": "sessions.example",
        "event": "session_created",
        "session_id": "äöü\n",
    }


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_it_writes_the_traceback_of_an_exception(configured: Configure, log_format: str) -> None:
    log, written = configured("INFO", log_format)
    try:
        raise ValueError("boom")
    except ValueError:
        log.exception("job_failed")
    assert "ValueError: boom" in written()


def test_it_leaves_the_statements_of_django_out_of_a_debug_log(
    configured: Configure,
) -> None:
    log, written = configured("DEBUG", "console")
    log.debug("step_taken")
    logging.getLogger("django.db.backends").debug("INSERT ... what somebody said")
    assert "step_taken" in written()
    assert "somebody" not in written()


def test_it_heeds_the_level(configured: Configure) -> None:
    log, written = configured("WARNING", "console")
    log.info("session_created")
    logging.getLogger("gunicorn.error").info("Booting worker")
    assert written() == ""


def test_it_leaves_a_request_out_of_the_line(configured: Configure) -> None:
    _, written = configured("INFO", "json")
    logging.getLogger("django.request").warning("Not Found: /x", extra={"request": object(), "status_code": 404})
    entry = json.loads(written())
    assert "request" not in entry
    assert entry["status_code"] == 404
