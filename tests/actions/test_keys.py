"""Idempotency keys over merges: one key means one thing under the ID that it was given for, wherever that leads."""

import random
from uuid import UUID

import pytest
from django.db.models import Q

from sessions import actions
from sessions.actions.keys import own_by_key, retired_scope
from sessions.errors import IdempotencyConflict, UnmergeRefused
from sessions.models import Interaction, Merge, Session
from tests.builders import ALICE, draft, log, make_session
from tests.mirror.disk import findings, lose_database, reconcile


def turns(session_id: str, *prompts: str, since: int = 0) -> None:
    """Log turns whose keys are their places, as a writer that counts them does."""
    for place, prompt in enumerate(prompts, start=since):
        log(session_id, prompt=prompt, idempotency_key=f"turn-{place}")


def sent(session_id: str, place: int, prompt: str) -> tuple[str, int, int]:
    """Send a turn; which session has it, where, and how many were added."""
    one = draft(prompt=prompt, idempotency_key=f"turn-{place}")
    appended = actions.append_interactions(session_id, [one], actor=ALICE)
    return appended.session_id, appended.rows[0].sequence, appended.added


def merge(survivor: str, *absorbed: str) -> UUID:
    done = actions.merge_sessions(survivor, absorbed=absorbed, actor=ALICE)
    assert findings() == []
    return done.pk


def undo(pk: UUID) -> None:
    actions.unmerge(pk, actor=ALICE)
    assert findings() == []


def prompts(session_id: str) -> list[str]:
    return [row.prompt for row in Interaction.objects.of(session_id)]


def rows_of(session_id: str) -> list[tuple[str, str | None, str]]:
    return list(Interaction.objects.of(session_id).values_list("key_scope", "idempotency_key", "prompt"))


def begin(*names: str) -> None:
    for name in names:
        make_session(session_id=name)


def test_a_new_turn_under_an_absorbed_id_is_new_whatever_the_survivor_said_there() -> None:
    begin("a", "b")
    turns("a", "a0", "a1", "a2", "yes")
    turns("b", "b0", "b1", "b2")
    merge("a", "b")
    assert sent("b", 3, "yes") == ("a", 8, 1)
    assert sent("b", 3, "yes") == ("a", 8, 0)
    assert sent("b", 4, "other words") == ("a", 9, 1)
    with pytest.raises(IdempotencyConflict):
        sent("b", 4, "again other words")


def test_a_new_turn_under_the_survivors_id_is_new_whatever_the_absorbed_one_said_there() -> None:
    begin("a", "b")
    turns("a", "a0")
    turns("b", "b0", "yes", "b2")
    merge("a", "b")
    assert sent("a", 1, "yes") == ("a", 5, 1)
    assert sent("a", 2, "a2") == ("a", 6, 1)
    assert sent("a", 2, "a2") == ("a", 6, 0)


def test_a_retry_under_an_absorbed_id_finds_what_it_stored_before_the_merge() -> None:
    begin("a", "b")
    turns("a", "a0", "same")
    turns("b", "b0", "same")
    merge("a", "b")
    assert prompts("a") == ["a0", "same", "b0"]
    # What both had is shown once, and stands for both.
    assert [sent("b", 0, "b0"), sent("b", 1, "same")] == [("a", 3, 0), ("a", 2, 0)]
    with pytest.raises(IdempotencyConflict):
        sent("b", 1, "not the same")


def test_a_batch_may_name_old_and_new_and_parents_among_them() -> None:
    begin("a", "b")
    turns("a", "a0", "a1", "a2")
    turns("b", "b0", "b1")
    merge("a", "b")
    drafts = [draft(prompt=f"b{n}", idempotency_key=f"turn-{n}", parent_key=f"turn-{n - 1}") for n in range(1, 4)]
    appended = actions.append_interactions("b", drafts, actor=ALICE)
    assert ([row.prompt for row in appended.rows], appended.added) == (["b1", "b2", "b3"], 2)
    assert [row.parent_id for row in appended.rows[1:]] == [row.pk for row in appended.rows[:-1]]


