"""Whole folders of real conversations: once in, in any order, and out and in again without a difference."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count

from sessions import actions
from sessions.actions import ImportReport
from sessions.importers import open_sources
from sessions.models import Interaction, Session
from tests.builders import ALICE
from tests.conftest import SHARED_DATA
from tests.exporters.described import documents_in, problems_of_document, problems_of_lines
from tests.mirror.disk import findings

from .test_restoring import lose_everything

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FOLDERS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir() and path.name != "hostile")
# Far too large for a test that looks at each; bench/ imports them.
LOADS = {"corpora"}


def rows() -> set[tuple[str, str | None]]:
    return set(Interaction.objects.values_list("session_id", "idempotency_key"))


def take_all(paths: list[Path]) -> ImportReport:
    report = ImportReport()
    for path in paths:
        for source in open_sources(path):
            actions.import_source(source, actor=ALICE, report=report)
    assert findings() == []
    return report


def assert_it_comes_in_once(paths: list[Path]) -> None:
    first = take_all(paths)
    assert Session.objects.exists()
    assert not first.refused
    before, digest = rows(), actions.store_digest()
    again = take_all(paths)
    assert (again.added, again.differing_count, actions.store_digest()) == (0, 0, digest)
    lose_everything()
    take_all(paths[::-1])
    assert rows() == before


def exported(archive: Path) -> dict[str, Any]:
    """The documents of an archive of all sessions, each as the schema says, but for when they were made."""
    archive.write_bytes(b"".join(actions.export_archive(list(Session.objects.values_list("pk", flat=True)))))
    documents = documents_in(archive)
    assert [problem for document in documents.values() for problem in problems_of_document(document)] == []
    return {name: {**document, "export_timestamp": ""} for name, document in documents.items()}


def sessions_told() -> list[str]:
    return [line for line in actions.store_lines() if line.startswith('{"session":')]


def assert_exports_come_back(folder: Path) -> None:
    """All sessions of the store, through an archive of their exports, into an empty one."""
    names, before = list(Session.objects.values_list("pk", flat=True)), sessions_told()
    archive = folder / "all.zip"
    documents = exported(archive)
    assert len(documents) == len(before) == len(names)
    assert [problem for name in names for problem in problems_of_lines(name)] == []
    lose_everything()
    report = take_all([archive])
    assert (report.sessions_created, report.damaged_count) == (len(names), 0)
    assert sessions_told() == before
    assert exported(folder / "again.zip") == documents


@pytest.mark.parametrize("name", FOLDERS)
def test_fixtures_come_in_once_and_go_out_and_in_again(name: str, tmp_path: Path) -> None:
    assert_it_comes_in_once(sorted((FIXTURES / name).iterdir()))
    assert_exports_come_back(tmp_path)


SHARED = sorted(path.name for path in SHARED_DATA.iterdir() if path.is_dir()) if SHARED_DATA.is_dir() else []


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in SHARED if name not in LOADS])
def test_shared_samples_come_in_once_and_go_out_and_in_again(name: str, tmp_path: Path) -> None:
    paths = sorted((SHARED_DATA / name).iterdir())
    if any(source.format_name for path in paths for source in open_sources(path)):
        assert_it_comes_in_once(paths)
        assert_exports_come_back(tmp_path)


def test_the_open_branch_is_read_by_default() -> None:
    take_all([FIXTURES / "chatgpt" / "mitkury__example-conversation.json"])
    path = actions.path_through("conv-123")
    assert path is not None
    read = Interaction.objects.of("conv-123").filter(sequence__in=path.sequences)
    assert [row.idempotency_key for row in read] == [f"chatgpt:msg-{number}" for number in (2, 3, 4, 6)]
    forked = Interaction.objects.values("parent_id").annotate(ways=Count("pk")).filter(ways__gt=1)
    assert len(forked) == len(path.branches) == 1
