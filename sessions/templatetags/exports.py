"""What a session can be given out as, for menus."""

from collections.abc import Collection

from django import template

from sessions.exporters.catalogue import FORMATS
from sessions.exporters.formats import Format

register = template.Library()


@register.simple_tag
def export_formats() -> Collection[Format]:
    """Every format, in the order in which people are offered them."""
    return FORMATS.values()
