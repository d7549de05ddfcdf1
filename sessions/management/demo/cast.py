"""Who speaks in the sample conversations: seven invented users, and what their models cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from sessions.records import JSON

PROFILES: Mapping[str, Mapping[str, JSON]] = {
    "nora@example.com": {
        "language": "en",
        "editor": "neovim",
        "test_first": True,
        "style": "Show the diff before explaining it.",
        "timezone": "Europe/Stockholm",
    },
    "tomasz@example.com": {
        "language": "en",
        "verbosity": "terse",
        "shell": "bash",
        "never": ["apply changes to production", "kubectl delete without asking"],
    },
    "yuki@example.com": {"language": "ja", "表記": "です・ます調", "charts": "matplotlib", "units": "metric"},
    "layla@example.com": {"language": "ar", "direction": "rtl", "audience": "تلاميذ الصف الخامس", "numerals": "latin"},
    "jonas@example.com": {"language": "de", "anrede": "du", "währung": "EUR", "erklärungen": "ausführlich"},
    "priya@example.com": {"language": "en", "framework": "pytorch", "seed": 1729, "plots": {"dpi": 150, "dark": False}},
    "release-bot@example.com": {"language": "en", "format": "json", "temperature": 0},
}


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-dollars per token; close to what such models cost, and nobody's price list."""

    input_microusd: float
    output_microusd: float


PRICES: Mapping[str, Price] = {
    "claude-opus-4-1": Price(15, 75),
    "claude-sonnet-4-5": Price(3, 15),
    "claude-haiku-4-5": Price(1, 5),
    "gpt-5": Price(1.25, 10),
    "gpt-5-mini": Price(0.25, 2),
    "gemini-2.5-pro": Price(1.25, 10),
    "qwen3-32b-local": Price(0, 0),
}
