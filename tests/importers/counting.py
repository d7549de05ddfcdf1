"""How much is in each sample, counted twice: from what the importers tell, and from the files without them.

    .venv/bin/python -m tests.importers.counting FOLDER

prints the table of docs/importers.md for the files below a folder.
"""

import json
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sessions.importers import open_sources
from sessions.records import ImportedInteraction, ImportEvent, InteractionKind, SessionDraft, SetAside

from . import raw

MOST_ROWS = 20
HEADINGS = ("file", "format", "conversations", "messages", "tool calls", "tool results", "branches", "set aside")


@dataclass(frozen=True, slots=True)
class Counts:
    """`messages` are the source's; one of several texts or calls is several interactions. `branches` are the ways
    on besides the first, wherever a message has several replies or several requests after it."""

    conversations: int = 0
    messages: int = 0
    calls: int = 0
    results: int = 0
    branches: int = 0


# --- from what the importers tell -------------------------------------------------------------------------------

_SIDES = {
    InteractionKind.CLIENT_REQUEST: "request",
    InteractionKind.CONVERSATION_TURN: "request",
    InteractionKind.AGENT_RESPONSE: "reply",
}


def told(events: Iterable[ImportEvent]) -> Counts:
    sessions: set[str] = set()
    messages: dict[tuple[str, str], ImportedInteraction] = {}
    kinds: Counter[InteractionKind] = Counter()
    for event in events:
        if isinstance(event, SessionDraft):
            sessions.add(event.session_id)
        elif isinstance(event, ImportedInteraction):
            kinds[event.draft.kind] += 1
            messages.setdefault((event.session_id, (event.draft.idempotency_key or "").partition("#")[0]), event)
    ways = Counter(
        (session, first.draft.parent_key, _SIDES[first.draft.kind])
        for (session, _), first in messages.items()
        if first.draft.parent_key and first.draft.kind in _SIDES
    )
    return Counts(
        len(sessions),
        len(messages),
        kinds[InteractionKind.TOOL_CALL],
        kinds[InteractionKind.TOOL_RESPONSE],
        sum(ways.values()) - len(ways),
    )


# --- from the files ---------------------------------------------------------------------------------------------


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def rows_of(path: Path) -> list[Any]:
    if path.suffix == ".jsonl":
        return lines_of(path)
    value = json.loads(path.read_text())
    return value if isinstance(value, list) else [value]


def _total(found: Iterable[Counts]) -> Counts:
    columns = zip(
        *((one.conversations, one.messages, one.calls, one.results, one.branches) for one in found), strict=True
    )
    return Counts(*(sum(column) for column in columns))


def openai(path: Path) -> Counts:
    found = [row.get("messages") or row.get("traj") or row.get("history") for row in rows_of(path)]
    # Chatbot UI has its conversations under the name that an agent has its messages under.
    lists = [
        one for some in found for one in ([inner["messages"] for inner in some] if "messages" in some[0] else [some])
    ]
    every = [message for messages in lists for message in messages]
    calls = sum(len(message.get("tool_calls") or []) for message in every)
    return Counts(len(lists), len(every), calls, sum(message["role"] == "tool" for message in every))


def sharegpt(path: Path) -> Counts:
    rows = rows_of(path)
    speakers = Counter(turn["from"] for row in rows for turn in row["conversations"])
    systems = sum("system" in row for row in rows)
    return Counts(len(rows), speakers.total() + systems, speakers["function_call"], speakers["observation"])


def lmsys(path: Path) -> Counts:
    rows = rows_of(path)
    return Counts(len(rows), sum(len(row["conversation"]) for row in rows))


def oasst(path: Path) -> Counts:
    rows = rows_of(path)
    nodes = [row.get("prompt", row) for row in rows]
    parents: Counter[str | None] = Counter()
    while nodes:
        node = nodes.pop()
        parents[node.get("parent_id")] += 1
        nodes += node.get("replies", [])
    trees = len({row.get("message_tree_id", row.get("message_id")) for row in rows})
    return Counts(trees, parents.total(), branches=parents.total() - len(parents) - (parents[None] - 1))


