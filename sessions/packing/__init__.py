"""The context pack: what an agent gets that goes on with a conversation, within a budget of tokens.

`tokens` counts, `shorten` cuts what is too long, `pack` chooses what goes in, `forms` writes it down. Pure: no Django,
no database. docs/context-pack.md is the contract.
"""

from .forms import SCHEMA, document, sections, to_json, to_text
from .pack import FROM_THE_END, MAX_PINNED, MAX_TOKENS, MIN_TOKENS, assemble, checked_budget
from .parts import ContextPack, Gap, Material, PackedTurn
from .tokens import ESTIMATE, Estimate, Tokenizer

__all__ = [
    "ESTIMATE",
    "FROM_THE_END",
    "MAX_PINNED",
    "MAX_TOKENS",
    "MIN_TOKENS",
    "SCHEMA",
    "ContextPack",
    "Estimate",
    "Gap",
    "Material",
    "PackedTurn",
    "Tokenizer",
    "assemble",
    "checked_budget",
    "document",
    "sections",
    "to_json",
    "to_text",
]
