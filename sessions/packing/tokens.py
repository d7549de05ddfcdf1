"""How many tokens a text takes: an estimate that errs on the high side, and the shape of what may replace it.

The rule. Tokenizers of language models are byte-level BPE: they cut a text at blanks, letters, digits and signs, then
spell each piece with the longest byte sequences of their vocabulary (Radford et al. 2019, "Language Models are
Unsupervised Multitask Learners", §2.2; the cutting is the pattern of OpenAI's tiktoken, `cl100k_base`). The vendors'
rules of thumb, 4 characters of English a token (OpenAI's help pages) or 3.5 (Anthropic's glossary), hold for prose
alone: digits, hexadecimal, code and other scripts take more. So a text is cut here alike, in smaller pieces than any
vocabulary needs, and what stands outside ASCII is weighed by its script.

docs/context-pack.md tells how far the estimate lay from six real tokenizers.
"""

import re
from typing import Protocol

_PIECE = re.compile(
    r"[A-Z]?[a-z]{1,4}"  # a short word, with its capital and the blank before it
    r"|[A-Z]{1,2}|[0-9]"
    r"|[!-/:-@\[-`{-~]{1,2}"  # signs often come in pairs
    r"|[\r\n\t]{1,2}| {2,4}| (?=[0-9])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
# Words that no vocabulary has as a whole: compounds, inflected ones, names of code. And what is no word at all.
_LONG_WORD = re.compile(r"[A-Za-z]{9,}")
_NO_WORD = re.compile(r"[A-Za-z0-9+/=_-]{40,}|[!-/:-@\[-`{-~]{8,}")
# Tokens of a hundred characters, by script.
_WEIGHTS = (
    (re.compile("[\u0400-\u052f]"), 75),  # Cyrillic
    (re.compile("[\u0080-\u03ff\u0530-\u07ff]"), 125),  # what UTF-8 writes in two bytes
    (re.compile("[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff00-\uffef]"), 125),  # Chinese, Japanese, Korean
    (re.compile("[\u0800-\u2fff\u3100-\u33ff\ua000-\uabff\ue000-\ufeff\ufff0-\uffff]"), 225),
    (re.compile("[\U00010000-\U0010ffff]"), 400),  # emoji: a token for each byte at worst
)


class Tokenizer(Protocol):
    """Something that counts tokens. `name` stands in every pack that was measured with it."""

    name: str

    def count(self, text: str) -> int:
        """How many tokens the text takes; 0 for an empty one."""


class Estimate:
    """The tokenizer that needs no vocabulary. Takes about 0.1 ms for a thousand tokens."""

    name = "estimate-1"

    def count(self, text: str) -> int:
        tokens = len(_PIECE.findall(text))
        tokens += sum(map(len, _LONG_WORD.findall(text))) // 6 + sum(map(len, _NO_WORD.findall(text))) // 4
        if not text.isascii():
            tokens += sum(-(-len(script.findall(text)) * weight // 100) for script, weight in _WEIGHTS)
        return tokens


ESTIMATE = Estimate()
