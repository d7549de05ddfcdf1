"""What people prefer, across their conversations."""

from typing import Any

from pydantic import Field

from sessions import agents
from sessions.agents.shapes import Preferences
from sessions.agents.shapes.incoming import Incoming
from sessions.records import Caller, Scope

from .base import READS, SETTLES, Answer, tool
from .words import counted


class OfUser(Incoming):
    user_id: str = Field("", description="Whose; may be left out where the token is bound to one user.")


class SetPreference(OfUser):
    name: str = Field(description="What the preference is called.", examples=["answer_language"])
    value: Any = Field(description="Any JSON value; null is kept as a value.")


class RemovePreference(OfUser):
    name: str = Field(description="What the preference is called.")


@tool(Scope.READ, READS, title="List a user's preferences")
def list_preferences(caller: Caller, wanted: OfUser) -> Answer[Preferences]:
    """What a user prefers, such as language or style, for all of their conversations. New sessions begin with these."""
    found = agents.preferences_of(caller, wanted.user_id)
    return Answer(found, f"User {found.user_id} has {counted(len(found.preferences), 'preference')}.")


@tool(Scope.WRITE, SETTLES, title="Set a user's preference")
def set_preference(caller: Caller, wanted: SetPreference) -> Answer[Preferences]:
    """Remember what a user prefers, for sessions begun from now on; the user's other preferences stay. For one
    conversation alone, use update_context with user_preferences.
    """
    found = agents.set_preferences(caller, wanted.user_id, {wanted.name: wanted.value})
    return Answer(found, f"Set. User {found.user_id} has {counted(len(found.preferences), 'preference')}.")


@tool(Scope.WRITE, SETTLES, title="Remove a user's preference")
def remove_preference(caller: Caller, wanted: RemovePreference) -> Answer[Preferences]:
    """Forget one of a user's preferences; one that is not there is no mistake."""
    found = agents.remove_preference(caller, wanted.user_id, wanted.name)
    return Answer(found, f"Removed. User {found.user_id} has {counted(len(found.preferences), 'preference')}.")
