"""A conversation as one web page that needs nothing else: to read, to hand on, to print. Knows no database.

The page asks for nothing and runs nothing: its only style stands in it, and its policy forbids all else by name. What
the conversation says is read as markdown by `rendering`, whose sanitiser lets nothing through that acts.
"""

from collections.abc import Iterator

from ..formats import Conversation, Format
from . import frame, turns
from .survey import Survey, look_over


def stream(conversation: Conversation) -> Iterator[str]:
    """The page, an interaction at a time: first the way to what was said last, then every other one."""
    survey = look_over(conversation)
    yield frame.opening(conversation, survey)
    yield from _main_way(conversation, survey)
    if survey.has_other_ways:
        yield from _other_ways(conversation, survey)
    yield frame.ending(conversation, survey)


def _main_way(conversation: Conversation, survey: Survey) -> Iterator[str]:
    yield '<main id="conversation">\n<h2 class="hushed">Conversation</h2>\n'
    for record in conversation.interactions():
        if survey.is_on_main_way(record.sequence):
            yield turns.fork(survey.fork_at(record.sequence))
            yield turns.turn(record, survey)
    yield "</main>\n"


def _other_ways(conversation: Conversation, survey: Survey) -> Iterator[str]:
    """Each stretch of another way under a heading of its own that leads to where it parted."""
    yield '<section id="other-ways" aria-labelledby="others">\n'
    yield '<h2 id="others">Other ways that this conversation took</h2>\n'
    last = None
    for record in conversation.interactions():
        if survey.is_on_main_way(record.sequence):
            continue
        limb = survey.limb_of(record.sequence)
        if limb != last:
            yield turns.stretch(survey.stretch_at(record.sequence))
            last = limb
        yield turns.turn(record, survey)
    yield "</section>\n"


FORMAT = Format(
    name="html",
    label="Web page",
    purpose="to read and print",
    media_type="text/html; charset=utf-8",
    ending="html",
    write=stream,
)
