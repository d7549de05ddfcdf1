"""Who may enter the site, as far as Django's own user table does not say it: browsers signed in, failed sign-ins."""

from typing import ClassVar

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

MAX_BUDGET_KEY = 64


class BrowserLogin(AbstractBaseSession):
    """A browser that is signed in: what Django calls a session, under a name that is not taken here.

    Knows its account, so that all browsers of one account can be signed out with one statement.
    """

    account_id = models.BigIntegerField(null=True, blank=True, db_index=True)

    class Meta:
        verbose_name = "browser login"
        verbose_name_plural = "browser logins"

    def __str__(self) -> str:
        """The key is as good as a password, so it is not what stands for a row."""
        return f"a browser of account {self.account_id}"

    @classmethod
    def get_session_store_class(cls) -> type:
        from sessionsite.logins import SessionStore

        return SessionStore


class SignInBudget(models.Model):
    """How many sign-ins failed lately from one place, and until when the next must wait.

    The key is a digest of an account and a network, of a network, or of a browser's mark (`actions/sign_in.py`).
    """

    key = models.CharField(primary_key=True, max_length=MAX_BUDGET_KEY)
    failures = models.PositiveIntegerField(default=0)
    free_at = models.DateTimeField()
    touched_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["-touched_at", "key"]

    def __str__(self) -> str:
        return f"{self.failures} since {self.touched_at:%Y-%m-%d %H:%M}"
