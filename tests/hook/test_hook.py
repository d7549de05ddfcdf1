"""What Claude Code says and does is logged as it is said, once, and whatever happens in between."""

import ast
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from sessions import actions
from sessions.actions import ImportReport
from sessions.importers import open_sources
from sessions.models import Interaction, Session
from sessions.records import Actor, Face, ImportedInteraction, InteractionDraft, InteractionKind, Scope
from tests.builders import ALICE
from tests.mirror.disk import findings, lose_database, lose_files

from .conftest import CLIENT, Call, Called, files_of, revoke_all, state_folder_of

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "claude-code"
TRANSCRIPTS = sorted(FIXTURES.rglob("*.jsonl"))
type Event = Callable[..., Called]


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "project" / "simonw.jsonl"
    path.parent.mkdir()
    path.write_bytes((FIXTURES / "simonw__sample_session.jsonl").read_bytes())
    return path


def imported(*paths: Path) -> ImportReport:
    """What an import of the same files would still add."""
    report = ImportReport()
    for path in paths:
        for source in open_sources(path):
            actions.import_source(source, report=report, actor=ALICE)
    return report


def said() -> list[tuple[int, str, str | None]]:
    return list(
        Interaction.objects.order_by("session_id", "sequence").values_list("sequence", "kind", "idempotency_key")
    )


def waiting(home: Path) -> list[Path]:
    return list(home.rglob("*.waiting"))


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem[:30])
def test_it_logs_to_the_last_key_what_an_import_would(event: Event, path: Path) -> None:
    called = event(path)
    assert (called.code, called.out, called.err) == (0, "", "")
    assert Interaction.objects.exists()
    report = imported(*files_of(path))
    assert (report.sessions_created, report.added, report.differing) == (0, 0, [])
    assert report.known == Interaction.objects.count()
    assert set(Session.objects.values_list("user_id", flat=True)) == {"ann"}
    assert findings() == []


@pytest.mark.usefixtures("configured")
def test_it_adds_nothing_when_nothing_was_said(event: Event, transcript: Path) -> None:
    event(transcript)
    before = actions.store_digest()
    for name in ("UserPromptSubmit", "PostToolUse", "Stop", "SessionEnd"):
        assert event(transcript, name).code == 0
    assert actions.store_digest() == before


@pytest.mark.usefixtures("configured")
def test_it_sends_what_was_added_since_and_waits_for_a_line_to_be_whole(event: Event, transcript: Path) -> None:
    whole = transcript.read_bytes()
    lines = whole.splitlines(keepends=True)
    for number in range(1, len(lines) + 1):
        # As it stands while the next line is being written.
        torn = lines[number][:40] if number < len(lines) else b""
        transcript.write_bytes(b"".join(lines[:number]) + torn)
        assert event(transcript).code == 0
    by_steps = said()
    assert transcript.read_bytes() == whole
    assert imported(transcript).added == 0
    lose_database()
    lose_files()
    assert imported(transcript).added == len(by_steps)
    assert said() == by_steps


@pytest.mark.usefixtures("configured")
def test_it_logs_subagents_into_the_session_that_they_serve(event: Event, tmp_path: Path) -> None:
    copytree(FIXTURES / "subagent-layout", tmp_path / "layout")
    [transcript] = (tmp_path / "layout").glob("*.jsonl")
    assert event(transcript).code == 0
    assert Session.objects.count() == 1
    assert Interaction.objects.filter(metadata__contains="agent_id").exists()
    assert imported(tmp_path / "layout").added == 0


@pytest.mark.usefixtures("configured")
def test_it_gives_the_session_the_title_that_it_gets_later(event: Event, transcript: Path) -> None:
    event(transcript)
    session = Session.objects.get()
    with transcript.open("a") as file:
        file.write(json.dumps({"type": "custom-title", "customTitle": "Chosen", "sessionId": session.pk}) + "\n")
    event(transcript)
    assert Session.objects.get().title == "Chosen"
    actions.update_context(session.pk, title="By hand", actor=ALICE)
    with transcript.open("a") as file:
        file.write(json.dumps({"type": "mode", "sessionId": session.pk}) + "\n")
    event(transcript)
    assert Session.objects.get().title == "By hand"


