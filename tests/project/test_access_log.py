"""gunicorn's access log: written where it is asked for, put together nowhere else."""

from django.conf import settings
from gunicorn.config import Config

from sessionsite.access_log import Logger


def logger(**wanted: object) -> Logger:
    config = Config()
    for name, value in {"logconfig_dict": settings.LOGGING, **wanted}.items():
        config.set(name, value)
    return Logger(config)


def test_it_is_off_though_the_site_configures_its_log() -> None:
    assert not logger().access_log_enabled


def test_it_is_on_where_somebody_asks_for_it() -> None:
    asked = logger(accesslog="-")
    try:
        assert asked.access_log_enabled
    finally:
        # The logger is gunicorn's only one of that name, and stays.
        asked.access_log.handlers.clear()
