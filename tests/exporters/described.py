"""What is exported beside what the published JSON Schema says of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from jsonschema_rs import Draft202012Validator

from sessions import actions
from sessions.exporters import manifest, schema


def closed(found: Any) -> Any:
    """The schema with every object closed: a member that is exported and not described is then a mistake."""
    if isinstance(found, list):
        return [closed(one) for one in found]
    if not isinstance(found, dict):
        return found
    inner = {name: closed(value) for name, value in found.items()}
    return {**inner, "additionalProperties": False} if isinstance(found.get("properties"), dict) else inner


STRICT: dict[str, Any] = closed(schema.schema())
LINES = {"$schema": STRICT["$schema"], "$ref": f"{schema.ID}#/$defs/line", "$defs": {"all": STRICT}}
# The other library for this takes a hundred times as long, and passes over how a time is written.
DOCUMENT = Draft202012Validator(STRICT, validate_formats=True)
LINE = Draft202012Validator(LINES, validate_formats=True)


def problems_of_document(document: Any) -> list[str]:
    """All that the schema does not say of a session's document."""
    return [f"{error.instance_path}: {error.message[:200]}" for error in DOCUMENT.iter_errors(document)]


def problems_of_lines(session_id: str) -> Iterator[str]:
    """All that the schema does not say of a session's export as lines."""
    for line in "".join(actions.export_session(session_id, "jsonl")).split("\n")[:-1]:
        yield from (f"{line[:60]}: {error.message[:200]}" for error in LINE.iter_errors(json.loads(line)))


def documents_in(archive: Path) -> dict[str, Any]:
    """The documents of an archive, by their names in it."""
    with ZipFile(archive) as opened:
        return {name: json.loads(opened.read(name)) for name in opened.namelist() if name != manifest.NAME}
