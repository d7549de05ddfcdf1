"""What the importers tell is as much as there is, counted in the files without them."""

from pathlib import Path

import pytest

from sessions.importers import open_sources

from .counting import COUNTERS, table, told
from .telling import FIXTURES

DOCS = Path(__file__).resolve().parents[2] / "docs" / "importers.md"


def assert_counts_agree(folder: Path) -> int:
    compared = 0
    for source in open_sources(folder):
        if counter := COUNTERS.get(source.format_name):
            assert told(source.read()) == counter(source.path), source.path
            compared += 1
    return compared


@pytest.mark.parametrize(
    "folder", sorted(path for path in FIXTURES.iterdir() if path.is_dir()), ids=lambda path: path.name
)
def test_the_counts_of_the_fixtures_agree(folder: Path) -> None:
    compared = assert_counts_agree(folder)
    assert compared or folder.name in ("claude-code", "hostile", "langfuse")


def test_the_counts_of_all_that_is_shared_agree(shared_data: Path) -> None:
    folders = [path for path in shared_data.iterdir() if path.is_dir() and path.name != "corpora"]
    assert sum(assert_counts_agree(folder) for folder in folders) > 70


@pytest.mark.thorough
def test_the_table_in_the_docs_is_what_the_samples_give(shared_data: Path) -> None:
    assert "\n".join(table(shared_data)) in DOCS.read_text()
