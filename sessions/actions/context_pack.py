"""What an agent gets that goes on with a session: its context and what fits of its turns. Changes nothing."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from json import loads
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, Count, F, IntegerField, Max, Min, QuerySet, Sum, TextField, Value, When
from django.db.models.expressions import Combinable, Func
from django.db.models.functions import Cast, Length, Mod, Substr

from sessions import conf, mapping, packing
from sessions.errors import InvalidInput
from sessions.models import Interaction, Profile, Session
from sessions.packing import ESTIMATE, ContextPack, Gap, Material, PackedTurn, Tokenizer

from .find import get_session

DEFAULT_TOKENS = 8_000
_BATCH = 50
# Less than the frame of a turn takes.
_LEAST_TURN_TOKENS = 20
_FRAME = ("id", "sequence", "kind", "occurred_at", "tool_name")
_TEXTS = ("prompt", "response", "tool_parameters", "error_message")
# A turn takes at most half of a budget; what is longer than that allows is cut in any case.
_CHARACTERS_PER_TOKEN = 4


def context_pack(
    session_id: str, *, max_tokens: int = DEFAULT_TOKENS, cursor: str = "", tokenizer: Tokenizer = ESTIMATE
) -> ContextPack:
    """What a session's resumer is handed, never more than `max_tokens`, the latest turns last.

    With the `cursor` of an earlier pack: the turns before those that it had, and nothing else. Counts as no activity.
    Raises SessionNotFound, SessionPurged, and InvalidInput for a budget or a cursor that makes no sense.
    """
    max_tokens = packing.checked_budget(max_tokens)
    with _one_view():
        session = get_session(session_id)
        is_first = not cursor
        before = _place_of(session, cursor)
        rows = Interaction.objects.filter(session=session)
        if before is not None:
            rows = rows.filter(sequence__lt=before)
        with closing(_newest_first(rows, session, max_tokens)) as latest:
            return packing.assemble(
                _material(session, whole=is_first),
                pinned=_pinned(session, max_tokens) if is_first else [],
                latest=latest,
                gaps=lambda pinned, latest: _gaps(rows, pinned, latest, 1 + session.last_sequence // _MOST_MEASURED),
                max_tokens=max_tokens,
                tokenizer=tokenizer,
                is_first=is_first,
            )


def _one_view() -> AbstractContextManager[object]:
    """A block in which PostgreSQL hands out rows as they are asked for; outside it would first compute them all.

    SQLite always does, and a transaction there would keep writers out.
    """
    return transaction.atomic() if connection.vendor == "postgresql" else nullcontext()


def _material(session: Session, *, whole: bool) -> Material:
    frame = Material(
        session_id=session.pk,
        title=session.title or session.opening,
        user_id=session.user_id,
        state=str(session.state(conf.expires_before())),
        interactions=session.interaction_count,
    )
    if not whole:
        return frame
    profile = Profile.objects.filter(pk=session.user_id).first()
    return Material(
        **{name: getattr(frame, name) for name in ("session_id", "title", "user_id", "state", "interactions")},
        summary=session.context_summary,
        preferences={**(profile.preferences if profile else {}), **session.user_preferences},
        active_topics=tuple(session.active_topics),
        project_context=session.project_context,
        semantic_context=session.semantic_context,
    )


# --- Turns --------------------------------------------------------------------------------------------------


def _pinned(session: Session, max_tokens: int) -> list[PackedTurn]:
    pins = mapping.read_pins(session.pins)
    if not pins:
        return []
    rows = Interaction.objects.filter(session=session, pk__in=pins).order_by("-sequence")[: packing.MAX_PINNED]
    return [_turn(values, pinned=True) for values in _cut_short(rows, max_tokens)]


def _newest_first(rows: QuerySet[Interaction], session: Session, max_tokens: int) -> Generator[PackedTurn]:
    """The turns, the latest first: one query, read in batches and only as far as they are asked for."""
    pins = set(session.pins)
    most = max_tokens // _LEAST_TURN_TOKENS + len(pins)
    # Left early once the budget is full; the cursor must not be left open for the garbage collector to find.
    with closing(_cut_short(rows.order_by("-sequence")[:most], max_tokens)) as found:
        for values in found:
            yield _turn(values, pinned=str(values["id"]) in pins)


def _cut_short(rows: QuerySet[Interaction], max_tokens: int) -> Generator[dict[str, Any]]:
    """The rows' values, each text with its length and no more of its beginning than a budget could hold."""
    longest = max_tokens * _CHARACTERS_PER_TOKEN
    lengths = {f"{name}_length": Length(_as_text(name)) for name in _TEXTS}
    starts = {f"{name}_start": Substr(_as_text(name), 1, longest) for name in _TEXTS}
    found = rows.annotate(**lengths, **starts)
    yield from found.values(*_FRAME, *lengths, *starts).iterator(chunk_size=_BATCH)


