"""What the client knows of a shape is what the server has of it."""

import dataclasses
from typing import Any

import pytest
from pydantic import BaseModel
from sessionsite_client import shapes
from sessionsite_client.reading import read
from sessionsite_client.verbs.sessions import ContextEdit, SessionFilters, SessionStart

from sessions.agents import shapes as served
from sessions.api.routes.service import Me
from sessions.api.routes.sessions import SessionQuery

OUTGOING = [
    (shapes.BatchProblem, served.BatchProblem),
    (shapes.BatchResult, served.BatchResult),
    (shapes.BatchResults, served.BatchResults),
    (shapes.Cleanup, served.CleanupOut),
    (shapes.CleanupPlan, served.CleanupPlanOut),
    (shapes.Context, served.Context),
    (shapes.Found, served.Found),
    (shapes.Hit, served.Hit),
    (shapes.Import, served.ImportOut),
    (shapes.ImportLine, served.ImportLine),
    (shapes.ImportList, served.ImportList),
    (shapes.Interaction, served.InteractionOut),
    (shapes.InteractionList, served.InteractionList),
    (shapes.Logged, served.Logged),
    (shapes.LoggedInteraction, served.LoggedInteraction),
    (shapes.Me, Me),
    (shapes.Merge, served.MergeOut),
    (shapes.MergeOption, served.MergeOption),
    (shapes.MergePlan, served.MergePlanOut),
    (shapes.MergeQuestion, served.MergeQuestion),
    (shapes.Origin, served.OriginOut),
    (shapes.PackBudget, served.PackBudget),
    (shapes.PackContext, served.PackContext),
    (shapes.PackGap, served.PackGap),
    (shapes.PackLeftOut, served.PackLeftOut),
    (shapes.PackedSession, served.PackedSession),
    (shapes.PackedTurn, served.PackedTurnOut),
    (shapes.PlannedSession, served.PlannedSession),
    (shapes.Preferences, served.Preferences),
    (shapes.Session, served.SessionOut),
    (shapes.SessionLine, served.SessionLine),
    (shapes.SessionList, served.SessionList),
    (shapes.User, served.UserOut),
    (shapes.UserLine, served.UserLine),
    (shapes.UserList, served.UserList),
]
INCOMING = [
    (shapes.InteractionFields, served.InteractionIn, set()),
    (SessionStart, served.SessionStart, {"session_id"}),
    (ContextEdit, served.ContextEdit, set()),
]


@pytest.mark.parametrize(("known", "sent"), OUTGOING, ids=lambda kind: kind.__name__)
def test_it_knows_every_member_that_is_answered(known: Any, sent: type[BaseModel]) -> None:
    assert {one.name for one in dataclasses.fields(known)} == set(sent.model_fields)


@pytest.mark.parametrize(("given", "taken", "beside"), INCOMING, ids=lambda kind: getattr(kind, "__name__", ""))
def test_it_sends_every_member_that_is_taken(given: Any, taken: type[BaseModel], beside: set[str]) -> None:
    assert set(given.__annotations__) | beside == set(taken.model_fields)


def test_it_knows_every_filter_of_a_list() -> None:
    about_pages = {"sort", "descending", "cursor", "limit"}
    assert set(SessionFilters.__annotations__) == set(SessionQuery.model_fields) | about_pages


def test_it_leaves_out_members_that_it_does_not_know() -> None:
    told = {"id": "i", "sequence": 1, "idempotency_key": None, "newer": {"than": "this"}}
    assert read(shapes.LoggedInteraction, told) == shapes.LoggedInteraction(id="i", sequence=1)


@pytest.mark.parametrize("told", [None, [], "text", {"id": "i"}, {"sequence": 1}])
def test_it_takes_no_other_thing_for_a_shape(told: Any) -> None:
    with pytest.raises(ValueError, match="LoggedInteraction"):
        read(shapes.LoggedInteraction, told)
