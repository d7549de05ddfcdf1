"""Where a browser's sign-in is kept (Django's SESSION_ENGINE): in a table of ours that knows whose it is."""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    """Django's database store over `BrowserLogin`."""

    @classmethod
    def get_model_class(cls) -> Any:
        from sessions.models import BrowserLogin

        return BrowserLogin

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        account_id = data.get(SESSION_KEY)
        row.account_id = None if account_id is None else int(account_id)
        return row
