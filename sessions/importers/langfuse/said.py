"""What the messages of a trace have said so far, by which it is found what says the same again."""

from sessions.records import JSON, InteractionKind

from ..threads import Part, canonical
from .notations import leaves, unpacked
from .observations import fingerprint, words

MAX_SEARCHED_CHARACTERS = 100_000_000
"""How much is looked through for texts that stand within others; beyond it only whole texts are found again."""


class Said:
    """The texts and the calls that were told. `call_prints` are the calls' fingerprints."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.call_prints: set[str] = set()
        self._corpus: list[str] = []
        self._corpus_size = 0
        self._budget = MAX_SEARCHED_CHARACTERS

    def note(self, part: Part) -> None:
        """Take note of what a part says."""
        for said in leaves([words(part), part.reasoning, part.tool_parameters]):
            if said not in self.texts:
                self.texts.add(said)
                self._corpus.append(said)
                self._corpus_size += len(said)

    def has_part(self, part: Part) -> bool:
        """Whether a part says nothing new: its call was told, or its words were."""
        if part.kind is InteractionKind.TOOL_CALL:
            return canonical(fingerprint(part)) in self.call_prints
        return not words(part) or self.has(words(part))

    def has(self, value: JSON) -> bool:
        """Whether all texts in a value stand in messages, as a whole or as a part of one."""
        value = unpacked(value)
        if isinstance(value, str):
            return self.stands(value)
        found = leaves(value)
        return bool(found) and all(self.stands(said) for said in found)

    def stands(self, said: str) -> bool:
        """Whether a text was said, by itself or within another."""
        if said in self.texts:
            return True
        self._budget -= self._corpus_size
        return self._budget > 0 and any(said in other for other in self._corpus if len(other) > len(said))
