"""gunicorn's logger, which puts together lines of its access log only where somebody asked for one."""

from gunicorn import glogging


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    @property
    def access_log_enabled(self) -> bool:
        """Whether there is somewhere to write to. gunicorn goes by whether the site configures any log at all."""
        return bool(self.access_log.handlers)