# --- when the site is away --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("configured")
def test_it_keeps_what_the_site_could_not_take_and_sends_it_later(
    event: Event, call: Call, transcript: Path, home: Path, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONSITE_URL", "http://127.0.0.1:9")
    called = event(transcript)
    assert (called.code, called.out) == (0, "")
    assert "waits here" in called.err
    assert (len(waiting(home)), Interaction.objects.count()) == (1, 0)
    assert call("flush").code == 1
    # Whoever waits keeps its own copy: Claude Code deletes transcripts after a while.
    report = ImportReport()
    kept = transcript.read_bytes()
    transcript.unlink()
    _move_state(home, "http://127.0.0.1:9", live_server.url)
    monkeypatch.setenv("SESSIONSITE_URL", live_server.url)
    flushed = call("flush")
    assert (flushed.code, waiting(home)) == (0, [])
    assert "0 transcripts wait" in flushed.out
    transcript.write_bytes(kept)
    for source in open_sources(transcript):
        actions.import_source(source, report=report, actor=ALICE)
    assert (report.added, report.differing) == (0, [])


def _move_state(home: Path, old: str, new: str) -> None:
    """As if the site had been away under its own address."""
    old_folder, new_folder = state_folder_of(old), state_folder_of(new)
    new_folder.rmdir()
    old_folder.rename(new_folder)


@pytest.mark.usefixtures("configured")
def test_it_goes_on_behind_what_waits(
    event: Event, transcript: Path, home: Path, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = transcript.read_bytes().splitlines(keepends=True)
    transcript.write_bytes(b"".join(lines[:2]))
    event(transcript)
    monkeypatch.setenv("SESSIONSITE_URL", "http://127.0.0.1:9")
    _move_state(home, live_server.url, "http://127.0.0.1:9")
    for number in (3, 4):
        transcript.write_bytes(b"".join(lines[:number]))
        event(transcript)
    assert len(waiting(home)) == 1
    monkeypatch.setenv("SESSIONSITE_URL", live_server.url)
    _move_state(home, "http://127.0.0.1:9", live_server.url)
    transcript.write_bytes(b"".join(lines))
    assert event(transcript).code == 0
    assert waiting(home) == []
    assert imported(transcript).added == 0
    assert [sequence for sequence, _, _ in said()] == list(range(1, Interaction.objects.count() + 1))


@pytest.mark.usefixtures("configured")
def test_it_says_that_it_is_not_let_in_and_loses_nothing(event: Event, transcript: Path, home: Path) -> None:
    revoke_all()
    called = event(transcript)
    assert (called.code, called.out) == (1, "")
    assert "401 token_refused" in called.err
    assert len(waiting(home)) == 1


def test_it_says_that_it_knows_no_site(event: Event, transcript: Path, home: Path) -> None:
    called = event(transcript)
    assert (called.code, called.out) == (1, "")
    assert "SESSIONSITE_URL" in called.err


# --- when the site has something against it ---------------------------------------------------------------------


def say_more(transcript: Path, session_id: str) -> None:
    line = {"type": "user", "uuid": "new", "sessionId": session_id, "message": {"role": "user", "content": "One more"}}
    with transcript.open("a") as file:
        file.write(json.dumps(line) + "\n")


@pytest.mark.usefixtures("configured")
def test_it_brings_a_session_back_that_somebody_put_into_the_trash(event: Event, transcript: Path) -> None:
    event(transcript)
    pk = Session.objects.get().pk
    actions.trash_session(pk, actor=ALICE)
    before = Interaction.objects.count()
    say_more(transcript, pk)
    assert event(transcript).code == 0
    assert Session.objects.get().trashed_at is None
    assert Interaction.objects.count() == before + 1


@pytest.mark.usefixtures("configured")
def test_it_lets_a_purged_session_rest_and_tells_where_what_was_said_lies(
    event: Event, transcript: Path, home: Path
) -> None:
    event(transcript)
    pk = Session.objects.get().pk
    actions.trash_session(pk, actor=ALICE)
    actions.purge_session(pk, actor=ALICE)
    say_more(transcript, pk)
    for _ in range(3):
        assert event(transcript).code == 0
    [refused] = home.rglob("*.refused.jsonl")
    [told] = [json.loads(line) for line in refused.read_text().splitlines()]
    assert told["interaction"]["prompt"] == "One more"
    assert waiting(home) == []


@pytest.mark.usefixtures("configured")
def test_it_sets_aside_only_what_the_site_refuses(event: Event, transcript: Path, home: Path) -> None:
    told = _interactions(transcript)
    pk, keys = told[0].session_id, [one.draft.idempotency_key for one in told]
    actions.create_session(session_id=pk, user_id="ann", actor=ALICE)
    other = InteractionDraft(kind=InteractionKind.ERROR, prompt="something else", idempotency_key=keys[1])
    actions.log_interaction(pk, other, actor=ALICE)
    assert event(transcript).code == 0
    assert Interaction.objects.count() == len(keys)
    [refused] = home.rglob("*.refused.jsonl")
    assert [json.loads(line)["interaction"]["idempotency_key"] for line in refused.read_text().splitlines()] == [
        keys[1]
    ]


def _interactions(transcript: Path) -> list[ImportedInteraction]:
    [source] = open_sources(transcript)
    return [event for event in source.read() if isinstance(event, ImportedInteraction)]


@pytest.mark.usefixtures("configured")
def test_it_mends_what_the_store_cannot_hold(event: Event, tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    line = {"type": "user", "uuid": "u", "sessionId": "odd", "message": {"role": "user", "content": "a\0b \ud800"}}
    path.write_text(json.dumps(line) + "\n")
    assert event(path).code == 0
    assert Interaction.objects.get().prompt == "a\ufffdb \ufffd"
    assert imported(path).differing == []


def texts(*contents: str) -> str:
    lines = [
        {"type": "user", "uuid": f"u{number}", "sessionId": "long", "message": {"role": "user", "content": content}}
        for number, content in enumerate(contents)
    ]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


@pytest.mark.usefixtures("configured")
def test_a_long_text_in_any_script_arrives(event: Event, tmp_path: Path, settings: Settings) -> None:
    """It goes out once as what was said and once as its record; as escapes it would take three times the room."""
    settings.SESSIONSITE_MAX_REQUEST_MB = 1
    path = tmp_path / "long.jsonl"
    path.write_text(texts("é" * 150_000, "behind it"), encoding="utf-8")
    assert event(path).code == 0
    assert [row.prompt[:9] for row in Interaction.objects.of("long")] == ["é" * 9, "behind it"]


@pytest.mark.usefixtures("configured")
def test_what_is_too_large_is_set_aside_and_the_rest_arrives(
    event: Event, tmp_path: Path, home: Path, settings: Settings
) -> None:
    settings.SESSIONSITE_MAX_REQUEST_MB = 1
    path = tmp_path / "long.jsonl"
    path.write_text(texts("ahead of it", "é" * 600_000, "behind it"), encoding="utf-8")
    assert event(path).code == 0
    assert [row.prompt for row in Interaction.objects.of("long")] == ["ahead of it", "behind it"]
    [refused] = home.rglob("*.refused.jsonl")
    assert "body_too_large" in json.loads(refused.read_text())["reason"]
    assert waiting(home) == []


@pytest.mark.parametrize("told", ["", "null", "[]", "{}", '{"transcript_path": 1}', "\ud800"])
def test_it_says_what_it_cannot_read(call: Call, told: str) -> None:
    called = call("hook", told=told)
    assert (called.code, called.out) == (1, "")
    assert "not what a hook of Claude Code is told" in called.err


@pytest.mark.usefixtures("configured")
def test_it_minds_no_transcript_that_is_not_there_yet(event: Event, tmp_path: Path) -> None:
    assert event(tmp_path / "none.jsonl").code == 0


# --- as Claude Code calls it --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("configured")
def test_it_runs_from_one_file_and_twice_at_once(
    live_server: LiveServer, home: Path, secret: str, transcript: Path
) -> None:
    """The file that the site gives out, in processes that know nothing of this project."""
    bundle = home / "sessionsite.pyz"
    bundle.write_bytes(urllib.request.urlopen(f"{live_server.url}/clients/claude-code.pyz").read())
    environment = {"HOME": str(home), "SESSIONSITE_URL": live_server.url, "SESSIONSITE_TOKEN": secret}
    told = json.dumps({"transcript_path": str(transcript), "hook_event_name": "Stop"})
    command = [sys.executable, "-I", str(bundle), "hook"]
    running = [
        subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in running:
        assert process.communicate(told, timeout=60) == ("", "")
        assert process.returncode == 0
    assert imported(transcript).added == 0
    assert Interaction.objects.count() == len({key for _, _, key in said()})


def test_its_first_file_can_be_read_by_an_old_python() -> None:
    ast.parse((CLIENT / "__main__.py").read_text(), feature_version=(3, 7))


# --- installing ---------------------------------------------------------------------------------------------------


def test_it_installs_itself_and_leaves_all_else_alone(
    call: Call, home: Path, live_server: LiveServer, secret: str
) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    others = {
        "model": "opus",
        "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}], "Other": "odd"},
    }
    settings.write_text(json.dumps(others))
    for _ in range(2):
        called = call("install", "--url", f"{live_server.url}/", "--token", secret)
        assert called.code == 0
    written = json.loads(settings.read_text())
    assert written["model"] == "opus"
    assert set(written["hooks"]) == {
        "UserPromptSubmit", "PostToolUse", "Stop", "SubagentStop", "SessionEnd", "Other"}  # fmt: skip
    assert [group["hooks"][0]["command"].rpartition(" hook ")[2] for group in written["hooks"]["Stop"]] == [
        "say done",
        "# sessionsite",
    ]
    config = home / ".config" / "sessionsite" / "claude-code.json"
    assert config.stat().st_mode & 0o777 == 0o600
    assert json.loads(config.read_text())["url"] == live_server.url
    assert secret not in settings.read_text()
    assert call("uninstall").code == 0
    assert json.loads(settings.read_text()) == others


def test_it_installs_nothing_with_a_token_that_will_not_do(
    call: Call, home: Path, live_server: LiveServer, secret: str
) -> None:
    reading = actions.create_token("r", scope=Scope.READ, actor=Actor("root", Face.COMMAND))[1]
    for token in (reading, "sst_wrong", ""):
        assert call("install", "--url", live_server.url, "--token", token).code == 1
    assert call("install", "--url", "http://127.0.0.1:9", "--token", secret).code == 1
    assert not (home / ".claude").exists()
    assert not (home / ".config").exists()


def test_it_changes_no_settings_that_it_cannot_read(
    call: Call, home: Path, live_server: LiveServer, secret: str
) -> None:
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text("{ // a comment\n}")
    called = call("install", "--url", live_server.url, "--token", secret)
    assert called.code == 1
    assert "nothing was changed" in called.err
    assert settings.read_text() == "{ // a comment\n}"
