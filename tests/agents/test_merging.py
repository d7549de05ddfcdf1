"""Merges as programs make them: planned, then made exactly as planned, or refused."""

from collections.abc import Callable

import pytest

from sessions import actions, agents
from sessions.agents.shapes import ContextEdit
from sessions.errors import InvalidInput, MergeRefused, NotFound, PlanChanged, SessionNotFound
from sessions.models import Merge
from sessions.records import Scope
from tests.builders import ALICE, log, make_session
from tests.mirror.disk import findings

from .estate import caller, whole_store

WRITER = caller(Scope.WRITE)
CHANGES: dict[str, Callable[[str], object]] = {
    "an interaction": lambda name: log(name, prompt="more"),
    "its context": lambda name: agents.update_context(WRITER, name, ContextEdit(title="New")),
    "a tag": lambda name: agents.add_tag(WRITER, name, "new"),
    "resuming": lambda name: agents.resume(WRITER, name),
    "the trash": lambda name: actions.trash_session(name, actor=ALICE),
    "another merge": lambda name: agents.merge(WRITER, make_session().pk, [name]),
}


@pytest.fixture
def pair() -> tuple[str, str]:
    return make_session(title="One", turns=2).pk, make_session(title="Other", turns=1, metadata={"k": 1}).pk


def test_it_plans_without_changing_anything(pair: tuple[str, str]) -> None:
    before = whole_store()
    plan = agents.plan_merge(WRITER, pair[0], [pair[1]])
    assert (plan.survivor_id, plan.absorbed_ids, plan.moving, plan.total_interactions) == (*_one(pair), {pair[1]: 1}, 3)
    assert [(question.field, question.default) for question in plan.questions] == [("title", pair[0])]
    assert (whole_store(), Merge.objects.count()) == (before, 0)


def _one(pair: tuple[str, str]) -> tuple[str, list[str]]:
    return pair[0], [pair[1]]


def test_it_makes_what_was_planned_and_takes_it_back(pair: tuple[str, str]) -> None:
    plan = agents.plan_merge(WRITER, pair[0], [pair[1]], {"title": pair[1]})
    merge = agents.apply_merge(WRITER, plan.plan_token)
    assert (merge.survivor_id, merge.absorbed_ids, merge.undone) == (*_one(pair), False)
    survivor = agents.get_session(WRITER, pair[1])
    assert (survivor.session_id, survivor.interaction_count, survivor.title) == (pair[0], 3, "Other")
    assert agents.unmerge(WRITER, str(merge.merge_id)).undone
    assert agents.get_merge(WRITER, str(merge.merge_id)).undone
    assert [agents.get_session(WRITER, name).interaction_count for name in pair] == [2, 1]
    assert findings() == []


@pytest.mark.parametrize("side", [0, 1], ids=["survivor", "absorbed"])
@pytest.mark.parametrize("change", CHANGES)
def test_it_refuses_a_plan_once_a_session_went_on(pair: tuple[str, str], change: str, side: int) -> None:
    plan = agents.plan_merge(WRITER, pair[0], [pair[1]])
    CHANGES[change](pair[side])
    before = whole_store()
    with pytest.raises((PlanChanged, MergeRefused)):
        agents.apply_merge(WRITER, plan.plan_token)
    assert whole_store() == before


def test_it_makes_a_plan_once(pair: tuple[str, str]) -> None:
    plan = agents.plan_merge(WRITER, pair[0], [pair[1]])
    merge = agents.apply_merge(WRITER, plan.plan_token)
    with pytest.raises(MergeRefused):
        agents.apply_merge(WRITER, plan.plan_token)
    agents.unmerge(WRITER, str(merge.merge_id))
    with pytest.raises(PlanChanged):
        agents.apply_merge(WRITER, plan.plan_token)


def test_it_refuses_plans_that_are_old_forged_or_of_something_else(
    pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = agents.plan_merge(WRITER, pair[0], [pair[1]]).plan_token
    others = actions.plan_cleanup().token
    for foreign in (token[:-1], f"{token}x", others, "", "a:b:c", "é"):
        with pytest.raises(PlanChanged):
            agents.apply_merge(WRITER, foreign)
    monkeypatch.setattr(actions.merge_plans, "TOKEN_SECONDS", -1)
    with pytest.raises(PlanChanged):
        agents.apply_merge(WRITER, token)


def test_it_refuses_a_plan_of_other_sessions_than_those_named(pair: tuple[str, str]) -> None:
    token = agents.plan_merge(WRITER, pair[0], [pair[1]]).plan_token
    third = make_session().pk
    for survivor, absorbed in ((pair[1], [pair[0]]), (pair[0], [third]), (third, [pair[1]])):
        with pytest.raises(InvalidInput, match="other sessions"):
            agents.apply_merge(WRITER, token, survivor_id=survivor, absorbed=absorbed)
    assert agents.apply_merge(WRITER, token, survivor_id=pair[0], absorbed=[pair[1]]).survivor_id == pair[0]


def test_it_plans_no_merge_that_could_not_be_made(pair: tuple[str, str]) -> None:
    for survivor, absorbed in ((pair[0], [pair[0]]), (pair[0], [])):
        with pytest.raises(MergeRefused):
            agents.plan_merge(WRITER, survivor, absorbed)
    with pytest.raises(SessionNotFound):
        agents.plan_merge(WRITER, pair[0], ["missing"])
    with pytest.raises(InvalidInput):
        agents.plan_merge(WRITER, pair[0], [pair[1]], {"title": "nobody's"})


@pytest.mark.parametrize("merge_id", ["", "17", "00000000-0000-7000-8000-000000000000"])
def test_it_knows_no_merge_that_is_not_there(merge_id: str) -> None:
    for verb in (agents.get_merge, agents.unmerge):
        with pytest.raises(NotFound):
            verb(WRITER, merge_id)