def test_a_key_is_found_through_a_chain_of_merges() -> None:
    begin("a", "b", "c")
    turns("b", "same", "b1", "b2")
    turns("a", "same", "a1", "b2")
    turns("c", "c0", "a1", "b2")
    merge("a", "b")
    # Left behind in `a`, as `c` has the same: what `b` had been told there goes by `c` as well.
    sent("b", 3, "late")
    turns("c", "late", since=3)
    merge("c", "a")
    assert sorted(prompts("c")) == ["a1", "b1", "b2", "c0", "late", "same"]
    for name, said in {"b": ["same", "b1", "b2", "late"], "a": ["same", "a1", "b2"], "c": ["c0", "a1", "b2"]}.items():
        for place, prompt in enumerate(said):
            holder, sequence, added = sent(name, place, prompt)
            assert (holder, added, prompts("c")[sequence - 1]) == ("c", 0, prompt)
    assert sent("b", 4, "c4")[2] == sent("a", 3, "late")[2] == sent("c", 4, "c4")[2] == 1


def test_what_stays_when_a_merge_is_undone_bars_no_key_of_the_one_that_leaves() -> None:
    begin("a", "b")
    turns("a", "a0")
    turns("b", "b0")
    first = merge("a", "b")
    assert sent("b", 1, "since") == ("a", 3, 1)
    undo(first)
    assert (prompts("a"), prompts("b")) == (["a0", "since"], ["b0"])
    assert sent("b", 1, "since, told otherwise") == ("b", 2, 1)
    assert sent("a", 1, "a1") == ("a", 3, 1)
    second = merge("a", "b")
    assert sorted(prompts("a")) == ["a0", "a1", "b0", "since", "since, told otherwise"]
    assert sent("b", 1, "since, told otherwise")[2] == 0
    undo(second)
    assert sent("b", 1, "since, told otherwise") == ("b", 2, 0)


def test_what_stayed_counts_again_when_the_two_are_merged_anew() -> None:
    begin("a", "b", "x")
    merge("b", "x")
    done = merge("a", "b")
    for name in ("b", "x"):
        sent(name, 0, f"since, to {name}")
        sent(name, 1, f"before it was told otherwise, to {name}")
    held = rows_of("a")
    for again in range(3):
        undo(done)
        if again == 2:
            assert [sent(name, 1, "told otherwise")[2] for name in ("b", "x")] == [1, 1]
        done = merge("a", "b")
        assert [sent(name, 0, f"since, to {name}")[2] for name in ("b", "x")] == [0, 0]
        assert again == 2 or rows_of("a") == held
        with pytest.raises(IdempotencyConflict):
            sent("x", 0, "something else")
    assert [sent(name, 1, "told otherwise")[2] for name in ("b", "x")] == [0, 0]
    assert sent("a", 0, "of its own")[2] == 1


def test_what_stays_and_what_leaves_may_have_stayed_under_one_name() -> None:
    begin("a", "b", "c")
    one = merge("a", "b")
    sent("b", 0, "old")
    undo(one)
    stayed = rows_of("a")
    back = merge("b", "a")
    further = merge("c", "b")
    assert (sent("b", 0, "old")[2], sent("b", 1, "new")[2]) == (0, 1)
    undo(further)
    assert (prompts("b"), prompts("c")) == (["old"], ["new"])
    undo(back)
    assert (prompts("b"), rows_of("a")) == ([], stayed)


