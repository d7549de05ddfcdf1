"""Conversations as resources: `session://ID` is the session, `session://ID/transcript` what was said in it."""

import re
from collections.abc import Sequence

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    Annotations,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from sessions import agents
from sessions.actions import LATEST_FIRST, SessionFilters
from sessions.agents.shapes import SessionLine
from sessions.records import Caller

SESSION = "session://{session_id}"
TRANSCRIPT = "session://{session_id}/transcript"
TRANSCRIPT_CHARACTERS = 200_000
_LISTED = 50
_ADDRESS = re.compile(r"session://([A-Za-z0-9._-]+)(/transcript)?")
_FOR_THE_MODEL = Annotations(audience=["assistant"])


def list_resources(caller: Caller, cursor: str = "") -> ListResourcesResult:
    """The sessions that are active, the latest first, in pages. Raises InvalidInput for a foreign cursor."""
    page = agents.list_sessions(caller, SessionFilters(), order=LATEST_FIRST, cursor=cursor, limit=_LISTED)
    return ListResourcesResult(
        resources=[_resource(line) for line in page.sessions], next_cursor=page.next_cursor or None
    )


def list_templates() -> ListResourceTemplatesResult:
    return ListResourceTemplatesResult(resource_templates=list(_templates()))


def read_resource(caller: Caller, uri: str) -> ReadResourceResult:
    """What an address leads to. Raises MCPError for one that leads nowhere, and what reading a session raises."""
    address = _ADDRESS.fullmatch(uri)
    if address is None:
        known = "Known are session://ID and session://ID/transcript."
        raise MCPError(INVALID_PARAMS, f"There is no such resource. {known}", data={"uri": uri})
    session_id, wants_transcript = address.groups()
    if wants_transcript:
        content = TextResourceContents(uri=uri, mime_type="text/markdown", text=_transcript(caller, session_id))
    else:
        session = agents.get_session(caller, session_id).model_dump_json(by_alias=True)
        content = TextResourceContents(uri=uri, mime_type="application/json", text=session)
    return ReadResourceResult(contents=[content])


def _resource(line: SessionLine) -> Resource:
    return Resource(
        uri=SESSION.format(session_id=line.session_id),
        name=line.session_id,
        title=line.title or line.session_id,
        description=f"{line.total_interactions:,} interactions of user {line.user_id}",
        mime_type="application/json",
        annotations=Annotations(audience=["assistant"], last_modified=line.last_activity_at.isoformat()),
    )


def _templates() -> Sequence[ResourceTemplate]:
    return (
        ResourceTemplate(
            uri_template=SESSION,
            name="session",
            title="A session",
            description="Whose it is, its state, figures, context, tags and pins; not what was said.",
            mime_type="application/json",
            annotations=_FOR_THE_MODEL,
        ),
        ResourceTemplate(
            uri_template=TRANSCRIPT,
            name="transcript",
            title="What was said in a session",
            description=f"The conversation from its beginning, up to {TRANSCRIPT_CHARACTERS:,} characters; where it is "
            "longer, the end says how to read on.",
            mime_type="text/markdown",
            annotations=_FOR_THE_MODEL,
        ),
    )


def _transcript(caller: Caller, session_id: str) -> str:
    found = agents.transcript(caller, session_id, most_characters=TRANSCRIPT_CHARACTERS)
    heading = f"> {found.origin.note}\n> Session `{found.origin.session_id}`, recorded by Sessionsite.\n\n"
    if found.after is None:
        return heading + found.text
    way_on = f"get_interaction_history(session_id={found.origin.session_id!r}, after={found.after})"
    return f"{heading}{found.text}\n\n> It goes on behind interaction {found.after:,}: call `{way_on}`.\n"
