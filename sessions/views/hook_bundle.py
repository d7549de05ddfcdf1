"""The hook for Claude Code as one file, made of this project's own sources: with the importers that this site has."""

import ast
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

_NEEDED = ("sessions.importers.claude_code", "sessions.importers.formats", "sessions.records", "sessions.validation")
# The importers' own package names all of them; the bundle needs one.
_EMPTY = ("sessions/__init__.py", "sessions/importers/__init__.py")
# The same sources make the same bytes, on every machine.
_MOMENT = (2020, 1, 1, 0, 0, 0)


@login_not_required
@require_safe
@cache_control(max_age=300)
def hook(request: HttpRequest) -> HttpResponse:
    """Open to everybody: it is the project's own source, and whoever installs it has no login at hand."""
    return HttpResponse(bundle(), content_type="application/zip")


@cache
def bundle() -> bytes:
    """A file that `python3` runs: the hook, and of the project what reads a transcript."""
    root = Path(settings.BASE_DIR)
    client = root / "clients" / "claude-code"
    files = {str(path.relative_to(client)): path.read_bytes() for path in sorted(client.rglob("*.py"))}
    files |= dict.fromkeys(_EMPTY, b"")
    files |= {str(path.relative_to(root)): path.read_bytes() for path in sorted(_sources(root))}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content, zipfile.ZIP_DEFLATED)
    return b"#!/usr/bin/env python3\n" + packed.getvalue()


def _sources(root: Path) -> set[Path]:
    """The files of the modules that are needed, and of those that they import from this project."""
    found: set[Path] = set()
    waiting = list(_NEEDED)
    while waiting:
        module = waiting.pop()
        path = _file_of(root, module)
        if path is not None and path not in found and str(path.relative_to(root)) not in _EMPTY:
            found.add(path)
            waiting += _imported(path, module)
    return found


def _file_of(root: Path, module: str) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _imported(path: Path, module: str) -> Iterator[str]:
    """The modules of this project that a file may import; a name that is none of them leads to no file."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            if origin.startswith("sessions"):
                yield origin
                yield from (f"{origin}.{name.name}" for name in node.names)
