"""The formats that are trees of messages: out and in again without losing a text, a role, an order or a branch."""

from itertools import permutations
from pathlib import Path

import pytest

from sessions.models import Interaction
from tests.conftest import SHARED_DATA

from .round_trips import FIXTURES, Saying, all_told, out_and_in, out_and_in_each, sayings_of, take_in

pytestmark = pytest.mark.django_db(transaction=True)

TREES = ("chatgpt", "librechat", "openwebui")


def samples(root: Path, *names: str) -> list[str]:
    found = (path for name in names for path in (root / name).rglob("*.json*") if "SCHEMA" not in path.name)
    return sorted(str(path.relative_to(root)) for path in found) if root.is_dir() else []


# All its records claim to follow the same one. Of a request and a reply that have one parent a store reads both, a tree
# only one.
MADE_UP = {"claude-code/jazzyalex__small.jsonl"}


def read() -> dict[str, list[Saying]]:
    """What is read in each session by default, but for those in which nothing was said."""
    return {pk: told.default for pk, told in all_told().items() if told.default}


def everything() -> list[str]:
    """All that was said in any session, on whatever branch."""
    rows = Interaction.objects.all()
    return sorted(f"{row.session_id} {one}" for row in rows for one in sayings_of(row, exactly=False))


@pytest.mark.parametrize("sample", samples(FIXTURES, *TREES))
def test_a_tool_gets_back_what_came_from_it(sample: str, tmp_path: Path) -> None:
    take_in(FIXTURES / sample)
    before = all_told(exactly=True)
    assert before
    out_and_in(tmp_path, sample.split("/", maxsplit=1)[0])
    assert all_told(exactly=True) == before


@pytest.mark.thorough
@pytest.mark.parametrize("sample", samples(SHARED_DATA, *TREES))
def test_a_tool_gets_back_every_sample_that_came_from_it(sample: str, tmp_path: Path) -> None:
    take_in(SHARED_DATA / sample)
    before = all_told(exactly=True)
    assert before
    out_and_in(tmp_path, sample.split("/", maxsplit=1)[0])
    assert all_told(exactly=True) == before


@pytest.mark.thorough
@pytest.mark.parametrize("sample", samples(SHARED_DATA, *TREES, "oasst"))
def test_other_tools_samples_keep_their_branches(sample: str, tmp_path: Path) -> None:
    take_in(SHARED_DATA / sample)
    before = all_told()
    for form in out_and_in_each(tmp_path, TREES):
        assert all_told() == before, form


@pytest.mark.thorough
@pytest.mark.parametrize("sample", samples(SHARED_DATA, "claude-code", "codex-cli"))
def test_agents_transcripts_are_read_the_same(sample: str, tmp_path: Path) -> None:
    take_in(SHARED_DATA / sample)
    before, kept = read(), everything()
    for form in out_and_in_each(tmp_path, TREES):
        assert everything() == kept, form
        assert sample in MADE_UP or read() == before, form


FIXTURE_CASES = [
    (sample, form)
    for form in TREES
    for sample in (
        "chatgpt/Sinity__native-conversation-v1.json",
        "openwebui/librechat__openwebui-export.json",
        "oasst/oasst.trees.first2.jsonl",
        "claude-code/simonw__sample_session.jsonl",
        "codex-cli/Sinity__tool_call_stream.jsonl",
    )
]


@pytest.mark.parametrize(("sample", "form"), FIXTURE_CASES)
def test_what_comes_from_elsewhere_is_read_the_same(sample: str, form: str, tmp_path: Path) -> None:
    take_in(FIXTURES / sample)
    before = read()
    out_and_in(tmp_path, form)
    assert read() == before


@pytest.mark.parametrize("way", list(permutations(TREES, 2)), ids="-".join)
def test_a_branchy_conversation_goes_through_two_tools(way: tuple[str, str], tmp_path: Path) -> None:
    take_in(FIXTURES / "chatgpt" / "Sinity__native-conversation-v1.json")
    before = all_told()
    out_and_in(tmp_path, way[1], through=way[0])
    assert all_told() == before
