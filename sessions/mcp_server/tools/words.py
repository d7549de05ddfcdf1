"""Arguments that several tools take, and sentences that several tools say."""

from typing import Annotated

from pydantic import Field

type SessionId = Annotated[str, Field(description="The ID of the session.", examples=["0198f3c2-7b1e-7a44"])]
type Cursor = Annotated[
    str, Field(description="`next_cursor` of the answer before, for the next page; the other arguments unchanged.")
]
type Page = Annotated[int, Field(ge=1, le=200, description="How many at most.")]
type PlanToken = Annotated[
    str, Field(description="Leave it out to get a plan. To do what a plan says, send the token that came with it.")
]


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 session", "2 sessions"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
