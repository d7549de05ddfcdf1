"""Files of other tools, taken in and taken back."""

from collections.abc import Sequence

from ..requests import Request, get, parameters_of, path_of, reading, send
from ..shapes import Import, ImportList
from ..uploads import Upload

SETTLED = frozenset({"ready", "done", "failed", "cancelled", "undone"})
"""The states in which an import waits for somebody or is over."""


def start_import(
    upload: Upload,
    *,
    name: str = "",
    form: str = "",
    user_id: str = "",
    tags: Sequence[str] = (),
    preview: bool = False,
) -> Request[Import]:
    """Sent twice it adds nothing twice, but there would be two imports to tell of it."""
    asked = {"name": name or upload.name, "format": form, "user_id": user_id, "tag": list(tags), "preview": preview}
    return Request(
        "POST",
        "/imports",
        reading(Import),
        parameters=parameters_of(asked),
        body=upload,
        headers={"Content-Type": "application/octet-stream"},
        repeatable=False,
    )


def list_imports(*, cursor: str = "", limit: int | None = None) -> Request[ImportList]:
    return get("/imports", ImportList, cursor=cursor, limit=limit)


def get_import(import_id: str) -> Request[Import]:
    return get(path_of("imports", import_id), Import)


def confirm_import(import_id: str) -> Request[Import]:
    return send("POST", path_of("imports", import_id, "confirm"), Import, repeatable=True)


def cancel_import(import_id: str) -> Request[Import]:
    return send("POST", path_of("imports", import_id, "cancel"), Import)


def undo_import(import_id: str) -> Request[Import]:
    return send("POST", path_of("imports", import_id, "undo"), Import)
