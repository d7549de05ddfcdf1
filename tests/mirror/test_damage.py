"""Every kind of damage to a file of the mirror: found, kept to the byte, repaired, and nothing else touched."""

import os
import random
import shutil
import stat
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from sessions import actions
from sessions.mirror import replay
from sessions.models import Session, Tombstone
from tests.builders import ALICE, log, make_session

from .disk import digests, findings, journal_of, kinds, lose_database, places, quarantined_bytes, reconcile, repair

type Harm = Callable[[Path], None]


def truncate_to(share: float) -> Harm:
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


def overwrite(change: Callable[[bytes], bytes]) -> Harm:
    def harm(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return harm


def flip(place: float) -> Harm:
    def harm(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[int(len(data) * place)] ^= 0x08
        path.write_bytes(data)

    return harm


def link(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name("elsewhere")))


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def instead(make: Callable[[Path], None]) -> Harm:
    def harm(path: Path) -> None:
        path.unlink()
        make(path)

    return harm


def nothing_at_length(path: Path) -> None:
    os.truncate(path, 100 * 1024**2)


HARMS: dict[str, Harm] = {
    "cut in the first line": truncate_to(0.02),
    "cut in the middle": truncate_to(0.5),
    "cut before the end": lambda path: os.truncate(path, path.stat().st_size - 1),
    "flipped bit in the first line": flip(0.05),
    "flipped bit in the middle": flip(0.5),
    "flipped bit in the last line": flip(0.98),
    "zeros in the middle": overwrite(lambda data: data[:700] + bytes(512) + data[1212:]),
    "zeros at the end": overwrite(lambda data: data + bytes(4096)),
    "glued lines": overwrite(lambda data: data.replace(b"\n", b"", 1)),
    "a line lost": overwrite(lambda data: b"".join(data.splitlines(keepends=True)[:1] + data.splitlines(True)[2:])),
    "lines exchanged": overwrite(lambda data: b"".join(data.splitlines(keepends=True)[i] for i in (0, 2, 1, 3))),
    "a line twice": overwrite(lambda data: data + data.splitlines(keepends=True)[-1]),
    "blank line": overwrite(lambda data: data + b"\n"),
    "not JSON": overwrite(lambda _: b"Dear diary,\n"),
    "empty": overwrite(lambda _: b""),
    "foreign encoding": overwrite(lambda data: data.decode().encode("utf-16")),
    "no permission": lambda path: path.chmod(0),
    "a link": link,
    "a dangling link": dangle,
    "a FIFO": instead(os.mkfifo),
    "a folder": instead(lambda path: path.mkdir()),
    "a hundred sparse megabytes": nothing_at_length,
}
# What needs more than one line, or a line more than the last one.
OF_LINES = {"a line lost", "lines exchanged", "a line twice", "cut in the first line"}
harms_of_one_line = pytest.mark.parametrize(
    "harm",
    [harm for name, harm in HARMS.items() if name not in OF_LINES],
    ids=[name for name in HARMS if name not in OF_LINES],
)
harms = pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())


@harms
def test_it_is_found_kept_and_repaired(harm: Harm) -> None:
    session, other = make_session(turns=3, session_id="harmed"), make_session(turns=2, session_id="spared")
    untouched = digests(journal_of(other).parent)
    before = actions.store_digest()
    harm(journal_of(session))
    status = journal_of(session).lstat()

    assert {finding.key for finding in findings()} >= {session.pk}
    assert kinds() <= {"damaged", "unknown"}
    assert repair() == []

    assert findings() == []
    kept = next(places().root / one.file for one in actions.quarantined() if one.key == session.pk)
    after = kept.lstat()
    assert (after.st_ino, after.st_size, after.st_mode) == (status.st_ino, status.st_size, status.st_mode)
    assert kept.with_name(kept.name + ".reason").is_file()
    assert actions.store_digest() == before
    assert untouched.items() <= digests(journal_of(other).parent).items()
    assert stat.S_IMODE(journal_of(session).stat().st_mode) == 0o600


@harms
def test_it_stops_no_writer(harm: Harm) -> None:
    session = make_session(turns=3)
    harm(journal_of(session))
    assert log(session, prompt="and yet").sequence == 4
    repair()
    assert findings() == []


