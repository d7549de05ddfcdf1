"""The one question that both databases are asked in the same words: which candidates stand where one looks.

The index gives the latest candidates; each is led to its interaction and on to the session it is in now, in the same
statement, so that a narrow filter costs no round trip for every few of them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from sessions.querysets import SessionQuerySet

if TYPE_CHECKING:
    from .engine import Match

_HOME = "coalesce(interaction.session_id, passage.session_id)"
_MATCHES = """
WITH latest (id) AS MATERIALIZED ({latest})
SELECT latest.id, EXISTS ({home})
FROM latest
JOIN conversations_passage AS passage ON passage.id = latest.id
LEFT JOIN conversations_interaction AS interaction ON interaction.id = passage.interaction_id
ORDER BY latest.id DESC
"""


def matches(latest: str, parameters: Sequence[Any], homes: SessionQuerySet) -> list["Match"]:
    """The candidates of a statement that gives passage IDs, the highest first, and whether `homes` hold them."""
    from .engine import Match

    # What an absorbed session has kept of its interactions, its survivor has as well.
    live = Q(merged_into=None) | Q(RawSQL("passage.interaction_id IS NULL", [], output_field=BooleanField()))
    home = homes.filter(live, pk=RawSQL(_HOME, [])).values("pk")  # noqa: S611
    sql, home_parameters = home.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_MATCHES.format(latest=latest, home=sql), [*parameters, *home_parameters])
        return [Match(passage_id, bool(at_home)) for passage_id, at_home in cursor.fetchall()]
