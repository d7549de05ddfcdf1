"""What the formats share in which a reply and its tools' calls are one message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sessions.records import JSON, InteractionRecord

from .pieces import Piece, What


@dataclass(slots=True)
class Answered:
    """A piece of a reply; `call_id` is the same on a call and on its result, which stands at `result` in the reply.

    `is_answer` is for the results whose call is in the same reply.
    """

    piece: Piece
    record: InteractionRecord
    call_id: str = ""
    result: int | None = None
    is_answer: bool = False


def answered(pieces: Sequence[tuple[InteractionRecord, Piece]]) -> list[Answered]:
    """The pieces of a reply, results brought together with their calls: by ID, else by the tool's name and order."""
    found = [Answered(piece, record) for record, piece in pieces]
    for place, one in enumerate(found):
        if one.piece.what is What.CALL:
            one.call_id = one.piece.call_id or str(one.record.id)
        elif one.piece.what is What.RESULT:
            call = next((call for call in found[:place] if _is_answered_by(call, one.piece)), None)
            one.call_id = call.call_id if call else one.piece.call_id or str(one.record.id)
            if call:
                call.result, one.is_answer = place, True
    return found


def _is_answered_by(call: Answered, result: Piece) -> bool:
    if call.piece.what is not What.CALL or call.result is not None:
        return False
    if call.piece.call_id or result.call_id:
        return call.piece.call_id == result.call_id
    return result.name in ("", call.piece.name)


def joined(pieces: Sequence[tuple[InteractionRecord, Piece]], *kinds: What) -> str:
    """All that is said of these kinds, as paragraphs."""
    return "\n\n".join(piece.text for _, piece in pieces if piece.what in kinds)


def model_of(pieces: Sequence[tuple[InteractionRecord, Piece]]) -> str:
    """The model that spoke; "" where none is known."""
    return next((record.model for record, _ in pieces if record.model), "")


def tokens_of(pieces: Sequence[tuple[InteractionRecord, Piece]]) -> tuple[int | None, int | None]:
    """Input and output tokens of all interactions in the message; None where none says."""
    records = {record.id: record for record, _ in pieces}.values()
    given = [record.input_tokens for record in records if record.input_tokens is not None]
    made = [record.output_tokens for record in records if record.output_tokens is not None]
    return sum(given) if given else None, sum(made) if made else None


def files_of(pieces: Sequence[tuple[InteractionRecord, Piece]]) -> list[Mapping[str, JSON]]:
    """What is known of the files of the message."""
    return [file for _, piece in pieces for file in piece.files]
