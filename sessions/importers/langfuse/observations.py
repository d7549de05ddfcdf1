"""One observation of a trace, and what its record says of the interactions that are made of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sessions.records import JSON, InteractionKind

from ..blocks import decoded
from ..chat import usage_of
from ..threads import Part, canonical
from ..values import clip, count, mapping, milliseconds, text
from .notations import messages_in, unpacked

_MODEL_CALLS = frozenset({"GENERATION"})


@dataclass(slots=True)
class Observation:
    record: dict[str, Any]
    place: str
    raw: bytes
    began: datetime | None
    ended: datetime | None
    children: list["Observation"] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return text(self.record.get("type"))

    @property
    def name(self) -> str:
        return text(self.record.get("name"))

    @property
    def has_messages(self) -> bool:
        return any(messages_in(self.record.get(name), "user") is not None for name in ("input", "output"))

    @property
    def calls_a_model(self) -> bool:
        return self.kind in _MODEL_CALLS


def is_around_a_call(observation: Observation) -> bool:
    """Whether the model was called further inside: then this tells the same once more."""
    waiting, seen = list(observation.children), {id(observation)}
    while waiting:
        one = waiting.pop()
        if one.calls_a_model and (one.record.get("input") or one.record.get("output")):
            return True
        if id(one) not in seen:
            seen.add(id(one))
            waiting += one.children
    return False


def fingerprint(part: Part) -> list[JSON]:
    """What makes a message the same in every call: not its IDs, nor the thoughts that are not given back."""
    return [str(part.kind), words(part).strip(), part.tool_name if part.tool_parameters else "", part.tool_parameters]


def words(part: Part) -> str:
    return part.prompt or part.response or part.error_message


def spoken(said: str, speaker: str) -> Part:
    if speaker == "user":
        return Part(InteractionKind.CLIENT_REQUEST, prompt=said)
    return Part(InteractionKind.AGENT_RESPONSE, response=said)


def as_text(value: JSON) -> str:
    value = unpacked(value)
    if isinstance(value, str):
        return value
    return "" if value is None or value in ({}, []) else canonical(value)


def spend(parts: list[Part], observation: Observation) -> None:
    """Model, tokens, price and duration of a call stand with the first interaction of its answer."""
    record = observation.record
    first = parts[0]
    for part in parts:
        if part.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL):
            part.model = text(record.get("model"))
    if not observation.calls_a_model:
        return
    details = mapping(record.get("usageDetails")) or mapping(record.get("usage"))
    first.input_tokens, first.output_tokens = usage_of(details or record)
    rest = {name: number for name, number in details.items() if count(number) and name not in ("input", "output")}
    if rest:
        first.metadata["usage"] = rest
    price = (
        mapping(record.get("costDetails")).get("total") or record.get("totalCost") or record.get("calculatedTotalCost")
    )
    if dollars := milliseconds(price):
        first.cost_microusd = round(dollars * 1_000_000)
    if observation.began and observation.ended and first.kind is not InteractionKind.TOOL_RESPONSE:
        first.execution_time_ms = max(0.0, (observation.ended - observation.began) / timedelta(milliseconds=1))
    if observation.name:
        first.metadata["observation"] = clip(observation.name, 255)
    if settings := mapping(decoded(record.get("modelParameters"))):
        first.metadata["parameters"] = settings


def identifier(value: JSON) -> str | None:
    said = text(value).strip()
    return said if 0 < len(said) <= 255 and said.isprintable() else None
