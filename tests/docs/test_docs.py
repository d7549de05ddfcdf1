"""The documents are a contract: what they promise is run, what exists is named."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from tests.builders import log, make_session

DOCS = Path(settings.BASE_DIR) / "docs"


@pytest.mark.parametrize("name", sorted(name for name, app in get_commands().items() if app == "sessions"))
def test_it_documents_every_command(name: str) -> None:
    assert f"`{name}" in (DOCS / "commands.md").read_text()


def test_it_documents_every_tool_for_agents() -> None:
    from sessions.mcp_server import tool_scopes

    text = (DOCS / "mcp.md").read_text()
    assert [name for name, scope in tool_scopes() if f"| `{name}` | {scope} |" not in text] == []


def test_it_documents_every_resource_and_prompt_for_agents() -> None:
    from sessions.mcp_server.prompts import PROMPTS
    from sessions.mcp_server.resources import SESSION, TRANSCRIPT

    text = (DOCS / "mcp.md").read_text()
    assert [name for name in (*PROMPTS, SESSION, TRANSCRIPT) if f"| `{name}` |" not in text] == []


@pytest.mark.django_db(transaction=True)
def test_it_prints_a_reader_that_reads(data_dir: Path, tmp_path: Path) -> None:
    session = make_session(turns=3)
    log(session, prompt="naïve 👋", response="𝔘nicode")
    code = re.search(r"```python\n(.*?)```", (DOCS / "mirror-format.md").read_text(), re.DOTALL)
    assert code is not None
    reader = tmp_path / "reader.py"
    reader.write_text(code.group(1))
    journal = data_dir / "sessions" / session.pk[:2] / f"{session.pk}.jsonl"
    read = subprocess.run([sys.executable, reader, journal], capture_output=True, text=True, check=True)
    assert read.stdout.split() == [session.pk, "4"]


def test_it_documents_every_kind_of_line() -> None:
    from sessions.mirror.codec import KINDS

    text = (DOCS / "mirror-format.md").read_text()
    assert [kind for kind in KINDS if f"**`{kind}`**" not in text] == []


def test_it_links_to_pages_that_exist() -> None:
    pages = [*DOCS.rglob("*.md"), *Path(settings.BASE_DIR).glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []
