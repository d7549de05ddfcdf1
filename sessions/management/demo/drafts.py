"""From a conversation's pieces to interactions: each gets its time, key, parent, tokens and cost.

All of it follows from the texts alone, so that the same file gives the same interactions, only their times moving
with the day. Times run backwards from the conversation's end.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sessions.records import ImportedInteraction, ImportEvent, InteractionDraft, InteractionKind, SessionDraft

from .cast import PRICES
from .transcript import Conversation, Piece

KEY_PREFIX = "demo:"
_KINDS = {
    "user": InteractionKind.CLIENT_REQUEST,
    "assistant": InteractionKind.AGENT_RESPONSE,
    "system": InteractionKind.CONVERSATION_TURN,
    "call": InteractionKind.TOOL_CALL,
    "result": InteractionKind.TOOL_RESPONSE,
    "failed": InteractionKind.TOOL_RESPONSE,
    "error": InteractionKind.ERROR,
    "turn": InteractionKind.CONVERSATION_TURN,
}
_PROMPT_TOKENS = 1_800
_LONGEST_PROMPT_TOKENS = 160_000


def interactions(conversation: Conversation, ended_at: datetime) -> list[InteractionDraft]:
    """The conversation's interactions, the last of them at `ended_at`."""
    moments = _moments(conversation.pieces, ended_at)
    drafts: list[InteractionDraft] = []
    labels: dict[str, str] = {}
    context_tokens = _PROMPT_TOKENS
    for number, (piece, moment) in enumerate(zip(conversation.pieces, moments, strict=True), start=1):
        key = f"{KEY_PREFIX}{conversation.name}:{number}"
        if piece.label:
            labels[piece.label] = key
        draft = InteractionDraft(
            kind=_KINDS[piece.kind],
            occurred_at=moment,
            idempotency_key=key,
            parent_key=labels[piece.after] if piece.after else drafts[-1].idempotency_key if drafts else None,
            **_said(piece),
            **_about_tool(piece, key, drafts),
            **_usage(piece, conversation.model, context_tokens),
        )
        context_tokens = min(context_tokens + _tokens(piece), _LONGEST_PROMPT_TOKENS)
        drafts.append(draft)
    return drafts


def events(
    conversation: Conversation, session_id: str, drafts: Sequence[InteractionDraft], ended_at: datetime
) -> Iterator[ImportEvent]:
    """The session and its interactions, as an importer would hand them over."""
    started_at = min((draft.occurred_at for draft in drafts if draft.occurred_at), default=ended_at)
    yield SessionDraft(
        session_id=session_id,
        user_id=conversation.user,
        title=conversation.title,
        source=conversation.source,
        created_at=started_at,
        last_activity_at=ended_at,
        stated_interactions=conversation.stated_interactions,
        context_summary=conversation.context_summary,
        active_topics=conversation.active_topics,
        user_preferences=conversation.user_preferences,
        project_context=conversation.project_context,
        semantic_context=conversation.semantic_context,
        metadata=conversation.metadata,
        tags=conversation.tags,
    )
    for draft in drafts:
        yield ImportedInteraction(session_id=session_id, draft=draft, place=draft.idempotency_key or "")


def _said(piece: Piece) -> dict[str, Any]:
    match piece.kind:
        case "user":
            return {"prompt": piece.text}
        case "turn":
            return {"prompt": piece.text, "response": piece.answer, "status": "success"}
        case "error":
            return {"error_message": piece.text, "status": "error"}
    return {"response": piece.text, "reasoning": piece.reasoning}


def _about_tool(piece: Piece, key: str, before: Sequence[InteractionDraft]) -> dict[str, Any]:
    """What ties a result to its call, for people by the tool's name and for programs by the call's ID."""
    metadata: dict[str, Any] = dict(piece.metadata)
    if piece.kind == "system":
        metadata["role"] = "system"
    if piece.kind == "call":
        call_id = f"call_{zlib.crc32(key.encode()):08x}"
        return {
            "tool_name": piece.tool_name,
            "tool_parameters": piece.tool_parameters,
            "metadata": {**metadata, "tool_use_id": call_id},
        }
    if piece.kind not in ("result", "failed"):
        return {"metadata": metadata}
    call = next(draft for draft in reversed(before) if draft.kind is InteractionKind.TOOL_CALL)
    return {
        "tool_name": call.tool_name,
        "status": "success" if piece.kind == "result" else "error",
        "metadata": {**metadata, "tool_use_id": call.metadata["tool_use_id"]},
    }


def _usage(piece: Piece, model: str, context_tokens: int) -> dict[str, Any]:
    """How long it took, and for what a model said also the tokens and their cost."""
    elapsed_ms = None if piece.kind in ("user", "system", "call") else round(_seconds(piece) * 1000, 1)
    if not model or piece.kind not in ("assistant", "call", "turn"):
        return {"execution_time_ms": elapsed_ms}
    price, output_tokens = PRICES[model], _tokens(piece)
    cost = context_tokens * price.input_microusd + output_tokens * price.output_microusd
    return {
        "execution_time_ms": elapsed_ms,
        "model": model,
        "input_tokens": context_tokens,
        "output_tokens": output_tokens,
        "cost_microusd": round(cost),
    }


def _moments(pieces: Sequence[Piece], ended_at: datetime) -> list[datetime]:
    moments = []
    moment = ended_at
    for piece in reversed(pieces):
        moments.append(moment)
        asking = _asking_seconds(piece.text) if piece.kind == "turn" else 0
        moment -= timedelta(seconds=piece.pause_seconds + asking + _seconds(piece))
    return moments[::-1]


def _seconds(piece: Piece) -> float:
    """How long it took to say, to think or to run."""
    if piece.execution_time_ms is not None:
        return piece.execution_time_ms / 1000
    chance = _chance(piece.text)
    match piece.kind:
        case "user":
            return _asking_seconds(piece.text)
        case "call":
            return 0.8 + chance
        case "result" | "failed":
            return 0.02 + chance**4 * 9
        case "error":
            return 1 + 30 * chance
    return 1.2 + 2 * chance + len(piece.text + piece.answer + piece.reasoning) / 90


def _asking_seconds(text: str) -> float:
    """How long a person reads, thinks and types."""
    return min(20 + len(text) / 8, 420) + 300 * _chance(text) ** 2


def _chance(text: str) -> float:
    """A number from 0 up to 1, the same for the same text."""
    return zlib.crc32(text.encode()) % 1000 / 1000


def _tokens(piece: Piece) -> int:
    """About four bytes a token, whatever the script."""
    said: Mapping[str, Any] = {} if piece.tool_parameters is None else piece.tool_parameters
    return max(1, len(f"{piece.text}{piece.answer}{piece.reasoning}{said or ''}".encode()) // 4)
