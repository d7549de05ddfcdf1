"""`manage.py mirror`: what each of its five words says and answers, on a whole store and on a damaged one."""

import os
from pathlib import Path

import pytest

from sessions import actions
from sessions.models import Interaction, Session, Tombstone
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import journal_of, lose_database, lose_files, places

from .running import everything, files, run, run_process


def damage(session: Session) -> bytes:
    """Flip a bit in the middle of a session's journal; returns the bytes that are there now."""
    path = journal_of(session)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return bytes(content)


def disagree(session: Session) -> None:
    """Let both copies verify and tell different things."""
    Interaction.objects.filter(session=session).update(response="the database's answer")


def settled_session(turns: int = 2) -> Session:
    session = make_session(turns=turns)
    actions.settle_mirror()
    return session


def test_status_tells_of_a_settled_store() -> None:
    settled_session()

    ran = run("mirror", "status")

    assert (ran.code, ran.err) == (0, "")
    assert "Sessions in debt: 0 (oldest: none)" in ran.out
    assert run("mirror", "status", "--json").json == {
        "debt_sessions": 0,
        "debt_profiles": 0,
        "debt_age_seconds": None,
        "debt_documents": 0,
        "unsettled_tombstones": 0,
        "quarantined": 0,
    }


def test_status_tells_of_debt() -> None:
    session = settled_session()
    Session.objects.filter(pk=session.pk).update(mirrored_revision=0, documented_revision=0)

    ran = run("mirror", "status", "--json")

    assert ran.code == 1
    assert (ran.json["debt_sessions"], ran.json["debt_documents"]) == (1, 1)
    assert "Sessions in debt: 1" in run("mirror", "status").out


def test_status_tells_of_quarantine() -> None:
    damage(settled_session())
    assert run("mirror", "repair").code == 0

    ran = run("mirror", "status", "--json")

    assert ran.code == 1
    assert ran.json["quarantined"] == 1


def test_verify_passes_a_whole_store_with_progress_on_standard_error() -> None:
    settled_session()
    before = everything()

    ran = run("mirror", "verify")

    assert (ran.code, ran.out) == (0, "Both copies agree.\n")
    assert ran.err == "1 of 1 sessions verified\n"
    assert run("mirror", "verify", "--json").json == {"findings": []}
    assert everything() == before


def test_verify_names_file_and_line_and_changes_nothing() -> None:
    session = settled_session()
    damage(session)
    before = everything()

    ran = run("mirror", "verify")
    told = run("mirror", "verify", "--json")

    assert ran.code == told.code == 1
    (finding,) = told.json["findings"]
    assert (finding["kind"], finding["key"]) == ("damaged", session.pk)
    assert f"damaged  {finding['path']}:{finding['line']}  {finding['reason']}\n1 findings found." in ran.out
    assert (places().root / finding["path"]) == journal_of(session)
    assert everything() == before


def test_repair_mends_a_damaged_file_and_keeps_its_bytes() -> None:
    session = settled_session()
    digest = actions.store_digest()
    damaged = damage(session)

    ran = run("mirror", "repair", "--json")

    assert (ran.code, ran.json) == (0, {"findings": []})
    assert "verified" in ran.err
    assert run("mirror", "verify").code == 0
    assert actions.store_digest() == digest
    assert damaged in [path.read_bytes() for path in places().quarantine.rglob("*") if path.is_file()]


def test_repair_changes_nothing_in_a_whole_store() -> None:
    settled_session()
    before = everything()

    assert run("mirror", "repair").out == "Both copies agree.\n"
    assert everything() == before


def test_repair_leaves_a_true_disagreement_to_somebody() -> None:
    session = settled_session()
    disagree(session)
    digest, journal = actions.store_digest(), journal_of(session).read_bytes()

    ran = run("mirror", "repair")

    assert ran.code == 1
    assert "differs" in ran.out
    assert "left after repair." in ran.out
    assert (actions.store_digest(), journal_of(session).read_bytes()) == (digest, journal)


@pytest.mark.parametrize(("keep", "stands"), [("database", "the database's answer"), ("journal", "answer 1")])
def test_repair_lets_one_copy_stand(keep: str, stands: str) -> None:
    session, other = settled_session(turns=1), settled_session(turns=1)
    disagree(session)
    disagree(other)

    ran = run("mirror", "repair", "--session", session.pk, "--keep", keep, "--json")

    assert (ran.code, ran.json) == (0, {"session_id": session.pk, "kept": keep})
    assert Interaction.objects.get(session=session).response == stands
    assert stands in journal_of(session).read_text()
    assert {one["key"] for one in run("mirror", "verify", "--json").json["findings"]} == {other.pk}
    assert run("mirror", "status", "--json").json["quarantined"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["repair", "--session", "x"],
        ["repair", "--keep", "journal"],
        ["repair", "--session", ""],
        ["repair", "--session", "x", "--keep", "both"],
        ["restore", "--session", "x", "--keep", "journal"],
        ["verify", "--session", "x"],
        ["mend"],
        [],
    ],
)
def test_it_refuses_what_makes_no_sense(arguments: list[str]) -> None:
    damage(settled_session())
    before = everything()

    ran = run("mirror", *arguments, "--json")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err
    assert everything() == before


