"""Many sessions in one archive, and in a folder that an export goes on with."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from sessions import actions
from sessions.actions import SessionFilters, bulk_export, folder_export
from sessions.errors import InvalidInput
from sessions.exporters import catalogue, verifying
from sessions.models import Session
from tests.builders import ALICE, log, make_session

ALL = SessionFilters(state="all")


def opened(sessions: Any, form: str = "json", **wanted: Any) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(actions.export_archive(sessions, form, **wanted))))
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


def manifest_of(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files["manifest.jsonl"].splitlines()]


def make_some(count: int = 5) -> list[str]:
    return [make_session(session_id=f"s{number}", turns=1).pk for number in range(count)]


@pytest.mark.parametrize("form", catalogue.FORMATS)
def test_it_holds_each_session_in_any_format_as_it_goes_out_alone(form: str) -> None:
    make_some(2)
    files = opened(ALL, form)
    ending = catalogue.FORMATS[form].ending
    header, *documents, end = manifest_of(files)
    assert (header["format"], header["sessions"]) == (form, 2)
    assert [line["file"] for line in documents] == [f"sessions/s{number}.{ending}" for number in range(2)]
    assert sum(len(files[line["file"]]) for line in documents) == end["bytes"]
    assert {**end, "bytes": 0} == {"kind": "end", "documents": 2, "left_out": 0, "bytes": 0}


def test_it_pages_through_all_that_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_export, "_PAGE", 2)
    names = make_some(5)
    make_session(session_id="other", user_id="bob")
    assert [line["session_id"] for line in manifest_of(opened(SessionFilters(user_id="alice")))[1:-1]] == names


def test_it_goes_on_behind_a_session() -> None:
    names = make_some(4)
    for sessions in (ALL, names):
        header, *documents, _ = manifest_of(opened(sessions, after="s1"))
        assert (header["sessions"], [line["session_id"] for line in documents]) == (2, ["s2", "s3"])


def test_it_names_what_is_gone_or_merged() -> None:
    make_some(2)
    actions.merge_sessions("s0", absorbed="s1", actor=ALICE)
    lines = manifest_of(opened(["s0", "s1", "never"]))
    assert {"session_id": "s1", "left_out": "merged"} in lines
    assert {"session_id": "never", "left_out": "gone"} in lines
    assert (lines[-1]["documents"], lines[-1]["left_out"]) == (1, 2)


def test_names_differ_where_a_disk_takes_large_letters_for_small() -> None:
    for name in ("a", "A"):
        make_session(session_id=name)
    assert len({name.lower() for name in opened(ALL)}) == 3


@pytest.mark.parametrize(
    ("sessions", "wanted"),
    [(["a"], {"form": "pdf"}), (["a"], {"after": "../x"}), (SessionFilters(state="lost"), {})],
)
def test_it_refuses_at_once_what_makes_no_sense(sessions: Any, wanted: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        actions.export_archive(sessions, **wanted)  # type: ignore[arg-type]


def test_what_fails_on_the_way_is_seen_by_who_receives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_some(4)
    pieces, torn = [], tmp_path / "torn.zip"
    stream = actions.export_archive(ALL)
    monkeypatch.setattr("sessions.exporters.archive._PIECE_BYTES", 1)
    pieces = [next(stream) for _ in range(3)]

    def die(*_: object) -> None:
        raise OperationalError("the database went away")

    monkeypatch.setattr(bulk_export, "export_session", die)
    with pytest.raises(OperationalError):
        pieces.extend(stream)
    torn.write_bytes(b"".join(pieces))
    assert not zipfile.is_zipfile(torn)
    found = verifying.verify(torn)
    assert found.is_cut_off
    assert found.problems == ["The archive lacks its end: the export was cut off."]


# --- into a folder ---


def test_it_writes_a_folder_that_verifies(tmp_path: Path) -> None:
    make_some(3)
    done = actions.export_into(tmp_path / "new", ALL, "markdown")
    assert (done.total, done.written, done.kept, done.left_out) == (3, 3, 0, 0)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["manifest.jsonl", "s0.md", "s1.md", "s2.md"]
    assert verifying.verify(tmp_path / "new").problems == []


def test_it_writes_anew_only_what_changed(tmp_path: Path) -> None:
    make_some(3)
    actions.export_into(tmp_path, ALL)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("s*")}
    log("s1", prompt="more")
    done = actions.export_into(tmp_path, ALL)
    assert (done.written, done.kept) == (1, 2)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("s*")}
    assert {name for name in before if before[name] != after[name]} == {"s1.json"}
    assert len(json.loads((tmp_path / "s1.json").read_text())["interactions"]) == 2


def test_it_writes_anew_what_is_not_as_it_was_written(tmp_path: Path) -> None:
    make_some(3)
    actions.export_into(tmp_path, ALL)
    whole = (tmp_path / "s0.json").read_bytes()
    (tmp_path / "s0.json").write_bytes(whole.replace(b"request", b"REQUEST"))
    (tmp_path / "s1.json").unlink()
    assert actions.export_into(tmp_path, ALL).written == 2
    assert verifying.verify(tmp_path).problems == []


def test_another_format_is_another_export(tmp_path: Path) -> None:
    make_some(2)
    actions.export_into(tmp_path, ALL, "json")
    assert actions.export_into(tmp_path, ALL, "html").written == 2


def test_one_that_was_interrupted_goes_on_where_it_stopped(tmp_path: Path) -> None:
    make_some(6)

    def stop(export: folder_export.FolderExport) -> None:
        if export.settled == 3:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            actions.export_into(tmp_path, ALL, progress=stop)
    found = verifying.verify(tmp_path)
    assert found.is_cut_off
    with (tmp_path / folder_export.PROGRESS_NAME).open("ab") as log_file:
        log_file.write(b'{"session_id": "s4", "fi')  # as a crash leaves it
    done = actions.export_into(tmp_path, ALL)
    assert (done.written, done.kept) == (3, 3)
    assert verifying.verify(tmp_path).problems == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_interruption_of_a_later_export_forgets_nothing_of_the_first(tmp_path: Path) -> None:
    make_some(4)
    actions.export_into(tmp_path, ALL)
    log("s0", prompt="more")

    def stop(export: folder_export.FolderExport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actions.export_into(tmp_path, ALL, progress=stop)
    assert actions.export_into(tmp_path, ALL).kept == 4


def test_a_folder_of_exports_comes_back(tmp_path: Path) -> None:
    from sessions.importers import open_sources

    from .test_restoring import lose_everything

    make_some(3)
    actions.export_into(tmp_path / "out", ALL)
    lose_everything()
    report = actions.ImportReport()
    for source in open_sources(tmp_path / "out"):
        actions.import_source(source, actor=ALICE, report=report)
    assert (Session.objects.count(), report.damaged_count) == (3, 0)
