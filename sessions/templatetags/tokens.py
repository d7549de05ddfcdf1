"""How tokens look on a page."""

from datetime import timedelta

from django import template
from django.utils import timezone

from sessions import actions
from sessions.models import Token

register = template.Library()

_SOON = timedelta(days=7)


@register.filter
def token_state(token: Token) -> str:
    """ "revoked", "expired", "ending" where it expires within a week, or "usable"."""
    if token.revoked_at is not None:
        return "revoked"
    if not actions.is_usable(token):
        return "expired"
    return "ending" if token.expires_at is not None and token.expires_at - timezone.now() < _SOON else "usable"
