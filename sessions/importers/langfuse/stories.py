"""The conversation in a trace: the messages of its model calls once each, though every call repeats those before it.

The messages of a call are a way through a tree, by what was said up to each; so what two calls have in common is told
once, and where they part there is a branch. What other observations say besides is told beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sessions.records import JSON, ImportedInteraction, ImportEvent, InteractionKind, SessionDraft, SetAside

from ..blocks import result_text
from ..chat import read_message, role_of, turn_part
from ..dialogues import kept, without
from ..formats import set_aside
from ..threads import Message, Part, Thread, canonical, compact
from ..values import clip, digest, name_of, parse_time, safe_session_id, text
from .notations import messages_in, unpacked
from .observations import Observation, as_text, fingerprint, identifier, is_around_a_call, spend, spoken
from .said import Said

SOURCE = "langfuse"
MIN_UNIQUE_ID = 16
MAX_ALIKE = 100
"""Among so many calls of the same parameters that of a tool at work is looked for."""

_TOLD = frozenset({"input", "output", "metadata"})


@dataclass(slots=True)
class _Node:
    message: Message
    order: datetime | None
    number: int


class Story:
    """One trace, from its observations to its interactions."""

    def __init__(self, trace: dict[str, Any], observations: list[tuple[JSON, str]], place: str) -> None:
        self._trace = trace
        self._place = place
        self._nodes: dict[str, _Node] = {}
        self._said = Said()
        # The calls that were told: where, by their IDs, by what they are, and by their parameters.
        self._call_keys: dict[str, str] = {}
        self._calls: dict[str, list[tuple[str, Part]]] = {}
        self._results: set[str] = set()
        self._answered: set[str | None] = set()
        self._parents: set[str | None] = set()
        self._asides: list[SetAside] = []
        self._observations = self._sorted(observations)
        original = text(trace.get("sessionId")) or text(trace.get("id"))
        self._original = original
        named = original if len(original) >= MIN_UNIQUE_ID else f"{SOURCE}-{original or digest(canonical(trace))}"
        self._thread = Thread(SOURCE, safe_session_id(named, SOURCE))

    def tell(self) -> Iterator[ImportEvent]:
        """The session, its interactions in order of time, and what gave none."""
        calls = [one for one in self._observations if one.calls_a_model and not is_around_a_call(one)]
        for observation in calls:
            self._take_call(observation)
        told = {id(one) for one in calls}
        others = [one for one in self._observations if id(one) not in told]
        # What stands there as messages says more than the bare text of one.
        for observation in sorted(others, key=lambda one: not one.has_messages):
            self._take_other(observation)
        self._take_trace()
        said = list(self._interactions())
        yield self._draft()
        yield from said
        yield from self._asides

    # --- observations -----------------------------------------------------------------------------------------

    def _sorted(self, observations: list[tuple[JSON, str]]) -> list[Observation]:
        found: list[Observation] = []
        by_id: dict[str, Observation] = {}
        for record, place in observations:
            if not isinstance(record, dict):
                self._asides.append(set_aside(place, "not an object", damaged=True, raw=compact(record)))
                continue
            began, ended = parse_time(record.get("startTime")), parse_time(record.get("endTime"))
            one = Observation(record, place, compact(without(record, *_TOLD)), began, ended)
            found.append(one)
            by_id.setdefault(text(record.get("id")), one)
        for one in found:
            parent = by_id.get(text(one.record.get("parentObservationId")))
            if parent is not None and parent is not one:
                parent.children.append(one)
        timed = [one.began for one in found if one.began]
        first = min(timed, default=None)
        return sorted(found, key=lambda one: (one.began or first or 0).timestamp() if first else 0)  # type: ignore[union-attr]

    def _take_call(self, observation: Observation) -> None:
        """The way through what the model was given, and what it answered at its end."""
        record = observation.record
        given = messages_in(record.get("input"), "user")
        made = messages_in(record.get("output"), "assistant")
        if given is None and (said := as_text(record.get("input"))):
            given = [{"role": "user", "content": said}]
        if made is None and (said := as_text(record.get("output"))) and said != "None":
            made = [{"role": "assistant", "content": said}]
        before = len(self._nodes)
        way, has_answer = self._continued(given or []), False
        for message in given or []:
            way, has_answer = self._step(way, message, observation, has_answer=has_answer, is_made=False)
        answers_at = len(self._nodes)
        for message in made or []:
            way, has_answer = self._step(way, message, observation, has_answer=has_answer, is_made=True)
        self._spend(observation, list(self._nodes.values())[answers_at:])
        self._note_failure(observation)
        if len(self._nodes) == before:
            self._aside(observation)

    def _spend(self, observation: Observation, answers: list[_Node]) -> None:
        """What the call cost stands with its answer, or for itself where that is not told."""
        if answers:
            spend([part for node in answers for part in node.message.parts], observation)
            return
        part = Part(InteractionKind.AGENT_RESPONSE)
        spend([part], observation)
        if part.input_tokens is not None or part.output_tokens is not None:
            key = f"{text(observation.record.get('id'))}:usage"
            self._add(key, [part], None, observation, observation.raw, at_end=True)

    def _continued(self, given: list[dict[str, Any]]) -> str | None:
        """Where a call goes on that was given only what is new: a tool's result, say, behind the call of the tool."""
        first = role_of(given[0].get("role")) if given else ""
        return next(reversed(self._nodes), None) if first in ("tool", "assistant") else None

    def _step(
        self, way: str | None, message: dict[str, Any], observation: Observation, *, has_answer: bool, is_made: bool
    ) -> tuple[str, bool]:
        """One message further; told where no call came by here before."""
        parts = read_message(message)
        key = self._known_call(parts) or digest(f"{way}\0{canonical([fingerprint(part) for part in parts])}")
        is_answer = any(part.kind in (InteractionKind.AGENT_RESPONSE, InteractionKind.TOOL_CALL) for part in parts)
        if key not in self._nodes:
            # Requests that open a call are not answers to each other, whatever stood ahead of them.
            parent = way if has_answer or is_answer else self._root_of(way, parts)
            record = compact(message)
            if is_made:
                record = compact({**without(observation.record, *_TOLD), "output": message})
            self._add(key, parts, parent, observation, record, at_end=is_made)
        return key, has_answer or is_answer

    def _known_call(self, parts: list[Part]) -> str | None:
        """Where these calls were told: some tell the calls of one answer one by one, or in another order."""
        wanted = {part.call_id for part in parts if part.kind is InteractionKind.TOOL_CALL and part.call_id}
        if len(wanted) < len(parts):
            return None
        return next((self._call_keys[call_id] for call_id in wanted if call_id in self._call_keys), None)

    def _root_of(self, way: str | None, parts: list[Part]) -> str | None:
        return None if parts[0].kind is InteractionKind.CLIENT_REQUEST else way

    def _add(
        self,
        key: str,
        parts: list[Part],
        parent: str | None,
        observation: Observation,
        record: bytes,
        *,
        at_end: bool = False,
    ) -> None:
        moment = observation.ended if at_end and observation.ended else observation.began
        after = self._nodes[parent].order if parent in self._nodes else None
        order = max(filter(None, (moment, after)), default=None)
        # The results of several calls are no alternatives.
        is_result = parts[0].kind is InteractionKind.TOOL_RESPONSE
        is_branch = parent is not None and parent in self._parents and not is_result
        self._parents.add(parent)
        if is_result:
            self._answered.add(parent)
        message = Message(key, observation.place, parts, parent, moment, record, is_branch=is_branch)
        self._nodes[key] = _Node(message, order, len(self._nodes))
        for part in parts:
            self._said.note(part)
            if part.kind is InteractionKind.TOOL_CALL:
                self._call_keys.setdefault(part.call_id, key)
                self._said.call_prints.add(canonical(fingerprint(part)))
                alike = self._calls.setdefault(canonical(part.tool_parameters), [])
                if len(alike) < MAX_ALIKE:
                    alike.append((key, part))
            elif part.kind is InteractionKind.TOOL_RESPONSE:
                self._results.add(canonical(unpacked(part.response)))

    def _take_other(self, observation: Observation) -> None:
        """What an observation says that no message has said; most of them repeat what happened inside them."""
        record = observation.record
        parts: list[Part] = []
        parent: str | None = None
        if observation.kind == "TOOL":
            parts, parent = self._tool(observation)
        else:
            for name, speaker in (("input", "user"), ("output", "assistant")):
                parts += self._unsaid(record.get(name), speaker, f"{observation.kind} {observation.name}".strip())
        if parts:
            spend(parts, observation)
            raw = compact(without(record, "metadata"))
            self._add(f"{text(record.get('id'))}:{digest(raw)}", parts, parent, observation, raw)
        failed = self._note_failure(observation)
        if not parts and not failed:
            self._aside(observation)

    def _tool(self, observation: Observation) -> tuple[list[Part], str | None]:
        """A tool at work: the result of a call that a model made, or both where no message tells of it."""
        given, made = unpacked(observation.record.get("input")), unpacked(observation.record.get("output"))
        said, _ = result_text(made)
        result = Part(InteractionKind.TOOL_RESPONSE, name="result", response=said, tool_name=observation.name)
        result.status = "error" if observation.record.get("level") == "ERROR" else "success"
        if observation.began and observation.ended:
            result.execution_time_ms = (observation.ended - observation.began) / timedelta(milliseconds=1)
        for key, call in self._calls.get(canonical(given), ()):
            if call.tool_name and call.tool_name in observation.name:
                result.call_id, result.tool_name = call.call_id, call.tool_name
                return ([], None) if self._is_answered(key, made) else ([result], key)
        call = Part(InteractionKind.TOOL_CALL, tool_name=observation.name, tool_parameters=given)
        return [call, result], None

    def _is_answered(self, call: str, made: JSON) -> bool:
        """Whether messages have a tool's result, as it is or within another value."""
        if made in (None, "", {}, []):
            return call in self._answered
        return canonical(made) in self._results or (isinstance(made, str) and self._said.stands(made))

    def _take_trace(self) -> None:
        """What the trace as a whole took in and gave out, where no observation has it."""
        trace = {**self._trace, "startTime": self._trace.get("timestamp"), "type": "TRACE"}
        began = parse_time(trace["startTime"])
        whole = Observation(trace, self._place, compact(without(self._trace, "observations", *_TOLD)), began, None)
        parts: list[Part] = []
        for name, speaker in (("input", "user"), ("output", "assistant")):
            parts += self._unsaid(self._trace.get(name), speaker, "TRACE")
        if parts:
            self._add(f"trace:{text(self._trace.get('id'))}", parts, None, whole, whole.raw)

    def _unsaid(self, value: JSON, speaker: str, label: str) -> list[Part]:
        if value is None or value == "" or self._said.has(value):
            return []
        told = messages_in(value, speaker)
        if told is None:
            said = as_text(value)
            if not said:
                return []
            part = turn_part(said, "") if label != "TRACE" else spoken(said, speaker)
            part.metadata["record"] = clip(name_of(label), 120)
            told_parts = [part]
        else:
            told_parts = [part for message in told for part in read_message(message)]
        unsaid = [part for part in told_parts if not self._said.has_part(part)]
        for part in unsaid:
            self._said.note(part)
        return unsaid

    def _note_failure(self, observation: Observation) -> bool:
        message = text(observation.record.get("statusMessage"))
        if observation.record.get("level") != "ERROR" or not message or message in self._said.texts:
            return False
        part = Part(InteractionKind.ERROR, error_message=message, status="error")
        part.metadata["record"] = clip(name_of(f"{observation.kind} {observation.name}"), 120)
        raw = compact(without(observation.record, *_TOLD))
        self._add(f"{text(observation.record.get('id'))}:error", [part], None, observation, raw, at_end=True)
        return True

    def _aside(self, observation: Observation) -> None:
        record = observation.record
        is_empty = not record.get("input") and not record.get("output")
        reason = f"observation: {name_of(observation.kind)}, {'empty' if is_empty else 'which repeats'}"
        self._asides.append(set_aside(observation.place, reason, damaged=False, raw=observation.raw))

    # --- events -----------------------------------------------------------------------------------------------

    def _interactions(self) -> Iterator[ImportedInteraction]:
        timed = [node.order for node in self._nodes.values() if node.order]
        first = min(timed, default=None)
        self._thread.see_time(first)
        nodes = list(self._nodes.values())
        if first is not None:
            nodes.sort(key=lambda node: (node.order or first, node.number))
        for node in nodes:
            yield from self._thread.say(node.message)

    def _draft(self) -> SessionDraft:
        trace, thread = self._trace, self._thread
        metadata: dict[str, JSON] = {"trace": kept(without(trace, "observations", "input", "output"))}
        if self._original not in ("", thread.session_id):
            metadata["original_session_id"] = clip(self._original, 1000)
        tags = trace.get("tags")
        return SessionDraft(
            session_id=thread.session_id,
            user_id=identifier(trace.get("userId")),
            title=clip(text(trace.get("name")), 1000) or None,
            source=SOURCE,
            created_at=parse_time(trace.get("timestamp")) or thread.first_time,
            last_activity_at=thread.last_time,
            metadata=metadata,
            tags=tuple(clip(tag, 100) for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else None,
        )