@pytest.mark.parametrize("keep", ["database", "journal"])
def test_it_refuses_to_keep_a_copy_of_an_unknown_session(keep: str) -> None:
    settled_session()
    before = everything()

    for unknown in ("unknown", "../../etc/passwd"):
        ran = run("mirror", "repair", "--session", unknown, "--keep", keep)
        assert (ran.code, ran.out) == (1, "")
        assert "There is no session" in ran.err
    assert everything() == before


def test_restore_brings_back_a_lost_database() -> None:
    session = settled_session(turns=3)
    actions.update_profile("alice", replace={"editor": "ed"}, actor=ALICE)
    digest = run("mirror", "digest", "--json").json
    lose_database()
    assert run("mirror", "digest", "--json").json != digest

    ran = run("mirror", "restore", "--json")

    assert ran.code == 0
    assert ran.json["copies"]["loaded"] == ran.json["copies"]["profiles"] == 1
    assert ran.json["copies"]["loaded_interactions"] == 3
    assert run("mirror", "digest", "--json").json == digest
    assert Interaction.objects.filter(session=session.pk).count() == 3


def test_restore_writes_lost_files() -> None:
    session = settled_session()
    digest = actions.store_digest()
    lose_files()

    ran = run("mirror", "restore")

    assert ran.code == 0
    assert "1 sessions checked" in ran.out
    assert "1 written to disk" in ran.out
    assert journal_of(session).is_file()
    assert run("mirror", "verify").code == 0
    assert actions.store_digest() == digest


def test_restore_changes_nothing_in_a_whole_store() -> None:
    settled_session()
    before = everything()

    assert run("mirror", "restore").code == 0
    assert everything() == before


def test_restore_tells_of_copies_that_disagree() -> None:
    session = settled_session()
    actions.trash_session(session.pk, actor=ALICE)
    actions.purge_session(session.pk, actor=ALICE)
    Tombstone.objects.all().delete()
    make_session(session_id=session.pk)

    ran = run("mirror", "restore")
    told = run("mirror", "restore", "--json")

    assert ran.code == told.code == 1
    assert told.json["copies"]["conflicts"] == [
        f"{session.pk}: a tombstone stands although the database has the session"
    ]
    assert told.json["copies"]["conflicts"][0] in ran.out


def test_digest_is_the_same_until_something_is_said() -> None:
    session = settled_session()
    first = run("mirror", "digest")
    assert first.code == 0
    assert first.out == run("mirror", "digest", "--json").json["sha256"] + "\n" == actions.store_digest() + "\n"

    log(session, prompt="more")

    assert run("mirror", "digest").out != first.out


def test_a_damaged_store_is_found_and_mended_by_hand(tmp_path: Path) -> None:
    """A dozen kinds of damage at once, and the two commands that a person would type."""
    sessions = [settled_session() for _ in range(6)]
    digest, before = actions.store_digest(), set(files())
    torn, gone, fifo, folder, link, nul = [journal_of(one) for one in sessions]
    torn.write_bytes(torn.read_bytes()[:-7])
    for path in (gone, fifo, folder, link):
        path.unlink()
    os.mkfifo(fifo)
    folder.mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    nul.write_bytes(bytes(100))
    (torn.parent / "stray.tmp").write_bytes(b"nobody's")

    found = run("mirror", "verify", "--json")
    assert found.code == 1
    assert {session.pk for session in sessions} <= {one["key"] for one in found.json["findings"]}

    repaired = run("mirror", "repair", "--json")
    assert (repaired.code, repaired.json) == (0, {"findings": []})
    assert run("mirror", "verify").code == 0
    assert before <= set(files())
    assert actions.store_digest() == digest


def test_names_that_are_no_text_and_names_that_steer_a_terminal_are_shown_as_escapes() -> None:
    folder = journal_of(settled_session()).parent
    (folder / os.fsdecode(b"\xff\x1b[2J.jsonl")).write_bytes(b"nobody's")

    shown, told = run("mirror", "verify"), run("mirror", "verify", "--json")

    assert shown.code == told.code == 1
    assert "\x1b" not in shown.out
    assert "\\udcff\\x1b[2J" in shown.out
    assert any("\\udcff" in one["path"] for one in told.json["findings"])
    assert told.out.encode()


def test_it_says_what_a_store_without_tables_needs(tmp_path: Path) -> None:
    ran = run_process("mirror", "status", DATABASE_URL=f"sqlite:///{tmp_path / 'new.sqlite3'}")

    assert (ran.code, ran.out) == (1, "")
    assert "manage.py migrate" in ran.err
    assert "Traceback" not in ran.err
