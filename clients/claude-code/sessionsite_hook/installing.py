"""The hooks in Claude Code's settings: put there, and taken out again; all else stays as it is."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

EVENTS = ("UserPromptSubmit", "PostToolUse", "Stop", "SubagentStop", "SessionEnd")
TIMEOUT_SECONDS = 30
# A comment to the shell that runs it; we know our own entries by it.
_MARK = "# sessionsite"


class Unreadable(Exception):
    """The settings are no JSON object; nothing was changed."""


def settings_file() -> Path:
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(folder) if folder else Path.home() / ".claude") / "settings.json"


def put_in(path: Path) -> None:
    """Let Claude Code call this program at every event. Raises Unreadable."""
    settings = _without_ours(_read(path))
    hooks = settings.setdefault("hooks", {})
    for event in EVENTS:
        entry = {"type": "command", "command": command(), "timeout": TIMEOUT_SECONDS}
        hooks.setdefault(event, []).append({"hooks": [entry]})
    _write(path, settings)


def take_out(path: Path) -> None:
    """Take out what `put_in` put there. Raises Unreadable."""
    if path.exists():
        _write(path, _without_ours(_read(path)))


def command() -> str:
    program = str(Path(sys.argv[0]).resolve())
    return f"{shlex.quote(sys.executable)} {shlex.quote(program)} hook {_MARK}"


def _without_ours(settings: dict[str, Any]) -> dict[str, Any]:
    hooks = settings.get("hooks")
    if not isinstance(hooks, dict):
        return settings
    kept = {event: left for event, groups in hooks.items() if (left := _groups_of_others(groups))}
    others = {name: value for name, value in settings.items() if name != "hooks"}
    return {**others, "hooks": kept} if kept else others


def _groups_of_others(groups: Any) -> Any:
    if not isinstance(groups, list):
        return groups
    kept = []
    for group in groups:
        entries = group.get("hooks") if isinstance(group, dict) else None
        if not isinstance(entries, list):
            kept.append(group)
        elif left := [one for one in entries if not _is_ours(one)]:
            kept.append({**group, "hooks": left})
    return kept


def _is_ours(entry: Any) -> bool:
    return isinstance(entry, dict) and str(entry.get("command", "")).endswith(_MARK)


def _read(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8") or "{}")
    except FileNotFoundError:
        return {}
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise Unreadable(f"{path} is not a JSON object; nothing was changed.")
    return settings


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.sessionsite-part")
    part.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if path.exists():
        part.chmod(path.stat().st_mode & 0o777)
    # Through a link to the file that it leads to: many keep their settings elsewhere.
    part.replace(path.resolve())