def _as_text(name: str) -> Combinable:
    # The column keeps JSON as its text; the plain type says that it is wanted like that.
    return Cast(name, TextField()) if name == "tool_parameters" else F(name)


def _turn(values: dict[str, Any], *, pinned: bool) -> PackedTurn:
    texts = {name: values[f"{name}_start"] or "" for name in _TEXTS}
    hidden = {
        name: missing for name, text in texts.items() if (missing := (values[f"{name}_length"] or 0) - len(text)) > 0
    }
    parameters = texts["tool_parameters"]
    return PackedTurn(
        id=values["id"],
        sequence=values["sequence"],
        kind=values["kind"],
        occurred_at=values["occurred_at"],
        tool_name=values["tool_name"],
        tool_parameters=parameters if "tool_parameters" in hidden else loads(parameters or "null"),
        prompt=texts["prompt"],
        response=texts["response"],
        error_message=texts["error_message"],
        pinned=pinned,
        hidden=hidden,
    )


# --- What was left out --------------------------------------------------------------------------------------


class _Bytes(Func):
    """How many bytes a text takes in UTF-8."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


# By the estimate's measure: five bytes of English or two characters of Chinese are two tokens, a frame is thirty.
_TOKENS_PER_100_BYTES = 40
_TOKENS_PER_FRAME = 30
_MOST_MEASURED = 20_000


def _gaps(
    rows: QuerySet[Interaction], pinned: Sequence[PackedTurn], latest: Sequence[PackedTurn], step: int
) -> list[Gap]:
    """The interactions that are neither pinned ones nor the latest, by the stretches in which they lie.

    One query, which reads the lengths of what was left out and no text. Only every `step`-th is measured, so that a
    session of a million is not read for it.
    """
    known = [turn.sequence for turn in pinned]
    if latest:
        rows = rows.filter(sequence__lt=latest[0].sequence)
    stretches = [When(sequence__lt=place, then=Value(number)) for number, place in enumerate(known)]
    found = (
        rows.exclude(sequence__in=known)
        .order_by()
        .annotate(stretch=Case(*stretches, default=Value(len(known)), output_field=IntegerField()))
        .annotate(place=Mod(F("sequence"), Value(step), output_field=IntegerField()))
        .values("stretch")
        .annotate(
            first=Min("sequence"),
            last=Max("sequence"),
            count=Count("pk"),
            **{f"bytes_of_{name}": Sum(Case(When(place=0, then=_Bytes(F(name))))) for name in _TEXTS},
        )
        .order_by("stretch")
    )
    # Without pins there is one stretch, which a database tells of even where nothing lies in it.
    return [_gap(values, step) for values in found if values["count"]]


def _gap(values: Mapping[str, Any], step: int) -> Gap:
    size_bytes = step * sum(values[f"bytes_of_{name}"] or 0 for name in _TEXTS)
    tokens = size_bytes * _TOKENS_PER_100_BYTES // 100 + values["count"] * _TOKENS_PER_FRAME
    return Gap(values["first"], values["last"], values["count"], tokens)


def _place_of(session: Session, cursor: str) -> int | None:
    """The sequence that a cursor stands for; None where it is the end, as without one. Raises InvalidInput."""
    if cursor in ("", packing.FROM_THE_END):
        return None
    try:
        place = Interaction.objects.filter(session=session, pk=UUID(hex=cursor)).values_list("sequence", flat=True)
    except ValueError:
        place = Interaction.objects.none().values_list("sequence", flat=True)
    found = place.first()
    if found is None:
        raise InvalidInput("cursor", "is not a cursor of this session.", hint="Take the one of its latest pack.")
    return found


def elapsed_ms(session: Session) -> float:
    """How long a session's interactions took together, in milliseconds, as far as they say. Reads all of them."""
    total = Interaction.objects.filter(session=session).aggregate(total=Sum("execution_time_ms"))["total"]
    return float(total or 0)
