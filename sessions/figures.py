"""The figures of a session that follow from its interactions: counted as they come, or worked out anew."""

from . import models
from .models import MAX_MODELS, MAX_OPENING, SessionModel
from .records import InteractionKind

MAX_SUM = 10**15
"""Where a session's sums stop. What lists sort by and users are told adds up sums, and a database holds 64 bits."""
_REQUESTS = frozenset({InteractionKind.CLIENT_REQUEST, InteractionKind.CONVERSATION_TURN})


def count_in(session: models.Session, row: models.Interaction) -> None:
    """Add one interaction to its session's figures; the caller saves them."""
    session.last_sequence = max(session.last_sequence, row.sequence)
    session.interaction_count += 1
    session.error_count += is_error(row)
    # No single absurd number may shut a session against all later ones, nor a list that it stands in.
    session.input_tokens = min(session.input_tokens + (row.input_tokens or 0), MAX_SUM)
    session.output_tokens = min(session.output_tokens + (row.output_tokens or 0), MAX_SUM)
    session.cost_microusd = min(session.cost_microusd + (row.cost_microusd or 0), MAX_SUM)
    if not session.opening and row.prompt and row.kind in _REQUESTS:
        session.opening = " ".join(row.prompt[: MAX_OPENING * 4].split())[:MAX_OPENING]
    if row.model and row.model not in session.model_names and len(session.model_names) < MAX_MODELS:
        # A new list, so that a caller sees by its identity that one has come.
        session.model_names = [*session.model_names, row.model]


def note_models(session: models.Session) -> None:
    """Let the table that lists are narrowed by have what `model_names` says; within the caller's transaction."""
    rows = [SessionModel(session=session, name=name) for name in session.model_names]
    SessionModel.objects.bulk_create(rows, ignore_conflicts=True)


def is_error(row: models.Interaction) -> bool:
    """Whether an interaction counts as an error."""
    return row.kind == InteractionKind.ERROR or row.status == "error"


def reset(session: models.Session) -> None:
    """Set the figures to those of an empty session."""
    session.last_sequence = session.interaction_count = session.error_count = 0
    session.input_tokens = session.output_tokens = session.cost_microusd = 0
    session.opening = ""
    session.model_names = []


def recount(session: models.Session) -> None:
    """Work the figures of a locked session out from its rows, its models' table included; the caller saves it."""
    reset(session)
    rows = models.Interaction.objects.of(session.pk).defer(
        "response", "reasoning", "tool_parameters", "metadata", "source_record", "origins"
    )
    for row in rows.iterator(chunk_size=1000):
        count_in(session, row)
    SessionModel.objects.filter(session=session).exclude(name__in=session.model_names).delete()
    note_models(session)