@pytest.mark.parametrize("way", ["straight", "over another", "together", "from two"])
def test_what_stayed_counts_again_when_it_comes_home(way: str) -> None:
    begin("a", "b", "c")
    one = merge("a", "b")
    sent("b", 0, "old")
    sent("b", 1, "told otherwise since")
    undo(one)
    sent("b", 1, "of its own")
    before = rows_of("a")
    if way == "straight":
        steps = [("b", ["a"])]
    elif way == "over another":
        turns("c", "in c", "in c too")
        steps = [("c", ["a"]), ("b", ["c"])]
    elif way == "together":
        turns("c", "in c")
        steps = [("b", ["a", "c"])]
    else:
        steps = [("c", ["a", "b"])]
    done = [merge(survivor, *absorbed) for survivor, absorbed in steps]
    assert (sent("b", 0, "old")[2], sent("b", 1, "of its own")[2]) == (0, 0)
    with pytest.raises(IdempotencyConflict):
        sent("b", 1, "told otherwise since")
    for pk in reversed(done):
        undo(pk)
    assert rows_of("a") == before
    assert (sent("b", 0, "old"), sent("b", 1, "of its own")[2]) == (("b", 2, 1), 0)


def test_undoing_revives_no_scope_of_who_leaves() -> None:
    begin("a", "b", "c", "x")
    first = merge("c", "b")
    sent("b", 0, "same")
    undo(first)
    merge("b", "x")
    sent("x", 0, "same")
    leaves = merge("a", "b")
    merge("a", "c")
    undo(leaves)
    assert sent("b", 0, "other") == ("b", 2, 1)
    merge("a", "b")
    assert sent("b", 0, "other")[2] == 0


def test_what_came_home_is_known_also_where_it_is_left_behind() -> None:
    begin("a", "b", "c")
    first = merge("b", "a")
    sent("a", 0, "k0")
    undo(first)
    merge("a", "b")
    assert sent("a", 0, "k0")[2] == 0
    sent("c", 0, "k0")
    merge("c", "a")
    assert (sent("a", 0, "k0")[2], prompts("c")) == (0, ["k0"])


def test_what_stayed_in_two_places_counts_once() -> None:
    begin("a", "b", "c", "d")
    for place in ("a", "c"):
        one = merge(place, "b")
        sent("b", 0, f"in {place}")
        undo(one)
    merge("d", "a", "c", "b")
    assert sorted(prompts("d")) == ["in a", "in c"]
    assert sent("b", 0, "in a")[2] == 0
    with pytest.raises(IdempotencyConflict):
        sent("b", 0, "in c")
    assert {key for _, key, _ in rows_of("d")} == {"turn-0"}, "none had to be given up"


def test_a_retired_scope_that_is_taken_bars_no_undoing() -> None:
    """No call leads there today; a journal that somebody mended by hand may."""
    begin("a", "b")
    turns("a", "held")
    done = merge("a", "b")
    sent("b", 0, "since")
    Interaction.objects.filter(prompt="held").update(key_scope=retired_scope("b"))
    actions.unmerge(done, actor=ALICE)
    assert (prompts("a"), sent("b", 0, "told otherwise")) == (["held", "since"], ("b", 1, 1))


def test_what_stayed_is_shown_once_with_what_was_sent_again() -> None:
    begin("a", "b")
    done = merge("a", "b")
    sent("b", 0, "since")
    undo(done)
    sent("b", 0, "since")
    merge("a", "b")
    assert (prompts("a"), sent("b", 0, "since")) == (["since"], ("a", 1, 0))


def spoken_to_twice(told: str) -> list[UUID]:
    """`b` was told `old` while it was merged into `a`, where that stayed; then something else under the same key."""
    begin("a", "b", "c")
    one = merge("a", "b")
    sent("b", 0, "old")
    undo(one)
    sent("b", 0, told)
    sent("c", 0, told)
    return [merge("b", "a")]


@pytest.mark.parametrize("told", ["old", "new"])
@pytest.mark.parametrize("further", [("c", "b"), ("b", "c"), ("a", "c")], ids="-".join)
def test_a_key_that_means_two_things_by_a_merge_means_the_latter(further: tuple[str, str], told: str) -> None:
    done = spoken_to_twice(told)
    done.append(merge(*(actions.get_session(name).pk for name in further)))
    for merge_id in (*reversed(done), None):
        assert [sent(name, 0, told)[2] for name in ("b", "c")] == [0, 0]
        if merge_id is not None:
            undo(merge_id)
    assert sent("a", 0, "of its own")[2] == 1


