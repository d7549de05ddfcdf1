"""The branches of a conversation: found where somebody asked otherwise, and nowhere else."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sessions import actions
from sessions.models import Interaction, Session
from sessions.records import InteractionKind
from tests.builders import ALICE, log, make_session

pytestmark = pytest.mark.django_db
REQUEST, REPLY = InteractionKind.CLIENT_REQUEST, InteractionKind.AGENT_RESPONSE
CALL, RESULT = InteractionKind.TOOL_CALL, InteractionKind.TOOL_RESPONSE


def say(session: Session, kind: InteractionKind, parent: Interaction | None) -> Interaction:
    return log(session, kind=kind, prompt="said", parent_id=parent.pk if parent else None)


def path_of(session: Session, through: int | None = None) -> list[int]:
    path = actions.path_through(session.pk, through)
    return list(path.sequences) if path else []


@pytest.fixture
def asked_again() -> Session:
    """1 and 2 are asked and answered; 3, 4 go on; then 5, 6 go on from 2 otherwise; and 7, 8 once more."""
    session = make_session()
    said = [say(session, REQUEST, None)]
    said.append(say(session, REPLY, said[0]))
    for _ in range(3):
        said.append(say(session, REQUEST, said[1]))
        said.append(say(session, REPLY, said[-1]))
    return session


def test_it_reads_the_latest_way(asked_again: Session) -> None:
    assert path_of(asked_again) == [1, 2, 7, 8]


@pytest.mark.parametrize(("through", "sequences"), [(4, [1, 2, 3, 4]), (5, [1, 2, 5, 6]), (2, [1, 2, 7, 8])])
def test_it_reads_the_way_through_an_interaction(asked_again: Session, through: int, sequences: list[int]) -> None:
    assert path_of(asked_again, through) == sequences


def test_it_knows_the_neighbours_of_a_branch(asked_again: Session) -> None:
    path = actions.path_through(asked_again.pk, 5)
    assert path is not None
    assert path.branches == {5: actions.Branch(number=2, total=3, previous=3, following=7)}


def test_it_reads_branches_of_branches() -> None:
    session = make_session()
    one = say(session, REQUEST, None)
    two, three = say(session, REPLY, one), say(session, REPLY, one)
    four, five = say(session, REQUEST, two), say(session, REQUEST, two)
    assert path_of(session) == [1, 2, 5]
    assert path_of(session, 4) == [1, 2, 4]
    assert path_of(session, 3) == [1, 3]
    assert (three.sequence, four.sequence, five.sequence) == (3, 4, 5)


def test_it_takes_several_calls_of_one_reply_for_no_branches() -> None:
    session = make_session()
    asked = say(session, REQUEST, None)
    first = say(session, CALL, asked)
    result = say(session, RESULT, first)
    second = say(session, CALL, first)
    say(session, RESULT, second)
    say(session, REPLY, result)
    assert actions.path_through(session.pk) is None


def test_it_takes_what_has_no_parent_for_a_continuation(asked_again: Session) -> None:
    say(asked_again, REQUEST, None)
    say(asked_again, RESULT, None)
    assert path_of(asked_again) == [1, 2, 7, 8, 9, 10]
    assert path_of(asked_again, 4) == [1, 2, 3, 4]


def test_it_hides_nothing_that_a_merge_brought(asked_again: Session) -> None:
    other = make_session(turns=2)
    actions.merge_sessions(asked_again.pk, absorbed=other.pk, actor=ALICE)
    brought = Interaction.objects.filter(session=asked_again).exclude(origins=[]).values_list("sequence", flat=True)
    assert set(brought) <= set(path_of(asked_again, 3))


def test_it_survives_parents_that_are_not_there() -> None:
    session = make_session()
    gone = UUID("00000000-0000-7000-8000-000000000001")
    log(session, kind=REQUEST, parent_id=gone)
    log(session, kind=REQUEST, parent_id=gone)
    assert path_of(session) == [1, 2]


def begin(session: Session, kind: InteractionKind, parent: Interaction | None) -> Interaction:
    """Say something of which its source knows that it is one of several ways on."""
    return log(
        session, kind=kind, prompt="said", parent_id=parent.pk if parent else None, metadata={"begins_branch": True}
    )


def test_it_knows_branches_that_begin_with_a_call() -> None:
    session = make_session()
    asked = say(session, REQUEST, None)
    called = begin(session, CALL, asked)
    say(session, REPLY, say(session, RESULT, called))
    say(session, REPLY, asked)
    assert path_of(session) == [1, 5]
    assert path_of(session, 3) == [1, 2, 3, 4]


def test_it_knows_several_beginnings() -> None:
    session = make_session()
    say(session, REPLY, begin(session, REQUEST, None))
    say(session, REPLY, begin(session, REQUEST, None))
    assert path_of(session) == [3, 4]
    assert path_of(session, 1) == [1, 2]


def test_a_single_beginning_is_no_branch() -> None:
    session = make_session()
    say(session, REPLY, begin(session, REQUEST, None))
    assert actions.path_through(session.pk) is None


def test_beginnings_of_merged_sessions_are_no_alternatives() -> None:
    one, other = make_session(), make_session()
    for session in (one, other):
        say(session, REPLY, begin(session, REQUEST, None))
    actions.merge_sessions(one.pk, absorbed=other.pk, actor=ALICE)
    assert path_of(one) == [1, 2, 3, 4]


def test_it_asks_one_question_of_a_session_without_branches() -> None:
    session = make_session(turns=3)
    with CaptureQueriesContext(connection) as queries:
        assert actions.path_through(session.pk) is None
    assert len(queries) == 1


def test_it_reads_a_path_in_pieces(asked_again: Session) -> None:
    page = actions.list_interactions(asked_again.pk, limit=2, path=[1, 2, 5, 6])
    assert [row.sequence for row in page.interactions] == [1, 2]
    page = actions.list_interactions(asked_again.pk, after=page.after, limit=2, path=[1, 2, 5, 6])
    assert ([row.sequence for row in page.interactions], page.after) == ([5, 6], None)
    page = actions.list_interactions(asked_again.pk, before=6, limit=2, path=[1, 2, 5, 6])
    assert ([row.sequence for row in page.interactions], page.before) == ([2, 5], 2)