def langchain(path: Path) -> Counts:
    rows = rows_of(path)
    lists = [row["messages"] for row in rows] if "messages" in rows[0] else [rows]
    every = [message.get("data") or message["kwargs"] for messages in lists for message in messages]
    calls = sum(len(one.get("tool_calls") or []) + len(one.get("invalid_tool_calls") or []) for one in every)
    results = sum(one["type"] in ("tool", "function") for one in every)
    return Counts(len(lists), len(every), calls, results)


def vercel_ui(path: Path) -> Counts:
    rows = rows_of(path)
    lists = [row["messages"] for row in rows] if "messages" in rows[0] else [rows]
    parts = [part for messages in lists for message in messages for part in message["parts"]]
    calls = [part for part in parts if part["type"].startswith("tool-")]
    done = [part for part in calls if "output" in part or part.get("toolInvocation", {}).get("state") == "result"]
    return Counts(len(lists), sum(map(len, lists)), len(calls), len(done))


def sillytavern(path: Path) -> Counts:
    ways = [max(1, len(line.get("swipes", []))) for line in lines_of(path) if "mes" in line]
    return Counts(1, sum(ways), branches=sum(ways) - len(ways))


def codex(path: Path) -> Counts:
    records = lines_of(path)
    payloads = [
        record.get("payload", record) for record in records if record.get("type") not in ("event_msg", "turn_context")
    ]
    kinds = Counter(one.get("type") or ("message" if "role" in one else "none") for one in payloads)
    calls = kinds["function_call"] + kinds["tool_call"]
    results = kinds["function_call_output"] + kinds["tool_result"]
    instructed = sum(bool(one.get("instructions") or one.get("base_instructions")) for one in payloads)
    messages = kinds["message"] + kinds["reasoning"] + calls + results + instructed
    told_of = [record["payload"] for record in records if record.get("type") == "event_msg"]
    usage = sum(bool(one.get("info") or one.get("usage")) for one in told_of)
    return Counts(1, messages or usage, calls, results)


def gemini_cli(path: Path) -> Counts:
    records = lines_of(path) if path.suffix == ".jsonl" else json.loads(path.read_text())["messages"]
    messages: dict[str, dict[str, Any]] = {}
    for record in records:
        for one in [record, *record.get("$set", {}).get("messages", [])]:
            if "id" in one:
                messages[one["id"]] = {**one, **messages.get(one["id"], {}), **{k: v for k, v in one.items() if v}}
    calls = {call.get("id", key): call for key, one in messages.items() for call in one.get("toolCalls", [])}
    silent = [
        one for one in messages.values() if "functionResponse" in str(one.get("content")) and one["type"] == "user"
    ]
    return Counts(1, len(messages) - len(silent), len(calls), sum("result" in call for call in calls.values()))


def gemini_takeout(path: Path) -> Counts:
    entries = [entry for entry in rows_of(path) if "Gemini Apps" in entry["products"]]
    hours = sorted(entry["time"][:13] for entry in entries if entry["time"].startswith("20"))
    return Counts(len(set(hours)) + len(entries) - len(hours), len(entries))


def ai_studio(path: Path) -> Counts:
    chunks = json.loads(path.read_text())["chunkedPrompt"]["chunks"]
    forks = Counter(chunk["branchParent"]["id"] for chunk in chunks if "branchParent" in chunk)
    calls, results = (sum(name in chunk for chunk in chunks) for name in ("executableCode", "codeExecutionResult"))
    return Counts(1, len(chunks), calls, results, forks.total() - len(forks))


_WAY = """WITH RECURSIVE way(thread, hash) AS (
    SELECT id, tip_message_hash FROM threads UNION
    SELECT thread, parent_hash FROM way JOIN messages USING (hash) WHERE parent_hash IS NOT NULL)"""
_OF_KIND = f"{_WAY} SELECT count(*) FROM way JOIN parts ON message_hash = hash WHERE type = "
_OLDER = tuple(
    f"SELECT count(*) FROM {table}" for table in ("conversations", "responses", "tool_calls", "tool_results")
)
_NEWER = (
    "SELECT count(*) FROM threads",
    f"{_WAY} SELECT count(*) FROM way",
    f"{_OF_KIND} 'tool_call'",
    f"{_OF_KIND} 'tool_result'",
)