@harms
def test_what_can_be_read_is_salvaged_when_the_database_is_gone(harm: Harm) -> None:
    session, other = make_session(turns=3), make_session(turns=2)
    whole = actions.session_dump(other.pk)
    harm(journal_of(session))
    lose_database()

    reconcile()

    assert actions.session_dump(other.pk) == whole
    assert [one.key for one in actions.quarantined()].count(session.pk) >= 1
    assert repair() == []
    assert findings() == []
    row = Session.objects.filter(pk=session.pk).first()
    if row is not None:
        prompts = [one.prompt for one in row.interactions.order_by("sequence")]
        assert prompts == sorted(prompts)
        assert log(row, prompt="on").sequence == row.last_sequence + 1


def test_a_flipped_bit_costs_one_interaction_and_no_more() -> None:
    session = make_session(turns=5)
    data = journal_of(session).read_bytes()
    journal_of(session).write_bytes(data.replace(b"request 3", b"request 9"))
    lose_database()
    reconcile()
    assert [row.prompt[-1] for row in Session.objects.get().interactions.order_by("sequence")] == ["1", "2", "4", "5"]
    assert findings() == []


def test_every_flipped_bit_of_a_journal_is_found() -> None:
    session = make_session(turns=1)
    data = journal_of(session).read_bytes()
    path = places().root / "flipped.jsonl"
    for place in range(len(data)):
        bit = 1 << random.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        assert not replay.read_image(path).sound, (place, bit)


def test_every_truncation_of_a_journal_is_found() -> None:
    session = make_session(turns=1)
    data = journal_of(session).read_bytes()
    ends = {len(data[:place]) for place in range(len(data)) if data[:place].endswith(b"\n")}
    path = places().root / "cut.jsonl"
    for place in range(len(data)):
        path.write_bytes(data[:place])
        assert replay.read_image(path).sound == (place in ends), place


def test_a_journal_that_lost_whole_lines_at_its_end_is_completed() -> None:
    session = make_session(turns=3)
    whole = journal_of(session).read_bytes()
    journal_of(session).write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    assert kinds() == {"behind"}
    assert repair() == []
    assert journal_of(session).read_bytes() == whole


def test_another_sessions_journal_in_its_place_is_set_aside() -> None:
    session, other = make_session(turns=3), make_session(turns=3)
    shutil.copy(journal_of(other), journal_of(session))
    assert {(one.kind, one.key) for one in findings()} == {("damaged", session.pk)}
    assert repair() == []
    assert findings() == []
    assert quarantined_bytes(session.pk) == [journal_of(other).read_bytes()]


def test_a_copy_under_an_id_of_its_own_is_set_aside() -> None:
    session = make_session(turns=3)
    copy = places().journal("zz-copy")
    copy.parent.mkdir(parents=True)
    shutil.copy(journal_of(session), copy)
    assert kinds() == {"unknown"}
    assert repair() == []
    assert not Session.objects.filter(pk="zz-copy").exists()
    assert quarantined_bytes("zz-copy") == [journal_of(session).read_bytes()]


@pytest.mark.parametrize("name", ["zz/{id}.jsonl", "zz/...jsonl", "zz/notes.txt", "notes", "zz/ä.jsonl", "zz/zz.trash"])
def test_a_file_that_stands_where_none_belongs_is_set_aside(name: str) -> None:
    session = make_session(turns=2)
    stray = places().sessions / name.format(id=session.pk)
    stray.parent.mkdir(exist_ok=True)
    shutil.copy(journal_of(session), stray)
    assert kinds() == {"unknown"}
    assert repair() == []
    assert findings() == []
    kept = [places().root / one.file for one in actions.quarantined()]
    assert [path.read_bytes() for path in kept] == [journal_of(session).read_bytes()]
    assert all(path.parent.parent == places().quarantine for path in kept)


def test_reconciling_survives_names_that_are_no_text(data_dir: Path) -> None:
    make_session(turns=1)
    for folder in ("\udcff\udcfe", "ok"):
        path = data_dir / "sessions" / folder / "\udcff.jsonl"
        path.parent.mkdir()
        path.write_bytes(b"x")
    reconcile()
    assert repair() == []


