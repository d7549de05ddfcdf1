"""The Claude Agent SDK's transcripts: `ClaudeAgentOptions(session_store=SessionsiteSessionStore(), ...)`.

A transcript is a session `claude.<project>.<session>`, a subagent's one of its own behind it (`.s.<subpath>`), each
entry an interaction whose source record is the entry.
"""

from collections.abc import Iterable
from typing import Any, cast

import anyio
from claude_agent_sdk.types import (
    SessionKey,
    SessionListSubkeysKey,
    SessionStore,
    SessionStoreEntry,
    SessionStoreListEntry,
    SessionSummaryEntry,
)

from ..aio.client import AsyncClient
from ..errors import ClientError, NotFound
from ..shapes import SessionLine
from ..verbs.sessions import SessionStart
from .claude_keys import (
    ADAPTER,
    base_id,
    entries_of,
    interactions_of,
    latest_generations,
    milliseconds,
    project_prefix,
    writer_of,
)
from .claude_summaries import Summary, folded, stored
from .texts import id_part, short, text_of_id_part
from .threads import Thread, delete_session, is_deleted, sessions_beginning

_SUBPATH = ".s."
_REASON = "Deleted by the Claude Agent SDK."
_MOST_TOGETHER = 8
_MOST_KNOWN = 1_000


class SessionsiteSessionStore(SessionStore):
    """Keeps transcripts in a Sessionsite. `user_id` is whose the sessions become, `tags` what they begin with.

    Needs a token of the scope write; `delete` one of the scope admin, and raises ScopeMissing without it.
    """

    def __init__(
        self, client: AsyncClient | None = None, *, user_id: str | None = None, tags: Iterable[str] = ()
    ) -> None:
        """Without a client one for SESSIONSITE_URL and SESSIONSITE_TOKEN is made. Raises NotConfigured."""
        self._is_own = client is None
        self._client = client or AsyncClient()
        self._user_id = user_id
        self._tags = list(tags)
        self._threads: dict[str, Thread] = {}
        self._summaries: dict[str, Summary] = {}

    async def aclose(self) -> None:
        """Give the connections back, if the client was made here."""
        if self._is_own:
            await self._client.aclose()

    # --- the protocol ---------------------------------------------------------------------------------------

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        """Store entries in their order. One with a `uuid` is stored once, however often it is sent."""
        if not entries:
            return
        thread, writer = self._thread(key), writer_of(key)
        interactions = [one for entry in entries for one in interactions_of(writer, cast("dict[str, Any]", entry))]
        logged = await self._client.run(thread.append(interactions))
        if not key.get("subpath"):
            await self._fold(key, logged.session_id, entries, [one.sequence for one in logged.interactions])

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        """All entries, or None where there are none."""
        entries = await self._client.run(entries_of(self._thread(key), writer_of(key)))
        return entries or None

    async def list_sessions(self, project_key: str) -> list[SessionStoreListEntry]:
        lines = await self._main_sessions(project_key)
        return [{"session_id": name, "mtime": milliseconds(line)} for name, line in lines.items()]

    async def list_session_summaries(self, project_key: str) -> list[SessionSummaryEntry]:
        lines = await self._main_sessions(project_key)
        found: list[SessionSummaryEntry] = []
        failures: list[ClientError] = []
        limit = anyio.CapacityLimiter(_MOST_TOGETHER)

        async def look(name: str, line: SessionLine) -> None:
            key: SessionKey = {"project_key": project_key, "session_id": name}
            try:
                async with limit:
                    summary = await self._client.run(folded(key, line.session_id))
            except NotFound:
                # Purged since the list was made.
                return
            except ClientError as failure:
                failures.append(failure)
                return
            if summary.data is not None:
                found.append({"session_id": name, "mtime": summary.mtime, "data": summary.data})

        async with anyio.create_task_group() as group:
            for name, line in lines.items():
                group.start_soon(look, name, line)
        if failures:
            raise failures[0]
        return found

    async def delete(self, key: SessionKey) -> None:
        """Put a transcript into the trash; without a subpath those of its subagents too, before it."""
        thread = self._thread(key)
        if not key.get("subpath"):
            for line in await self._client.run(sessions_beginning(thread.base_id + _SUBPATH)):
                if line.state != "merged" and not is_deleted(line):
                    await self._client.run(delete_session(line.session_id, _REASON, trashed=line.state == "trashed"))
            self._summaries.pop(thread.base_id, None)
        await self._client.run(thread.delete(_REASON))

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        base = base_id(key["project_key"], key["session_id"]) + _SUBPATH
        latest = latest_generations(await self._client.run(sessions_beginning(base)))
        return [await self._name(part.removeprefix(base), line, "subpath") for part, line in latest.items()]

    # --- sessions -------------------------------------------------------------------------------------------

    def _thread(self, key: SessionKey) -> Thread:
        base = base_id(key["project_key"], key["session_id"])
        subpath = key.get("subpath")
        if subpath:
            base += _SUBPATH + id_part(subpath)
        if base not in self._threads:
            if len(self._threads) >= _MOST_KNOWN:
                self._threads.clear()
            self._threads[base] = Thread(base, self._start(key))
        return self._threads[base]

    def _start(self, key: SessionKey) -> SessionStart:
        subpath = key.get("subpath")
        told = {"project_key": key["project_key"], "session_id": key["session_id"]}
        start: SessionStart = {
            "source": ADAPTER,
            "user_id": self._user_id,
            "tags": self._tags,
            "metadata": {**told, "subpath": subpath} if subpath else told,
        }
        if subpath:
            start["title"] = short(subpath)
        return start

    async def _main_sessions(self, project_key: str) -> dict[str, SessionLine]:
        """The sessions of a project by their names there, without those of subagents."""
        prefix = project_prefix(project_key)
        latest = latest_generations(await self._client.run(sessions_beginning(prefix)))
        mains = {base.removeprefix(prefix): line for base, line in latest.items() if _SUBPATH not in base}
        return {await self._name(part, line, "session_id"): line for part, line in mains.items()}

    async def _name(self, part: str, line: SessionLine, member: str) -> str:
        name = text_of_id_part(part)
        if name is None:
            name = str((await self._client.get_session(line.session_id)).context.metadata.get(member, part))
        return name

    # --- summaries ------------------------------------------------------------------------------------------

    async def _fold(
        self, key: SessionKey, session_id: str, entries: list[SessionStoreEntry], sequences: list[int]
    ) -> None:
        """Keep the SDK's summary in the session's metadata, and its title as the session's.

        A failure costs nothing: whoever reads the summary reads what it does not know yet, too.
        """
        base = self._thread(key).base_id
        summary = self._summaries.pop(base, None)
        try:
            if summary is None or summary.session_id != session_id or not summary.is_followed_by(sequences):
                summary = await self._client.run(folded(key, session_id))
            else:
                summary = summary.withentries_of(key, entries, sequences[-1])
            self._summaries[base] = await self._client.run(stored(key, summary))
        except ClientError:
            return
        if len(self._summaries) > _MOST_KNOWN:
            self._summaries.clear()