def llm(path: Path) -> Counts:
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    has_threads = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'threads'").fetchone()
    generations = [_OLDER, _NEWER] if has_threads else [_OLDER]
    found = [Counts(*(connection.execute(query).fetchone()[0] for query in queries)) for queries in generations]
    connection.close()
    return _total(found)


def exported(reader: Callable[[Path], Iterable[raw.RawConversation]], path: Path) -> Counts:
    """Exports with trees of messages; what says nothing passes its parent on."""
    total = [Counts()]
    for conversation in reader(path):
        messages = {message.id: message for message in conversation.messages}
        told_of = [message for message in conversation.messages if not message.is_empty]
        ways: dict[tuple[str, str], int] = defaultdict(int)
        for message in told_of:
            parent = message.parent
            while parent in messages and messages[parent].is_empty:
                parent = messages[parent].parent
            if parent in messages and message.role != "tool" and not (message.calls and not _is_webui(reader)):
                ways[parent, "reply" if message.role == "assistant" else "request"] += 1
        total.append(
            Counts(
                bool(told_of), len(told_of), sum(one.calls for one in told_of), sum(one.results for one in told_of),
                sum(ways.values()) - len(ways),
            )
        )  # fmt: skip
    return _total(total)


def _is_webui(reader: Callable[[Path], Iterable[raw.RawConversation]]) -> bool:
    """There one message holds words and calls; elsewhere a call is a message."""
    return reader is not raw.chatgpt


COUNTERS: dict[str, Callable[[Path], Counts]] = {
    "ai-studio": ai_studio,
    "codex-cli": codex,
    "gemini-cli": gemini_cli,
    "gemini-cli-document": gemini_cli,
    "gemini-takeout": gemini_takeout,
    "langchain": langchain,
    "llm": llm,
    "lmsys": lmsys,
    "oasst": oasst,
    "openai": openai,
    "sharegpt": sharegpt,
    "sillytavern": sillytavern,
    "vercel-ui": vercel_ui,
    "wildchat": lmsys,
    "chatgpt": lambda path: exported(raw.chatgpt, path),
    "claude-ai": lambda path: exported(raw.claude_ai, path),
    "librechat": lambda path: exported(raw.librechat, path),
    "openwebui": lambda path: exported(raw.openwebui, path),
}


# --- the table --------------------------------------------------------------------------------------------------


def rows(folder: Path) -> Iterable[tuple[str, str, Counts, int]]:
    """Each file that is of a format: its name, the format, what was told of it, and how much was set aside."""
    for source in open_sources(folder):
        if source.format_name:
            events = list(source.read())
            aside = sum(isinstance(event, SetAside) for event in events)
            yield str(source.path.relative_to(folder)), source.format_name, told(events), aside


def folded(found: Iterable[tuple[str, str, Counts, int]]) -> Iterable[tuple[str, str, Counts, int]]:
    """The same with many small files of one format in one folder as one row."""
    groups: dict[tuple[str, str], list[tuple[str, str, Counts, int]]] = defaultdict(list)
    for row in found:
        groups[str(Path(row[0]).parent), row[1]].append(row)
    for (folder, format_name), group in groups.items():
        if len(group) > MOST_ROWS:
            counts = _total(one[2] for one in group)
            yield f"{folder}/ ({len(group)} files)", format_name, counts, sum(one[3] for one in group)
        else:
            yield from group


def table(folder: Path) -> list[str]:
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * 2}{'--:|' * (len(HEADINGS) - 2)}"]
    for name, format_name, counts, aside in folded(rows(folder)):
        numbers = (counts.conversations, counts.messages, counts.calls, counts.results, counts.branches, aside)
        lines.append(f"| {name} | `{format_name}` | {' | '.join(f'{number:,}' for number in numbers)} |")
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(Path(sys.argv[1]))) + "\n")