def test_a_file_in_the_wrong_room_is_set_aside() -> None:
    session = make_session(turns=2)
    actions.trash_session(session.pk, actor=ALICE)
    shutil.copy(places().trashed_journal(session.pk), journal_of(session))
    assert kinds() == {"unknown"}
    assert repair() == []
    assert findings() == []
    assert len(quarantined_bytes(session.pk)) == 1


@pytest.mark.parametrize("lost", [False, True], ids=["database there", "database gone"])
def test_a_linked_folder_is_never_followed(lost: bool, tmp_path: Path) -> None:
    session = make_session(turns=2)
    folder = journal_of(session).parent
    target = tmp_path / "elsewhere"
    folder.rename(target)
    folder.symlink_to(target)
    before = digests(target)
    if lost:
        lose_database()
        reconcile()
        assert not Session.objects.exists()
    else:
        assert {"damaged", "unknown"} & kinds()
        log(session, prompt="on")
        assert repair() == []
    assert findings() == []
    assert digests(target) == before
    assert any((places().root / one.file).is_symlink() for one in actions.quarantined())


def test_an_unfinished_write_is_set_aside_when_nobody_can_be_at_it() -> None:
    session = make_session(turns=1)
    fresh, old = (journal_of(session).with_name(name) for name in (".new-1-aa", ".new-2-bb"))
    for path in (fresh, old):
        path.write_bytes(b"half a journ")
    os.utime(old, (time.time() - 3600,) * 2)
    assert [(one.kind, one.path.rpartition("/")[2]) for one in findings()] == [("leftover", ".new-2-bb")]
    assert repair() == []
    assert fresh.exists()
    assert not old.exists()


# --- The small files ---


@harms_of_one_line
def test_a_damaged_trash_record_is_rebuilt(harm: Harm) -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, reason="old", actor=ALICE)
    harm(places().trash_record(session.pk))
    assert findings()
    assert repair() == []
    assert findings() == []
    assert any(one.key == session.pk for one in actions.quarantined())
    actions.restore_session(session.pk, actor=ALICE)
    assert findings() == []


@harms_of_one_line
def test_a_damaged_tombstone_is_rebuilt(harm: Harm) -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    harm(places().tombstone(session.pk))
    assert findings()
    assert repair() == []
    assert findings() == []


@harms
def test_a_damaged_profile_is_rebuilt(harm: Harm) -> None:
    for number in range(4):
        actions.update_profile("alice", actor=ALICE, replace={"lang": "d" * 50 * number})
    before = actions.store_digest()
    harm(places().profile("alice"))
    assert findings()
    assert repair() == []
    assert findings() == []
    assert actions.store_digest() == before
    assert len(actions.quarantined()) == 1


@harms
def test_a_damaged_profile_is_salvaged_when_the_database_is_gone(harm: Harm) -> None:
    for number in range(4):
        actions.update_profile("alice", actor=ALICE, replace={"number": number})
    harm(places().profile("alice"))
    lose_database()
    reconcile()
    assert repair() == []
    assert findings() == []


def test_a_damaged_tombstone_does_not_come_back_without_a_database() -> None:
    session = make_session(turns=1)
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    places().tombstone(session.pk).write_bytes(b"what?")
    lose_database()
    reconcile()
    assert not Tombstone.objects.exists()
    assert len(actions.quarantined()) == 1
    assert findings() == []


# --- Size ---


def measured(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and megabytes at the peak."""
    began = time.monotonic()
    tracemalloc.start()
    try:
        act()
        return time.monotonic() - began, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.thorough
def test_a_gigabyte_takes_bounded_memory() -> None:
    session = make_session(turns=2)
    os.truncate(journal_of(session), 1024**3)
    seconds, megabytes = measured(findings)
    assert megabytes < 20
    assert seconds < 15
    seconds, megabytes = measured(lambda: log(session, prompt="on"))
    assert megabytes < 20
    assert seconds < 5
    assert findings() == []


def test_many_damaged_lines_are_given_up_in_time() -> None:
    session = make_session(turns=2)
    with journal_of(session).open("ab") as stream:
        for _ in range(40):
            stream.write(b"short\n" * 200_000)
    seconds, megabytes = measured(findings)
    assert megabytes < 20
    assert seconds < 5
    assert len(findings()) < 1_100
    assert repair() == []
