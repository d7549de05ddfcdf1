"""Choosing what goes into a pack, so that it never takes more than its budget.

What is kept, the surest first: the frame (which session, which budget, what was left out), the title, the summary, the
preferences, the topics, the project context, the semantic context, the pinned interactions, the latest ones. The
context may take half of the room, the pinned interactions half of the rest, and the latest take what remains.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from sessions.errors import InvalidInput

from .forms import document, to_json, to_text
from .parts import ContextPack, Gap, Material, PackedTurn
from .shorten import cost_of_text, cost_of_turn, shorten_members, shorten_text, shorten_turn
from .tokens import ESTIMATE, Tokenizer

MIN_TOKENS = 500
"""The least budget: the frame of a session with the longest ID takes less."""
MAX_TOKENS = 1_000_000
FROM_THE_END = "latest"
"""The cursor that asks for the latest turns, without the context."""
MAX_PINNED = 20
_LEAST_TURN = 120
_GAP_TOKENS = 45
# One gap, and the cursor.
_MANIFEST_TOKENS = 130
_TITLE_CHARACTERS = 200
# In the order in which they are kept.
_PARTS = ("summary", "preferences", "active_topics", "project_context", "semantic_context")

type Gaps = Callable[[Sequence[PackedTurn], Sequence[PackedTurn]], Sequence[Gap]]
"""What of the session was left out when these pinned and these latest turns are in."""


def checked_budget(max_tokens: object) -> int:
    """A budget that a pack can keep to. Raises InvalidInput."""
    if type(max_tokens) is not int or not MIN_TOKENS <= max_tokens <= MAX_TOKENS:
        raise InvalidInput("max_tokens", f"must be a whole number from {MIN_TOKENS:,} to {MAX_TOKENS:,}.")
    return max_tokens


def assemble(
    material: Material,
    *,
    pinned: Sequence[PackedTurn],
    latest: Iterable[PackedTurn],
    gaps: Gaps,
    max_tokens: int,
    tokenizer: Tokenizer = ESTIMATE,
    is_first: bool = True,
) -> ContextPack:
    """The pack of a session. `latest` comes newest first and is only read as far as the budget goes.

    A first one in which the context leaves no room for turns has the cursor `FROM_THE_END`; one behind it, which has
    no context, leaves a turn out that does not fit, and goes on ahead of it. Raises InvalidInput for a budget that no
    pack can keep to.
    """
    checked_budget(max_tokens)
    title = material.title if len(material.title) <= _TITLE_CHARACTERS else f"{material.title[:_TITLE_CHARACTERS]}…"
    bare = ContextPack(
        material=_without_parts(replace(material, title=title)), max_tokens=max_tokens, tokenizer=tokenizer.name
    )
    room = _room_of(bare, tokenizer)
    if not is_first:
        # The first one has told whose it is, and here that must not stand in the way of what is asked for.
        for shorter in (replace(bare.material, title=""), replace(bare.material, title="", user_id="")):
            if room < _LEAST_TURN:
                bare = replace(bare, material=shorter)
                room = _room_of(bare, tokenizer)
    pack, left = _with_context(bare, material, room, tokenizer)
    newest = sorted(pinned, key=lambda turn: -turn.sequence)[:MAX_PINNED]
    shown = _fitting_pins(newest, left // 2, tokenizer)
    left -= sum(cost_of_turn(turn, tokenizer) + _GAP_TOKENS for turn in shown)
    waiting = iter(latest)
    newest_turn = next(waiting, None)
    turns = waiting if newest_turn is None else chain([newest_turn], waiting)
    recent = _fitting_latest(turns, {turn.sequence for turn in shown}, left, tokenizer)
    without_turns = FROM_THE_END if is_first else newest_turn.id.hex if newest_turn else ""
    return _within(_placed(pack, shown, recent), gaps, tokenizer, without_turns)


def _room_of(bare: ContextPack, tokenizer: Tokenizer) -> int:
    """What the frame and the manifest leave of the budget."""
    return max(0, bare.max_tokens - _tokens_of(bare, tokenizer) - _MANIFEST_TOKENS)


def _without_parts(material: Material) -> Material:
    return replace(material, summary="", preferences={}, active_topics=(), project_context={}, semantic_context={})


# --- Context ------------------------------------------------------------------------------------------------


def _with_context(pack: ContextPack, given: Material, room: int, tokenizer: Tokenizer) -> tuple[ContextPack, int]:
    """The pack with what of the context fits into half of the room; and the room that is left."""
    left = room // 2
    whole = {name: _cost(getattr(given, name), left, tokenizer) for name in _PARTS}
    all_fit = sum(whole.values()) <= left
    values: dict[str, Any] = {}
    missing: dict[str, int] = {}
    for name in _PARTS:
        allowed = left if all_fit or whole[name] <= left // 2 else left // 2
        values[name], missing[name] = _cut_part(getattr(given, name), allowed, tokenizer)
        cost = _cost(values[name], left, tokenizer)
        left -= cost
        room -= cost
    members = {name: count for name, count in missing.items() if count}
    return replace(pack, material=replace(pack.material, **values), members_left_out=members), room - 10 * len(members)


def _cost(value: Any, limit: int, tokenizer: Tokenizer) -> int:
    """What a part of the context takes with its heading; something beyond the limit is not counted out."""
    if not value:
        return 0
    text = value if isinstance(value, str) else to_json(value if isinstance(value, dict) else list(value))
    if len(text) > limit * 8:
        return limit + 1
    return cost_of_text(value, tokenizer) + 8 if isinstance(value, str) else tokenizer.count(text) + 8 + 4 * len(value)


def _cut_part(value: Any, tokens: int, tokenizer: Tokenizer) -> tuple[Any, int]:
    """A part of the context within so many tokens, and how many of its members were left out."""
    room = tokens - 8
    if isinstance(value, str):
        return shorten_text(value, room, tokenizer), 0
    if isinstance(value, dict):
        return shorten_members(value, room, tokenizer)
    kept, missing = shorten_members({str(place): item for place, item in enumerate(value)}, room, tokenizer)
    return tuple(str(item) for item in kept.values()), missing


# --- Turns --------------------------------------------------------------------------------------------------


def _fitting_pins(pinned: Sequence[PackedTurn], room: int, tokenizer: Tokenizer) -> list[PackedTurn]:
    """The pinned turns that fit, the first served first; where not all do, none takes more than an equal part."""
    costs = [cost_of_turn(turn, tokenizer) + _GAP_TOKENS for turn in pinned]
    share = room if sum(costs) <= room else max(room // max(len(pinned), 1), _LEAST_TURN + _GAP_TOKENS)
    kept: list[PackedTurn] = []
    for turn in pinned:
        fitting = _fitted(turn, min(share, room) - _GAP_TOKENS, tokenizer)
        if fitting is not None:
            kept.append(fitting)
            room -= cost_of_turn(fitting, tokenizer) + _GAP_TOKENS
    return kept


def _fitting_latest(latest: Iterable[PackedTurn], shown: set[int], room: int, tokenizer: Tokenizer) -> list[PackedTurn]:
    """The latest turns that fit, newest first. No single one takes more than half, later a third, of the room."""
    kept: list[PackedTurn] = []
    cap = room // 2
    least = _LEAST_TURN
    for turn in latest:
        if room < least:
            break
        if turn.sequence in shown:
            continue
        fitting = _fitted(turn, min(max(cap, least), room), tokenizer)
        if fitting is None:
            break
        kept.append(fitting)
        room -= cost_of_turn(fitting, tokenizer)
        cap = max(cap * 2 // 3, least) if len(kept) == 1 else cap
    return kept


def _fitted(turn: PackedTurn, tokens: int, tokenizer: Tokenizer) -> PackedTurn | None:
    if not turn.hidden and cost_of_turn(turn, tokenizer) <= tokens:
        return turn
    return shorten_turn(turn, tokens, tokenizer) if tokens >= _LEAST_TURN else None


def _placed(pack: ContextPack, pinned: Sequence[PackedTurn], latest: Sequence[PackedTurn]) -> ContextPack:
    """Both in the order of the conversation; a pinned turn that is among the latest stands there."""
    start = min((turn.sequence for turn in latest), default=None)
    recent: list[PackedTurn] = []
    elsewhere: list[PackedTurn] = []
    for turn in sorted(pinned, key=lambda turn: -turn.sequence):
        if start is not None and turn.sequence >= start - 1:
            start = min(start, turn.sequence)
            recent.append(turn)
        else:
            elsewhere.append(turn)
    in_order = sorted([*latest, *recent], key=lambda turn: turn.sequence)
    return replace(pack, pinned=sorted(elsewhere, key=lambda turn: turn.sequence), latest=in_order)


# --- The budget ---------------------------------------------------------------------------------------------


def _within(pack: ContextPack, gaps: Gaps, tokenizer: Tokenizer, without_turns: str) -> ContextPack:
    """The pack, measured whole, without what is too much after all. Raises InvalidInput when only the frame is left."""
    while True:
        missing = gaps(pack.pinned, pack.latest)
        told = replace(pack, gaps=missing, cursor=_cursor(pack.latest, missing, without_turns))
        tokens = _tokens_of(told, tokenizer)
        if tokens <= pack.max_tokens:
            return replace(told, tokens=tokens)
        smaller = _dropped(pack, tokens - pack.max_tokens, tokenizer)
        if smaller is None:
            raise InvalidInput("max_tokens", f"is too little: the frame alone takes {tokens:,} tokens.")
        pack = smaller


def _cursor(latest: Sequence[PackedTurn], gaps: Sequence[Gap], without_turns: str) -> str:
    """What asks for the turns before the oldest of these; a merge renumbers, so it is the turn's ID."""
    if not latest:
        return without_turns if gaps else ""
    return latest[0].id.hex if any(gap.first < latest[0].sequence for gap in gaps) else ""


def _dropped(pack: ContextPack, excess: int, tokenizer: Tokenizer) -> ContextPack | None:
    """The pack without what is kept least surely, as much as the excess asks for; None when only the frame is left."""
    for name in ("latest", "pinned"):
        turns: list[PackedTurn] = list(getattr(pack, name))
        if turns:
            freed = 0
            while turns and freed < excess:
                freed += cost_of_turn(turns.pop(0), tokenizer)
            return replace(pack, **{name: turns})  # type: ignore[arg-type]
    for name in reversed(("title", "user_id", *_PARTS)):
        value = getattr(pack.material, name)
        if value:
            missing = {} if isinstance(value, str) else {name: len(value) + pack.members_left_out.get(name, 0)}
            material = replace(pack.material, **{name: type(value)()})
            return replace(pack, material=material, members_left_out={**pack.members_left_out, **missing})
    return None


def _tokens_of(pack: ContextPack, tokenizer: Tokenizer) -> int:
    """What the longer form takes, whatever number stands for it in the end."""
    measured = replace(pack, tokens=pack.max_tokens)
    return max(tokenizer.count(to_json(document(measured))), tokenizer.count(to_text(measured)))