@pytest.mark.parametrize("told", ["old", "new"])
@pytest.mark.parametrize("further", [("c", "b"), ("b", "c")], ids="-".join)
def test_undoing_gives_every_key_back_in_its_scope(further: tuple[str, str], told: str) -> None:
    done = spoken_to_twice(told)
    before = [actions.session_dump(name) for name in ("b", "c")]
    undo(merge(*further))
    assert [actions.session_dump(name) for name in ("b", "c")] == before
    undo(done[0])
    assert [row.key_scope in ("", "b") for row in Interaction.objects.of("a")] == [False]


def test_what_was_parted_by_undoing_an_import_is_known_when_it_is_merged_back() -> None:
    """See tests/actions/test_import_runs.py for the import; here what `import_undo` leaves is made by hand."""
    begin("s", "apart")
    turns("s", "s0")
    turns("apart", "s1", since=1)
    Interaction.objects.filter(session="apart").update(key_scope="s")
    before = actions.session_dump("apart")
    assert sent("apart", 1, "of its own") == ("apart", 2, 1)
    done = merge("s", "apart")
    assert sent("s", 1, "s1")[2] == sent("apart", 1, "of its own")[2] == 0
    other = make_session(session_id="other").pk
    further = merge(other, "s")
    assert sent("s", 0, "s0")[2] == sent("s", 1, "s1")[2] == 0
    undo(further)
    # By now it has told something else there: that is what its key means.
    undo(done)
    assert actions.session_dump("apart")["interactions"][0] == before["interactions"][0]
    assert sent("s", 1, "told otherwise")[2] == 1
    done = merge("s", "apart")
    held = rows_of("s")
    assert sent("s", 1, "told otherwise")[2] == 0
    further = merge(other, "s")
    assert sent("s", 1, "told otherwise")[2] == 0
    begin("last")
    # One of the two has given its key up by now, which a journal must not take for what an older one says.
    undo(merge("last", other))
    undo(further)
    assert rows_of("s") == held
    undo(done)
    assert actions.session_dump("apart")["interactions"][0] == before["interactions"][0]


def test_of_each_session_only_what_is_asked_of_it_is_loaded() -> None:
    begin("a", "b")
    for name in "ab":
        turns(name, "0", "1")
    found = own_by_key({"a": {"turn-0", "unknown"}, "b": {"turn-1"}})
    assert {name: [*rows] for name, rows in found.items()} == {"a": ["turn-0"], "b": ["turn-1"]}


def test_keys_are_listed_by_the_id_that_they_were_given_under() -> None:
    begin("a", "b")
    turns("a", "a0", "same")
    turns("b", "b0", "same")
    merge("a", "b")
    for name, expected in {"a": ["a0", "same"], "b": ["same", "b0"]}.items():
        scope = actions.scope_of(name, "a")
        page = actions.list_interactions("a", keys=["turn-0", "turn-1", "turn-2"], key_scope=scope)
        assert [row.prompt for row in page.interactions] == expected


def test_scopes_survive_the_loss_of_the_database() -> None:
    begin("a", "b")
    turns("a", "a0", "a1")
    turns("b", "b0", "b1")
    done = merge("a", "b")
    sent("b", 2, "b2")
    before = actions.session_dump("a")
    lose_database()
    reconcile()
    assert (findings(), actions.session_dump("a")) == ([], before)
    assert [sent("b", 1, "b1")[2], sent("b", 2, "b2")[2], sent("a", 2, "a2")[2]] == [0, 0, 1]
    undo(done)
    assert [sent("b", 1, "b1"), sent("a", 1, "a1")] == [("b", 2, 0), ("a", 2, 0)]


def test_what_an_absorbed_one_had_absorbed_leaves_no_key_behind_either() -> None:
    begin("a", "b", "x")
    merge("b", "x")
    done = merge("a", "b")
    sent("x", 0, "since")
    undo(done)
    assert sent("x", 0, "told otherwise") == ("b", 1, 1)
    merge("a", "b")
    assert (prompts("a"), sent("x", 0, "told otherwise")[2]) == (["since", "told otherwise"], 0)


