"""The app's registration; its label keeps clear of Django's own login sessions."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    # "sessions" is the label of django.contrib.sessions; ours names what it holds.
    label = "conversations"
    verbose_name = "Conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, signals  # noqa: F401  (registered by being imported)
