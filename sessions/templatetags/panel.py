"""What stands beside a transcript, and the pin on each of its turns."""

from django import template

from sessions.models import Interaction, Session

register = template.Library()


@register.filter
def is_pinned(interaction: Interaction, session: Session) -> bool:
    return str(interaction.pk) in session.pins


@register.filter
def opening(interaction: Interaction) -> str:
    """How an interaction begins, whatever it is."""
    text = interaction.prompt or interaction.response or interaction.error_message or interaction.tool_name
    return " ".join(text[:400].split())[:140] or interaction.kind.replace("_", " ")


@register.filter
def elapsed(milliseconds: float) -> str:
    """A duration in its two largest units, such as "2 h 5 min" or "3.2 s"."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"
