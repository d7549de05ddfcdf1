"""Whose histories are understood, and where each tool gives its own out; as the tools' own pages tell it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A tool; where in it the history is had, and what that is. `format_names` are the importers' that read it."""

    name: str
    where: str
    gives: str
    format_names: tuple[str, ...]


ORIGINS = (
    Origin("ChatGPT", "Settings → Data controls → Export data", "a zip, by a link that comes by mail", ("chatgpt",)),
    Origin("Claude", "Settings → Privacy → Export data", "a zip, by a link that comes by mail", ("claude-ai",)),
    Origin(
        "Claude Code",
        "The folder ~/.claude/projects, or one project in it",
        "a folder",
        ("claude-code", "claude-code-log", "claude-code-agent"),
    ),
    Origin("Codex", "The folder ~/.codex/sessions", "a folder", ("codex-cli",)),
    Origin("Gemini CLI", "The folder ~/.gemini/tmp", "a folder", ("gemini-cli", "gemini-cli-document")),
    Origin(
        "Gemini",
        "takeout.google.com → My Activity → Gemini Apps, as JSON",
        "a zip",
        ("gemini-takeout", "gemini-takeout-html"),
    ),
    Origin("Google AI Studio", "Google Drive → the folder Google AI Studio", "a file for each prompt", ("ai-studio",)),
    Origin("Open WebUI", "Settings → Data Controls → Export Chats", "a JSON file", ("openwebui",)),
    Origin("LibreChat", "A conversation's menu → Export, as JSON", "a JSON file", ("librechat",)),
    Origin("SillyTavern", "The folder data/default-user/chats", "a folder", ("sillytavern",)),
    Origin("llm", "The file that llm logs path names", "a database", ("llm",)),
    Origin("Langfuse", "A trace, or several, as JSON", "a JSON file", ("langfuse",)),
    Origin(
        "Sessionsite",
        "Export on a session's page, or in the list of sessions",
        "a JSON file or a zip",
        ("sessionsite", "sessionsite-lines", "sessionsite-manifest", "legacy"),
    ),
    Origin(
        "Data sets and programs",
        "OpenAI messages and fine-tuning, ShareGPT, OpenAssistant, LMSYS, WildChat, LangChain, Vercel AI SDK",
        "JSON, JSON lines, or either in gzip",
        ("openai", "sharegpt", "oasst", "lmsys", "wildchat", "langchain", "vercel-ui"),
    ),
)

LABELS = {name: origin.name for origin in ORIGINS[:-1] for name in origin.format_names} | {
    "openai": "OpenAI messages",
    "sharegpt": "ShareGPT",
    "oasst": "OpenAssistant",
    "lmsys": "LMSYS",
    "wildchat": "WildChat",
    "langchain": "LangChain",
    "vercel-ui": "Vercel AI SDK",
    "legacy": "Session files of old",
}


def label_of(format_name: str) -> str:
    """What people call a format."""
    return LABELS.get(format_name, format_name)
