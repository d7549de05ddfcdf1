"""docs/configuration.md and .env.example are a contract: they name exactly the variables that are read."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = {"text", "boolean", "integer", "words", "networks", "choice"}


def variables_read() -> set[str]:
    sources = [path for folder in ("sessionsite", "sessions") for path in (ROOT / folder).rglob("*.py")]
    return {name for path in sources for name in names_in(ast.parse(path.read_text(encoding="utf-8")))}


def names_in(tree: ast.AST) -> Iterator[str]:
    """The first argument of each `env.<reader>(...)`, which must be a literal to be found by anybody."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="env"), attr=attribute), args=[first, *_]):
                if attribute in READERS:
                    assert isinstance(first, ast.Constant), ast.unparse(node)
                    yield str(first.value)


def test_every_variable_that_is_read_is_documented_and_none_else() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == variables_read()


def test_the_example_names_every_variable_and_none_else() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z][A-Z_]+)=", text, re.MULTILINE)) == variables_read()


def test_no_variable_is_read_past_the_typed_readers() -> None:
    stray = re.compile(r"(getenv\(|environ\.get\(|environ\[)\s*[\"'](SESSIONSITE_|DATABASE_URL|LOG_)")
    sources = [path for folder in ("sessionsite", "sessions") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in sources if stray.search(path.read_text(encoding="utf-8"))] == []
