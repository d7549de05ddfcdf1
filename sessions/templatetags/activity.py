"""What was done, in plain words, with links to the sessions and users that it was done to."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from sessions.models import AuditEvent
from sessions.records import JSON

register = template.Library()

_SHOWN_CHARACTERS = 60
_SHOWN_ID_CHARACTERS = 13
_MOST_SHOWN = 5

# A place in braces is the event's session, or a kind and the name of a detail: {user:kept}, {count:sessions:session}.
WORDS: Mapping[str, str] = {
    "session_created": "began {session}",
    "session_imported": "imported {session}",
    "session_resumed": "resumed {session}",
    "session_held": "put a hold on {session}",
    "session_released": "released the hold on {session}",
    "session_trashed": "moved {session} to the trash",
    "session_restored": "restored {session} from the trash",
    "session_purged": "purged {session} with {count:interactions:interaction}",
    "sessions_merged": "merged {sessions:absorbed} into {session}",
    "sessions_unmerged": "undid the merge of {sessions:absorbed} into {session}",
    "context_updated": "changed {names:fields} of {session}",
    "note_added": "wrote a note on {session}",
    "note_edited": "changed a note on {session}",
    "note_removed": "removed a note from {session}",
    "note_restored": "brought a note on {session} back",
    "tag_added": "tagged {session} with {text:tag}",
    "tag_removed": "took the tag {text:tag} off {session}",
    "tags_added": "tagged {session} with {names:tags}",
    "tags_removed": "took {names:tags} off {session}",
    "interaction_pinned": "pinned an interaction of {session}",
    "interaction_unpinned": "unpinned an interaction of {session}",
    "profile_updated": "changed {names:names} of {user:user_id}’s preferences",
    "profile_restored": "undid a change of {names:names} of {user:user_id}’s preferences",
    "users_merged": "merged the user {user:absorbed} into {user:kept}, with {count:sessions:session}",
    "users_unmerged": "undid the merge of {user:absorbed} into {user:kept}; {count:sessions:session} went back",
    "bulk_started": "began to {text:bulk_verb} {count:sessions:session} at once",
    "bulk_undone": "undid “{text:bulk_verb}” for {count:sessions:session}",
    "view_saved": "saved the view {text:name}",
    "view_changed": "changed the view {text:name}",
    "view_deleted": "deleted the view {text:name}",
    "cleanup_finished": "cleaned up: {number:trashed} to the trash, {number:purged} purged",
    "cleanup_stopped": "stopped a cleanup that would have taken {count:planned:session}",
    "import_staged": "sent {count:files:file} for {import:run}",
    "import_confirmed": "said yes to {import:run}",
    "import_cancelled": "cancelled {import:run}",
    "import_undone": "took {import:run} back",
    "import_parted": "took {count:interactions:interaction} of an import out of {session} into {sessions:parted}",
    "copies_reconciled": "made both copies whole: {number:loaded} loaded, {number:written} written",
    "mirror_repaired": "repaired the copy on disk: {count:findings:finding}",
    "disagreement_settled": "let the {text:kept}’s version of {session} stand",
    "account_created": "made the account {text:account}",
    "account_role_changed": "made {text:account} a {text:role}",
    "account_deactivated": "closed the account {text:account}",
    "account_reactivated": "opened the account {text:account} again",
    "account_password_reset": "gave {text:account} a new password",
    "account_password_changed": "changed the password of {text:account}",
    "account_signed_out": "signed {text:account} out everywhere",
    "token_created": "made the token {text:token} with the scope {text:scope}",
    "token_renamed": "renamed the token {text:before} to {text:token}",
    "token_revoked": "revoked the token {text:token}",
    "signed_in": "signed in",
    "signed_out": "signed out",
    "sign_in_failed": "failed to sign in",
}
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?(?::(\w+))?\}")


@register.simple_tag(takes_context=True)
def told(context: template.Context, event: AuditEvent) -> SafeString:
    """What an event says, as a sentence without its subject; sessions by their titles where the page knows them."""
    return tell_event(event, context.get("titles") or {})


def tell_event(event: AuditEvent, titles: Mapping[str, str]) -> SafeString:
    """The sentence of an event, with links; `titles` are those of sessions by their IDs."""
    words = WORDS.get(event.verb)
    if words is None:
        words = event.verb.replace("_", " ") + (" · {session}" if event.session_id else "")
    pieces, end = [], 0
    for match in _PLACE.finditer(words):
        kind, name, noun = match.groups()
        pieces += [
            conditional_escape(words[end : match.start()]),
            _KINDS[kind](_Detail(event, event.details.get(name), noun, titles)),
        ]
        end = match.end()
    return mark_safe("".join([*pieces, conditional_escape(words[end:])]))  # noqa: S308  (each piece is escaped)


@register.filter
def verb_label(verb: str) -> str:
    """A verb as a choice names it."""
    return verb.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class _Detail:
    """A place in a sentence: the event, the detail's value, the noun to count by, and titles of sessions."""

    event: AuditEvent
    value: JSON
    noun: str | None
    titles: Mapping[str, str]


