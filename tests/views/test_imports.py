"""The pages of imports: what is sent, what is shown of it, and who may send it."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from sessions import actions
from sessions.importers.sources import FORMATS
from sessions.models import Import, Session
from sessions.records import Actor, Face
from sessions.views.import_look import PAGE_FILES, found_in, taken_in
from sessions.views.import_origins import LABELS
from tests.builders import make_session

from .test_hostile import PAYLOADS, Reader

pytestmark = pytest.mark.django_db
BRANCHY = (Path(__file__).parents[1] / "fixtures" / "chatgpt" / "mitkury__example-conversation.json").read_bytes()


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """The worker keeps what it is at between two calls."""
    yield
    Import.objects.all().delete()
    actions.work_on_imports()


def send(client: Client, content: bytes = BRANCHY, name: str = "conversations.json", **fields: str) -> Import:
    answer = client.post("/imports/", {**fields, "files": [SimpleUploadedFile(name, content)]})
    assert answer.status_code == 302, answer.text
    while actions.work_on_imports():
        pass
    return Import.objects.get()


def test_it_looks_and_takes_in_and_undoes(staff: Client) -> None:
    run = send(staff, user="nora", tags="old,chatgpt")
    page = staff.get(f"/imports/{run.pk}/").text
    assert "Import 5 interactions" in page
    assert 'value="nora"' in page
    assert not Session.objects.exists()
    for step, told in (("confirm", "Sample conversation with branch"), ("undo", "1 session went to the trash")):
        staff.post(f"/imports/{run.pk}/{step}/", {"user": "bob", "tags": ""})
        while actions.work_on_imports():
            pass
        assert told in staff.get(f"/imports/{run.pk}/").text
    assert Session.objects.get().user_id == "bob"


@pytest.mark.django_db(transaction=True)
def test_it_takes_in_real_exports_once(staff: Client, shared_data: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted((shared_data / "chatgpt").glob("*.json")):
            archive.write(path, f"export/{path.name}")
    for turn in ("first", "second"):
        run = send(staff, packed.getvalue(), "chatgpt.zip")
        staff.post(f"/imports/{run.pk}/confirm/")
        while actions.work_on_imports():
            pass
        run.refresh_from_db()
        assert (run.state, run.report["added"] > 30) == ("done", turn == "first")
        run.delete()


def test_it_says_what_is_here_already(staff: Client) -> None:
    run = send(staff)
    staff.post(f"/imports/{run.pk}/confirm/")
    while actions.work_on_imports():
        pass
    run.delete()
    again = send(staff)
    assert "importing it would add nothing" in staff.get(f"/imports/{again.pk}/").text


def test_it_says_that_nothing_is_in_it(staff: Client) -> None:
    page = staff.get(f"/imports/{send(staff, b'nothing', 'holiday.jpg').pk}/").text
    assert "Nothing was found that could be taken in" in page
    assert 'id="confirm"' not in page


def test_it_wants_a_file(staff: Client) -> None:
    answer = staff.post("/imports/", {"user": "nora"})
    assert (answer.status_code, "Choose a file first" in answer.text) == (400, True)
    assert 'value="nora"' in answer.text


def test_it_says_that_it_is_too_much(staff: Client, settings: Any) -> None:
    settings.SESSIONSITE_MAX_UPLOAD_MB = 1
    answer = staff.post("/imports/", {"files": SimpleUploadedFile("a", b"x" * 1_100_000)})
    assert (answer.status_code, "More than 1 MB at once" in answer.text) == (413, True)
    assert not Import.objects.exists()


def test_it_says_what_is_wrong_with_an_option(staff: Client) -> None:
    answer = staff.post("/imports/", {"tags": "x" * 500, "files": SimpleUploadedFile("a.json", BRANCHY)})
    assert answer.status_code == 400
    assert not Import.objects.exists()


def test_it_keeps_what_was_typed_where_an_option_is_refused(staff: Client) -> None:
    run = send(staff)
    answer = staff.post(f"/imports/{run.pk}/confirm/", {"user": "ann", "tags": "a, " + "x" * 101})
    assert answer.status_code == 400
    assert 'value="ann"' in answer.text
    assert f'value="a, {"x" * 101}"' in answer.text
    assert "tags:" not in answer.text
    assert "is 101 characters long" in answer.text
    assert Import.objects.get(pk=run.pk).state == Import.State.READY


def test_it_goes_on_by_itself_while_there_is_work(staff: Client) -> None:
    run = Import.objects.create(created_by="alice", face="browser", state="examining", size_bytes=10, bytes_done=4)
    part = staff.get(f"/imports/{run.pk}/", headers={"HX-Request": "true"}).text
    assert 'hx-trigger="every 1s"' in part
    assert 'value="40"' in part
    assert "<html" not in part


@pytest.mark.parametrize("state", Import.State.values)
def test_it_shows_every_state_and_offers_a_reader_nothing(reader: Client, staff: Client, state: str) -> None:
    run = Import.objects.create(created_by="alice", face="rest", state=state, file_names=["a.zip"], error="It broke.")
    assert staff.get(f"/imports/{run.pk}/").status_code == 200
    assert "a.zip" in staff.get("/imports/").text
    shown = reader.get(f"/imports/{run.pk}/").text + reader.get("/imports/").text
    assert "/imports/" in shown
    assert f"/imports/{run.pk}/confirm/" not in shown + reader.get("/imports/").text
    assert 'enctype="multipart/form-data"' not in shown


def test_it_lists_the_latest_first_by_the_page(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.views.imports.PAGE_IMPORTS", 2)
    for number, name in enumerate(("one.zip", "two.zip", "three.zip"), start=1):
        Import.objects.create(pk=UUID(int=number), created_by="alice", face="browser", file_names=[name])
    first = staff.get("/imports/")
    assert (first.text.count("two.zip"), "one.zip" in first.text) == (1, False)
    second = staff.get("/imports/" + first.context["next_page"]).text
    assert ("one.zip" in second, "two.zip" in second) == (True, False)
    assert staff.get("/imports/?before=soon").status_code == 400


def test_it_leads_from_a_session_to_its_import(staff: Client) -> None:
    run = send(staff)
    staff.post(f"/imports/{run.pk}/confirm/")
    while actions.work_on_imports():
        pass
    assert f'href="/imports/{run.pk}/"' in staff.get(f"/sessions/{Session.objects.get().pk}/").text
    assert "Imported" not in staff.get(f"/sessions/{make_session().pk}/").text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_it_shows_what_strangers_wrote_as_text(staff: Client, payload: str) -> None:
    told = {"set_aside": {payload: 1}, "refused": {payload: 0}, "damaged": [{"place": payload, "reason": payload}]}
    file = {"name": payload, "format": payload, **told}
    undo = {"parted": [{"session_id": "s", "apart": "t"}], "left": [{"session_id": "s", "reason": payload}]}
    Import.objects.create(
        created_by=payload[:255],
        face="browser",
        file_names=[payload],
        error=payload,
        options={"user_id": payload, "tags": [payload]},
        preview={"files": [file], "file_count": 1, "sessions": 1, "differing_places": [payload], **told},
        report={"differing": [payload], "undo": undo, **told},
    )
    for state in Import.State.values:
        Import.objects.update(state=state)
        for url in ("/imports/", f"/imports/{Import.objects.get().pk}/"):
            reader = Reader()
            reader.feed(staff.get(url).text)
            assert reader.found == [], (state, url)


def test_it_offers_an_import_to_an_empty_store(staff: Client) -> None:
    for url in ("/", "/sessions/?state=all"):
        assert 'href="/imports/"' in staff.get(url).text.partition("<main")[2]


def test_every_format_has_a_name_for_people() -> None:
    assert {one.name for one in FORMATS} == LABELS.keys()


def test_it_turns_the_pages_of_many_files() -> None:
    files = [{"name": str(number), "format": "", "sessions": 1} for number in range(PAGE_FILES + 5)]
    first = found_in({"files": files, "file_count": 5_000, "sessions": 5_000})
    second = found_in({"files": files}, files_from=first.more_files)
    assert (first.more_files, len(second.files), second.more_files) == (PAGE_FILES, 5, 0)
    assert (first.new_sessions, first.file_count, first.files_told) == (5_000, 5_000, PAGE_FILES + 5)


def test_it_tells_of_a_report_what_was_done_and_of_the_preview_the_rest() -> None:
    preview = {"files": [], "sessions": 9, "known_sessions": 2, "branches": 3}
    report = {"sessions_created": 4, "sessions_touched": 5, "added": 6, "known": 7, "set_aside": {"why": 8}}
    found = taken_in(preview, report)
    assert (found.new_sessions, found.touched_sessions, found.new_interactions) == (4, 5, 6)
    assert (found.known_sessions, found.branches, found.set_aside_count) == (2, 3, 8)


def test_a_session_is_led_to_the_import_that_made_it() -> None:
    later, first = (Import.objects.create(created_by="a", face="browser") for _ in range(2))
    later.parts.create(session_id="s", first=2, last=3, interactions=2)
    first.parts.create(session_id="s", is_new=True, first=1, last=1, interactions=1)
    assert (actions.import_of("s"), actions.import_of("other")) == (first, None)


def test_what_a_command_broke_off_can_be_undone_here(staff: Client) -> None:
    command = Actor("operator", Face.COMMAND)
    run = actions.record_import(["old.json"], size_bytes=1, options=actions.checked_options({}), actor=command).run
    page = staff.get(f"/imports/{run.pk}/").text
    assert "was broken off" in page
    assert "hx-trigger" not in page.partition('id="import"')[2].partition(">")[0]
    staff.post(f"/imports/{run.pk}/undo/")
    actions.work_on_imports()
    run.refresh_from_db()
    assert run.state == "undone"
