"""Importing into sessions that were merged: sources that number their messages have the same numbers in each."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessions import actions
from sessions.importers import open_sources
from sessions.models import Interaction, Session
from tests.actions.test_restoring import as_document, as_lines, take
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import lose_database, lose_files, reconcile

type Rows = Callable[[str, int], dict[str, Any]]


def words(name: str, number: int) -> str:
    # Every fourth is what the other conversation says there as well.
    return "yes" if number % 4 == 3 else f"{name} {number}"


def openai(name: str, count: int) -> dict[str, Any]:
    roles = "user", "assistant"
    return {"id": name, "messages": [{"role": roles[n % 2], "content": words(name, n)} for n in range(count)]}


def sharegpt(name: str, count: int) -> dict[str, Any]:
    roles = "human", "gpt"
    return {"id": name, "conversations": [{"from": roles[n % 2], "value": words(name, n)} for n in range(count)]}


def langchain(name: str, count: int) -> dict[str, Any]:
    types = "human", "ai"
    said = [{"type": types[n % 2], "data": {"content": words(name, n)}} for n in range(count)]
    return {"session_id": name, "messages": said}


ROWS = [openai, sharegpt, langchain]


def write(folder: Path, rows: Rows, **counts: int) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(rows(name, count)) + "\n" for name, count in counts.items()))
    return path


def bring(path: Path) -> tuple[int, int, int]:
    """Import, having asked first what that would do: how many were added, were known, and differed."""
    told = actions.preview(open_sources(path))
    report = take(path)
    found = report.added, report.known, report.differing_count
    assert (told["new_interactions"], told["known_interactions"], told["differing"]) == found
    return found


def said() -> Counter[str]:
    return Counter(row.prompt or row.response for row in Interaction.objects.all())


def merge_both() -> actions.MergeGroup:
    """Merge what the one file made, the second into the first."""
    survivor, absorbed = Session.objects.order_by("pk").values_list("pk", flat=True)
    return actions.merge_sessions(survivor, absorbed=absorbed, actor=ALICE)


@pytest.mark.parametrize("rows", ROWS)
def test_an_unchanged_file_is_known_after_a_merge(rows: Rows, tmp_path: Path) -> None:
    path = write(tmp_path, rows, aa=10, bb=4)
    assert bring(path) == (14, 0, 0)
    merge_both()
    assert bring(path) == (0, 14, 0)


@pytest.mark.parametrize("rows", ROWS)
def test_what_merged_conversations_gained_comes_in(rows: Rows, tmp_path: Path) -> None:
    bring(write(tmp_path, rows, aa=10, bb=4))
    done = merge_both()
    longer = write(tmp_path, rows, aa=12, bb=9)
    assert bring(longer) == (7, 14, 0)
    assert bring(longer) == (0, 21, 0)
    # The "yes" of place 3, which both have, stands once.
    told = {words(name, n): 1 for name, count in {"aa": 12, "bb": 9}.items() for n in range(count)}
    assert said() == Counter({**told, "yes": 5})
    actions.unmerge(done.pk, actor=ALICE)
    # What came since stays with the survivor; the conversation that is by itself again is made whole.
    assert bring(longer) == (5, 16, 0)
    assert bring(longer) == (0, 21, 0)


@pytest.mark.parametrize("form", [as_document, as_lines])
def test_an_export_from_before_a_merge_goes_by_its_own_keys(form: Callable[[Path, str], Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_session(session_id=name)
        log(name, prompt=f"{name} 0", idempotency_key="turn-0")
    elsewhere = form(tmp_path, "b")
    lose_database()
    lose_files()
    for name, told in {"a": ("a 0", "a 1"), "b": ("b 0",)}.items():
        make_session(session_id=name)
        for number, prompt in enumerate(told):
            log(name, prompt=prompt, idempotency_key=f"turn-{number}")
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    # Another store's `b`: its IDs are others, its keys the same.
    assert bring(elsewhere) == (0, 1, 0)
    assert said() == Counter(["a 0", "a 1", "b 0"])


def test_what_an_export_adds_to_an_absorbed_session_is_known_under_its_id(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_session(session_id=name)
        log(name, prompt=f"{name} 0", idempotency_key="turn-0")
    log("b", prompt="b 1", idempotency_key="turn-1")
    longer = as_document(tmp_path, "b")
    lose_database()
    lose_files()
    for name in ("a", "b"):
        make_session(session_id=name)
        log(name, prompt=f"{name} 0", idempotency_key="turn-0")
    log("a", prompt="a 1", idempotency_key="turn-1")
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    assert bring(longer) == (1, 1, 0)
    assert log("b", prompt="b 1", idempotency_key="turn-1").sequence == 4
    assert [row.key_scope for row in Interaction.objects.of("a")] == ["", "b", "", "b"]


@pytest.mark.parametrize("form", [as_document, as_lines])
def test_what_a_merged_session_holds_is_known_by_the_keys_of_each(
    form: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    for _ in ("there", "here"):
        lose_database()
        lose_files()
        for name in ("a", "b"):
            make_session(session_id=name)
            log(name, prompt=f"{name} 0", idempotency_key="turn-0")
        actions.merge_sessions("a", absorbed="b", actor=ALICE)
        path = tmp_path / "there" if (tmp_path / "there").exists() else form(tmp_path, "a").rename(tmp_path / "there")
    assert bring(path) == (0, 2, 0)


@pytest.mark.parametrize("form", [as_document, as_lines])
def test_scopes_come_back_with_an_export(form: Callable[[Path, str], Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_session(session_id=name)
        log(name, prompt=f"{name} 0", idempotency_key="turn-0")
    done = actions.merge_sessions("a", absorbed="b", actor=ALICE)
    log("b", prompt="b 1", idempotency_key="turn-1")
    before, path = actions.session_dump("a"), form(tmp_path, "a")
    lose_database()
    lose_files()
    assert bring(path) == (3, 0, 0)
    assert actions.session_dump("a") == before
    assert log("b", prompt="b 0", idempotency_key="turn-0").sequence == 2
    assert log("b", prompt="b 1", idempotency_key="turn-1").sequence == 3
    lose_database()
    reconcile()
    actions.unmerge(done.pk, actor=ALICE)
    assert log("b", prompt="b 0", idempotency_key="turn-0").sequence == 1


def test_an_export_from_before_there_were_scopes_is_read_as_if_it_had_them(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_session(session_id=name)
        log(name, prompt=f"{name} 0", idempotency_key="turn-0")
        log(name, prompt=f"{name} 1", idempotency_key=f"{name}-1")
    for survivor, absorbed in (("b", "c"), ("a", "b")):
        actions.merge_sessions(survivor, absorbed=absorbed, actor=ALICE)
    document = actions.export_document("a")
    for one in document["interactions"]:
        one.pop("key_scope", None)
        for origin in one.get("origins", ()):
            origin.pop("key_scope", None)
        if one["idempotency_key"] == "turn-0" and "origins" in one:
            # Taken by the survivor, it was given up.
            one["origins"][0]["idempotency_key"] = one.pop("idempotency_key")
    before = actions.session_dump("a")
    lose_database()
    lose_files()
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    assert bring(path) == (6, 0, 0)
    assert actions.session_dump("a")["interactions"] == before["interactions"]


def test_it_keeps_both_where_one_key_stands_in_two_scopes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_session(session_id=name)
    done = actions.merge_sessions("a", absorbed="b", actor=ALICE)
    log("b", prompt="since", idempotency_key="turn-0")
    actions.unmerge(done.pk, actor=ALICE)
    log("b", prompt="otherwise", idempotency_key="turn-0")
    actions.merge_sessions("b", absorbed="a", actor=ALICE)
    path = as_lines(tmp_path, "b")
    lose_database()
    lose_files()
    for name in ("b", "z"):
        make_session(session_id=name)
    actions.merge_sessions("z", absorbed="b", actor=ALICE)
    assert bring(path) == (2, 0, 0)
    assert said() == Counter(["since", "otherwise"])


def test_what_the_holder_itself_was_told_is_known_under_its_name_as_a_scope(tmp_path: Path) -> None:
    def both() -> None:
        for name in ("a", "c"):
            make_session(session_id=name)
        log("c", prompt="x", idempotency_key="turn-0")

    both()
    actions.merge_sessions("a", absorbed="c", actor=ALICE)
    path = as_lines(tmp_path, "a")
    lose_database()
    lose_files()
    both()
    actions.merge_sessions("c", absorbed="a", actor=ALICE)
    assert bring(path) == (0, 1, 0)


def test_a_preview_counts_what_stands_in_two_exports_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_session(session_id=name)
        log(name, prompt=name, idempotency_key="turn-0")
        log(name, prompt=f"{name}, without a key")
    first = as_lines(tmp_path, "b").rename(tmp_path / "first.jsonl")
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    second = as_lines(tmp_path, "a")
    lose_database()
    lose_files()
    told = actions.preview([source for path in (first, second) for source in open_sources(path)])
    assert (told["new_interactions"], told["known_interactions"]) == (4, 2)
    assert [take(path).added for path in (first, second)] == [2, 2]


def test_a_preview_knows_by_its_key_what_two_stores_told_apart(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        for one in ("a", "b"):
            make_session(session_id=one)
            log(one, prompt=one, idempotency_key="turn-0")
        if name == "a":
            actions.merge_sessions("a", absorbed="b", actor=ALICE)
        paths.append(as_lines(tmp_path, name).rename(tmp_path / f"{name}.jsonl"))
        lose_database()
        lose_files()
    for one in ("a", "b"):
        make_session(session_id=one)
    actions.merge_sessions("a", absorbed="b", actor=ALICE)
    told = actions.preview([source for path in paths for source in open_sources(path)])
    assert (told["new_interactions"], told["known_interactions"]) == (2, 1)
    assert [take(path).added for path in paths] == [2, 0]


@pytest.mark.parametrize("form", ["openai", "sharegpt", "claude-code"])
def test_other_tools_files_have_every_message_once(form: str, tmp_path: Path) -> None:
    bring(write(tmp_path, openai, aa=3, bb=3))
    merge_both()
    before = said()
    path = tmp_path / "out.jsonl"
    path.write_text("".join(actions.export_session(Session.objects.get(merged_into=None).pk, form)))
    lose_database()
    lose_files()
    take(path)
    assert said() == before
