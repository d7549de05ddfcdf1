"""The formats that are lists of messages: out and in again without losing a text, a role, an order or a branch."""

import zlib
from pathlib import Path

import pytest

from sessions import actions
from sessions.models import Interaction, Session
from tests.conftest import SHARED_DATA

from .round_trips import FIXTURES, all_told, out_and_in, out_and_in_each, take_in

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = ("openai", "sharegpt")
LINEAR = (*ROWS, "claude-code")
FOLDERS = {"openai": "openai-messages"}


def samples(root: Path, *names: str) -> list[str]:
    """The files of these folders that hold a conversation."""
    found = (
        path for name in names for path in (root / name).rglob("*.*") if path.suffix in (".json", ".jsonl", ".traj")
    )
    kept = (path for path in found if "SCHEMA" not in path.name and not path.name.endswith(".meta.json"))
    return sorted(str(path.relative_to(root)) for path in kept) if root.is_dir() else []


def own_samples(root: Path, folders: dict[str, str]) -> list[tuple[str, str]]:
    return [(form, sample) for form in LINEAR for sample in samples(root, folders.get(form, form))]


@pytest.mark.parametrize(("form", "sample"), own_samples(FIXTURES, {}))
def test_a_tool_gets_back_what_came_from_it(form: str, sample: str, tmp_path: Path) -> None:
    take_in(FIXTURES / sample)
    # Claude Code's records go out as they came, those without a time too: that is the time of the import.
    before = all_told(exactly=form in ROWS)
    assert before
    out_and_in(tmp_path, form)
    assert all_told(exactly=form in ROWS) == before


@pytest.mark.thorough
@pytest.mark.parametrize(("form", "sample"), own_samples(SHARED_DATA, FOLDERS))
def test_a_tool_gets_back_every_sample_that_came_from_it(form: str, sample: str, tmp_path: Path) -> None:
    take_in(SHARED_DATA / sample)
    before = all_told()
    out_and_in(tmp_path, form)
    assert all_told() == before


@pytest.mark.parametrize("sample", samples(SHARED_DATA, "chatgpt", "librechat", "openwebui", "codex-cli"))
def test_other_tools_samples_keep_their_ways(sample: str, tmp_path: Path) -> None:
    take_in(SHARED_DATA / sample)
    before = {pk: told.ways for pk, told in all_told().items() if told.ways}
    for form in out_and_in_each(tmp_path, LINEAR):
        assert {pk: told.ways for pk, told in all_told().items() if told.ways} == before, form


# An agent's file calls its session by the agent's name, of which nothing else knows.
OWN_LINES = [sample for sample in samples(FIXTURES, "claude-code") if "subagents" not in sample]


@pytest.mark.parametrize("sample", OWN_LINES)
def test_claude_code_gets_its_own_lines(sample: str) -> None:
    take_in(FIXTURES / sample)
    ids = Session.objects.values_list("pk", flat=True)
    written = "".join("".join(actions.export_session(pk, "claude-code")) for pk in ids)
    kept = {
        zlib.decompress(row.source_record or b"").decode() for row in Interaction.objects.exclude(source_record=None)
    }
    assert kept
    assert kept <= set(written.splitlines())
