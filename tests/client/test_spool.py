"""However a program ends, what it recorded is stored: once, and in order."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sessionsite_client import Client, NotSpooled, Recorder
from sessionsite_client.__main__ import main
from sessionsite_client.recorder.segment import Segment
from sessionsite_client.recorder.spool import Spool
from sessionsite_client.transport import Site

from .programs import end_by, finish, start, wait_for
from .server import free_port
from .test_recorder import files, prompts, set_aside

# It records, and has nothing sent for an hour.
PATIENT = """
recorder = Recorder(linger_seconds=3600)
recorder.session("{session}")
for number in range({count}):
    recorder.record("{session}", prompt=str(number))
"""


def numbers(count: int) -> list[str]:
    return [f"{number}" for number in range(count)]


def send_the_rest() -> None:
    with Recorder() as recorder:
        assert recorder.flush(30)


def test_it_outlives_a_process_that_was_killed(environment: Path, client: Client, name: str) -> None:
    program = start(PATIENT.format(session=name, count=200) + 'say("recorded"); time.sleep(60)')
    wait_for(program, "recorded")
    assert end_by(program, signal.SIGKILL) == -signal.SIGKILL
    send_the_rest()
    assert prompts(client, name) == numbers(200)
    assert files(environment, "*") == []


def test_it_stores_nothing_twice_after_a_kill_in_the_middle(environment: Path, client: Client, name: str) -> None:
    """It was killed while it sent: some of what is in the spool is stored already."""
    code = f"""
    recorder = Recorder(linger_seconds=0)
    recorder.session("{name}")
    for number in range(3000):
        recorder.record("{name}", prompt=str(number))
        if number == 1200: say("in the middle")
    say("all recorded"); time.sleep(60)
    """
    program = start(code)
    wait_for(program, "in the middle")
    program.kill()
    program.communicate()
    send_the_rest()
    told = prompts(client, name)
    assert len(told) > 1_200
    assert told == numbers(len(told))


def test_it_sends_the_rest_at_the_end_of_a_program(environment: Path, client: Client, name: str) -> None:
    finish(start(PATIENT.format(session=name, count=50)))
    assert prompts(client, name) == numbers(50)
    assert files(environment, "*") == []


def test_it_sends_the_rest_of_an_event_loop_that_nobody_closed(environment: Path, client: Client, name: str) -> None:
    finish(
        start(f"""
        import asyncio
        async def talk():
            recorder = await AsyncRecorder(linger_seconds=3600).__aenter__()
            recorder.session("{name}")
            recorder.record("{name}", prompt="0")
        asyncio.run(talk())
        """)
    )
    assert prompts(client, name) == ["0"]


def test_it_sends_the_rest_when_an_exception_ends_the_program(environment: Path, client: Client, name: str) -> None:
    program = start(PATIENT.format(session=name, count=5) + "1 / 0")
    _, errors = program.communicate(timeout=30)
    assert "ZeroDivisionError" in errors
    assert prompts(client, name) == numbers(5)


def test_it_sends_the_rest_at_sigterm(environment: Path, client: Client, name: str) -> None:
    program = start(PATIENT.format(session=name, count=50) + 'say("recorded"); time.sleep(60)')
    wait_for(program, "recorded")
    assert end_by(program, signal.SIGTERM) == -signal.SIGTERM
    assert prompts(client, name) == numbers(50)


def test_it_leaves_a_programs_own_sigterm_alone(environment: Path) -> None:
    program = start("""
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))
        recorder = Recorder()
        say("ready"); time.sleep(60)
    """)
    wait_for(program, "ready")
    assert end_by(program, signal.SIGTERM) == 7


def test_it_ends_soon_though_the_server_is_away(environment: Path, client: Client, name: str) -> None:
    """And the next start, when the server is there again, sends what was left."""
    url = os.environ["SESSIONSITE_URL"]
    away = f"http://127.0.0.1:{free_port()}"
    hurried = PATIENT.replace("linger_seconds=3600", "linger_seconds=0, exit_seconds=0.3")
    finish(start(hurried.format(session=name, count=5), SESSIONSITE_URL=away))
    (left,) = files(environment)
    assert left.stat().st_mode & 0o777 == 0o600
    assert left.parent.stat().st_mode & 0o777 == 0o700
    assert os.environ["SESSIONSITE_TOKEN"] not in left.read_text()
    _as_if_for(left, away, url)
    send_the_rest()
    assert prompts(client, name) == numbers(5)


def _as_if_for(path: Path, away: str, url: str) -> None:
    from sessionsite_client.recorder.spool import folder_of
    from sessionsite_client.transport import site_of

    folder = folder_of(path.parent.parent, site_of(url, None))
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_text(path.read_text().replace(away, url))


def test_it_leaves_alone_what_is_for_another_server(environment: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    spool = Spool(folder, Site("http://one", "t"))
    spool.append(b"{}\n")
    spool.close()
    other = Spool(folder, Site("http://other", "t"))
    assert other.adopt() == 0
    assert Spool(folder, Site("http://one", "t")).adopt() == 1


def test_it_leaves_a_running_program_its_own(environment: Path, client: Client, name: str) -> None:
    program = start(PATIENT.format(session=name, count=5) + 'say("recorded"); time.sleep(60)')
    wait_for(program, "recorded")
    send_the_rest()
    assert files(environment) != []
    program.kill()
    program.communicate()
    send_the_rest()
    assert prompts(client, name) == numbers(5)


def test_it_gives_a_forked_child_a_queue_of_its_own(environment: Path, client: Client, name: str) -> None:
    finish(
        start(f"""
        import warnings; warnings.simplefilter("ignore")
        recorder = Recorder(linger_seconds=0)
        recorder.session("{name}")
        recorder.record("{name}", prompt="before")
        recorder.flush()
        child = os.fork()
        recorder.record("{name}", prompt="child" if child == 0 else "parent")
        if child == 0:
            assert recorder.flush(60)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """)
    )
    assert sorted(prompts(client, name)) == ["before", "child", "parent"]


@pytest.mark.parametrize("kind", ["Recorder", "AsyncRecorder"])
def test_a_forked_child_needs_nothing_that_its_parent_has_not_sent(
    environment: Path, client: Client, name: str, kind: str
) -> None:
    finish(
        start(f"""
        import warnings; warnings.simplefilter("ignore")
        recorder = {kind}(linger_seconds=3600)
        recorder.session("{name}", title="T")
        if (child := os.fork()) == 0:
            recorder.record("{name}", prompt="child")
            recorder.record("{name}", prompt="child, too")
            os._exit(recorder.close(20))
        assert os.waitpid(child, 0)[1] == 0
        recorder.record("{name}", prompt="parent")
        """)
    )
    assert sorted(prompts(client, name)) == ["child", "child, too", "parent"]
    assert client.get_session(name).title == "T"


def test_it_sends_what_older_programs_left_before_its_own(environment: Path, client: Client, name: str) -> None:
    program = start(PATIENT.format(session=name, count=3) + 'say("recorded"); time.sleep(60)')
    wait_for(program, "recorded")
    program.kill()
    program.communicate()
    with Recorder() as recorder:
        recorder.record(name, prompt="3")
        assert recorder.flush(60)
    assert prompts(client, name) == numbers(4)


def test_it_puts_what_others_left_ahead_of_what_it_wrote_before_it_looked(tmp_path: Path) -> None:
    site = Site("http://one", "t")
    left, own = Spool(tmp_path, site), Spool(tmp_path, site)
    left.append(b"1\n")
    own.append(b"2\n")
    left.close()
    assert own.adopt() == 1
    first = own.read(10, 1_000)
    assert first is not None
    assert first.lines == [b"1"]
    own.confirm(first)
    second = own.read(10, 1_000)
    assert second is not None
    assert second.lines == [b"2"]
    own.close()


def test_it_does_not_wait_for_what_somebody_removed(environment: Path) -> None:
    with Recorder(linger_seconds=3600) as recorder:
        recorder.record("s", prompt="a")
        os.truncate(files(environment)[0], 0)
        assert recorder.flush(60)
        assert recorder.pending == 0


def test_it_tries_again_where_what_is_refused_cannot_be_set_aside(
    environment: Path, client: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionsite_client.recorder.base._FIRST_PAUSE_SECONDS", 0.01)
    with Recorder(linger_seconds=3600) as recorder:
        recorder.session(name)
        recorder.record(name, prompt="half \ud800")
        recorder.record(name, prompt="whole")
        in_the_way = files(environment)[0].parent / "rejected.jsonl"
        in_the_way.mkdir()
        assert not recorder.flush(0.5)
        assert isinstance(recorder.trouble, NotSpooled)
        in_the_way.rmdir()
        assert recorder.flush(60)
    assert prompts(client, name) == ["whole"]
    assert len(set_aside(environment)) == 1


def test_it_sets_aside_a_line_that_broke_off_or_is_none(environment: Path, client: Client, name: str) -> None:
    program = start(PATIENT.format(session=name, count=3) + 'say("recorded"); time.sleep(60)')
    wait_for(program, "recorded")
    program.kill()
    program.communicate()
    (left,) = files(environment)
    left.write_bytes(left.read_bytes() + b"\0\0\0\n[]\n" + b'{"to":"' + name.encode() + b'","log":{"prom')
    send_the_rest()
    assert prompts(client, name) == numbers(3)
    assert [one["code"] for one in set_aside(environment)] == ["torn", "not_readable", "not_readable"]


def test_it_says_that_the_disk_is_full_and_keeps_what_it_has(environment: Path, client: Client, name: str) -> None:
    told = finish(
        start(f"""
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        recorder = Recorder(linger_seconds=3600)
        recorder.session("{name}")
        recorder.record("{name}", prompt="0")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            recorder.record("{name}", prompt="x" * 5000)
        except NotSpooled as error:
            say("refused")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        recorder.record("{name}", prompt="1")
        """)
    )
    assert told.strip() == "refused"
    assert prompts(client, name) == ["0", "1"]


def test_it_begins_a_new_file_once_one_is_large(
    environment: Path, client: Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionsite_client.recorder.spool.ROTATE_BYTES", 2_000)
    recorder = Recorder(linger_seconds=3600)
    recorder.session(name)
    for number in range(100):
        recorder.record(name, prompt=f"{number}")
    assert len(files(environment)) > 5
    recorder.flush(30)
    assert len(files(environment)) <= 1
    recorder.close()
    assert prompts(client, name) == numbers(100)


def test_it_syncs_where_that_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    for fsync in (False, True):
        spool = Spool(tmp_path / f"{fsync}", Site("http://one", "t"), fsync=fsync)
        spool.append(b"{}\n")
        spool.close()
    assert len(synced) == 1


def test_it_does_not_take_a_file_that_was_just_finished(tmp_path: Path) -> None:
    segment = Segment.create(tmp_path, Site("http://one", "t"))
    handle = os.open(segment.path, os.O_RDWR)
    path = segment.path
    segment.remove()
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    path.touch()
    os.close(handle)
    taken = Segment.take_over(path)
    assert taken is not None
    assert taken.url() == ""
    taken.release()


def test_it_flushes_by_command(
    environment: Path, client: Client, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = start(PATIENT.format(session=name, count=7) + 'say("recorded"); time.sleep(60)')
    wait_for(program, "recorded")
    program.kill()
    program.communicate()
    token = os.environ["SESSIONSITE_TOKEN"]
    monkeypatch.setenv("SESSIONSITE_TOKEN", "sst_new_and_wrong")
    assert main(["flush", "--all-tokens"]) == 1
    assert "401" in capsys.readouterr().err
    monkeypatch.setenv("SESSIONSITE_TOKEN", token)
    assert main(["flush"]) == 0
    assert "8 sent, 0 set aside, 0 left" in capsys.readouterr().out
    assert prompts(client, name) == numbers(7)


def test_it_flushes_from_a_shell(environment: Path) -> None:
    command = [sys.executable, "-m", "sessionsite_client", "flush"]
    folder = Path(__file__).resolve().parents[2] / "clients" / "python"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