def _session(detail: _Detail) -> SafeString:
    return _session_link(detail.event.session_id, detail.titles)


def _sessions(detail: _Detail) -> SafeString:
    named = detail.value if isinstance(detail.value, list) else [detail.value]
    links = format_html_join(", ", "{}", ((_session_link(one, detail.titles),) for one in named[:_MOST_SHOWN]))
    return links if len(named) <= _MOST_SHOWN else format_html("{} and {} more", links, len(named) - _MOST_SHOWN)


def _user(detail: _Detail) -> SafeString:
    name = str(detail.value or "")
    try:
        return format_html('<a href="{}"><bdi>{}</bdi></a>', reverse("sessions:user", args=[name]), _short(name))
    except NoReverseMatch:
        return format_html("<bdi>{}</bdi>", _short(name))


def _import(detail: _Detail) -> SafeString:
    try:
        return format_html('<a href="{}">an import</a>', reverse("sessions:import", args=[str(detail.value)]))
    except NoReverseMatch:
        return format_html("{}", "an import")


def _names(detail: _Detail) -> SafeString:
    named = [str(one) for one in detail.value] if isinstance(detail.value, list) else []
    shown = ", ".join(_short(one.replace("_", " ")) for one in named[:_MOST_SHOWN])
    rest = f" and {len(named) - _MOST_SHOWN} more" if len(named) > _MOST_SHOWN else ""
    return format_html("<bdi>{}</bdi>{}", shown or "nothing", rest)


def _text(detail: _Detail) -> SafeString:
    return format_html("<bdi>{}</bdi>", _short("" if detail.value is None else str(detail.value)))


def _number(detail: _Detail) -> SafeString:
    return format_html("{}", f"{detail.value:,}" if type(detail.value) is int else "0")


def _count(detail: _Detail) -> SafeString:
    number = detail.value if type(detail.value) is int else 0
    return format_html("{} {}", f"{number:,}", detail.noun if number == 1 else f"{detail.noun}s")


def _session_link(value: JSON, titles: Mapping[str, str]) -> SafeString:
    session_id = str(value or "")
    shown = session_id if len(session_id) <= _SHOWN_ID_CHARACTERS else f"{session_id[: _SHOWN_ID_CHARACTERS - 1]}…"
    try:
        address = reverse("sessions:detail", args=[session_id])
    except NoReverseMatch:
        return format_html("<code>{}</code>", shown)
    if title := titles.get(session_id):
        return format_html('<a href="{}" title="{}"><bdi>{}</bdi></a>', address, session_id, _short(title))
    return format_html('<a href="{}" title="{}"><code>{}</code></a>', address, session_id, shown)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


_KINDS: Mapping[str, Callable[[_Detail], SafeString]] = {
    "session": _session,
    "sessions": _sessions,
    "user": _user,
    "import": _import,
    "names": _names,
    "text": _text,
    "number": _number,
    "count": _count,
}