@pytest.mark.parametrize("seed", range(16))
def test_whatever_is_merged_and_taken_apart_every_key_means_what_it_meant(seed: int) -> None:
    chance = random.Random(seed)
    model = Model(chance, ["a", "b", "c"])
    for _ in range(50):
        chance.choice([model.say, model.say, model.say_again, model.merge, model.merge, model.undo])()
    model.check()
    everything = rows_of_all()
    lose_database()
    reconcile()
    assert (findings(), rows_of_all()) == ([], everything)
    model.check()


class Model:
    """What was told to each session, by key, with the merges through which it went then: undone, they take it along."""

    def __init__(self, chance: random.Random, names: list[str]) -> None:
        begin(*names)
        self._chance = chance
        self._names = names
        self._told: dict[str, dict[int, tuple[str, set[UUID]]]] = {name: {} for name in names}
        # What stayed elsewhere when a merge was undone: it may count again under that name once the two have met anew.
        self._stayed: dict[str, set[int]] = {name: set() for name in names}
        self._ever: set[UUID] = set()

    def say(self) -> None:
        name = self._chance.choice(self._names)
        is_alone = not Merge.objects.filter(undone_at=None).filter(Q(absorbed_id=name) | Q(survivor_id=name)).exists()
        used = {*self._told[name], *(() if is_alone else self._stayed[name])}
        place = next(n for n in range(100) if n not in used)
        # Few words, so that different sessions often say the same at the same place.
        one = draft(prompt=self._chance.choice(["yes", "no"]), idempotency_key=f"turn-{place}")
        appended = actions.append_interactions(name, [one], actor=ALICE)
        assert appended.added == 1
        self._told[name][place] = one.prompt, self._way(name)
        self._ever.add(appended.rows[0].pk)

    def say_again(self) -> None:
        name = self._chance.choice(self._names)
        for place, (prompt, _) in self._told[name].items():
            assert sent(name, place, prompt)[2] == 0

    def merge(self) -> None:
        survivor, *others = self._chance.sample(self._names, self._chance.choice([2, 2, 3]))
        fit = [one for one in others if actions.get_session(one).pk == one != actions.get_session(survivor).pk]
        if fit:
            before = rows_of_all()
            done = merge(survivor, *fit)
            if self._chance.random() < 0.3:
                undo(done)
                assert rows_of_all() == before

    def undo(self) -> None:
        standing = list(Merge.objects.filter(undone_at=None).order_by("merged_at", "id"))
        if not standing:
            return
        try:
            done = actions.unmerge(self._chance.choice(standing).pk, actor=ALICE)
        except UnmergeRefused:
            assert Session.objects.exclude(merged_into=None).exists()
            return
        assert findings() == []
        gone = {merge.pk for merge in done.merges}
        for name, told in self._told.items():
            self._told[name] = {place: one for place, one in told.items() if not one[1] & gone}
            self._stayed[name] |= told.keys() - self._told[name].keys()

    def check(self) -> None:
        for name, told in self._told.items():
            for place, (prompt, _) in told.items():
                holder, sequence, added = sent(name, place, prompt)
                assert (added, prompts(holder)[sequence - 1]) == (0, prompt)
        assert self._ever <= set(Interaction.objects.values_list("pk", flat=True))

    @staticmethod
    def _way(name: str) -> set[UUID]:
        way: set[UUID] = set()
        while (step := Merge.objects.filter(absorbed_id=name, undone_at=None).first()) is not None:
            way.add(step.pk)
            name = step.survivor_id
        return way


def rows_of_all() -> list[tuple[str, int, str, str | None, str]]:
    rows = Interaction.objects.order_by("session", "sequence")
    return list(rows.values_list("session", "sequence", "key_scope", "idempotency_key", "prompt"))
