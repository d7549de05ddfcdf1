"""Whether an archive or a folder is whole: what is missing, changed, added or cut off is told by name."""

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sessions.exporters import archive, manifest, torn, verifying

TEXTS = {f"sessions/s{number}.json": ["{" + str(number)] + ["x" * 5_000] * number + ["}"] for number in range(5)}


def members(*, end: bool = True) -> Iterator[tuple[str, Iterator[bytes]]]:
    lines = [manifest.header(exported_at=datetime.now(UTC), form="json", sessions=len(TEXTS))]
    tally = manifest.Tally()
    for name, texts in TEXTS.items():
        document = manifest.Measured(texts)
        yield name, iter(document)
        told = manifest.Document(
            session_id=manifest.session_of(name),
            file=name,
            title="t",
            format="json",
            revision=1,
            size_bytes=document.size_bytes,
            digest=document.digest,
        )
        tally.add(told)
        lines.append(told.line())
    yield manifest.NAME, iter([*lines, *([tally.line()] if end else [])])


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "all.zip"
    path.write_bytes(b"".join(archive.stream(members())))
    return path


@pytest.fixture
def folder(packed: Path, tmp_path: Path) -> Path:
    with zipfile.ZipFile(packed) as opened:
        opened.extractall(tmp_path / "folder")
    return tmp_path / "folder"


def test_it_finds_nothing_wrong_with_what_is_whole(packed: Path, folder: Path) -> None:
    for path in (packed, folder):
        found = verifying.verify(path)
        assert (found.problems, found.documents, found.is_cut_off) == ([], 5, False)


def test_wherever_an_archive_is_cut_off_it_is_seen_and_told_how_far_it_got(packed: Path, tmp_path: Path) -> None:
    whole = packed.read_bytes()
    last = ""
    for length in range(0, len(whole), 7):
        cut = tmp_path / "cut.zip"
        cut.write_bytes(whole[:length])
        found = verifying.verify(cut)
        assert found.is_cut_off
        assert found.last >= last
        last = found.last
    assert last == "s4"


def test_it_reads_what_our_own_archives_hold(packed: Path) -> None:
    with zipfile.ZipFile(packed) as opened:
        sizes = [(info.filename, info.file_size) for info in opened.infolist()]
    assert list(torn.whole_members(packed)) == sizes


def test_a_folder_without_its_manifest_was_cut_off(folder: Path) -> None:
    (folder / manifest.NAME).unlink()
    assert verifying.verify(folder).is_cut_off


def test_a_manifest_without_its_end_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(b"".join(archive.stream(members(end=False))))
    assert verifying.verify(path).is_cut_off


def test_it_names_what_is_missing_or_changed(folder: Path) -> None:
    (folder / "sessions/s1.json").unlink()
    (folder / "sessions/s2.json").write_text("{}")
    found = verifying.verify(folder)
    assert [problem.partition(":")[0] for problem in found.problems] == ["sessions/s1.json", "sessions/s2.json"]
    assert found.documents == 3


def test_it_names_what_was_added_to_an_archive(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as opened:
        opened.writestr("sessions/more.json", "{}")
    assert verifying.verify(packed).problems == ["sessions/more.json: the manifest does not know it."]


def test_it_sees_a_line_that_was_taken_out(folder: Path) -> None:
    first, _, *rest = (folder / manifest.NAME).read_bytes().splitlines(keepends=True)
    (folder / manifest.NAME).write_bytes(b"".join([first, *rest]))
    assert verifying.verify(folder).problems == ["The manifest's end line counts otherwise than the manifest does."]


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "a/../../b", "..\\b"])
def test_it_opens_nothing_outside(folder: Path, name: str) -> None:
    header, *lines = [json.loads(line) for line in (folder / manifest.NAME).read_bytes().splitlines()]
    lines[0]["file"] = name
    (folder / manifest.NAME).write_bytes(b"".join(map(manifest.line_of, [header, *lines])))
    assert f"{name}: no name that an export gives." in verifying.verify(folder).problems


def test_it_does_not_guess_at_a_later_version(folder: Path) -> None:
    text = (folder / manifest.NAME).read_text().replace('"manifest_version": 1', '"manifest_version": 2')
    (folder / manifest.NAME).write_text(text)
    assert verifying.verify(folder).problems == ["The manifest is of a version that is not known."]


def test_another_file_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no archive at all")
    assert verifying.verify(tmp_path / "x").problems
    with pytest.raises(OSError, match="No such file"):
        verifying.verify(tmp_path / "none")
