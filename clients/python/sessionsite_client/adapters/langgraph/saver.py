"""The checkpointer itself: LangGraph's methods, synchronous and asynchronous, over the same steps."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, TypeVar, Unpack
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from ...aio.client import AsyncClient
from ...requests import Steps, ask
from ...sync.client import Client
from ...verbs.interactions import list_interactions
from ...verbs.sessions import SessionStart
from ..threads import read_after
from .contents import FORGOTTEN, Contents
from .reading import bare_checkpoint, config_of, history_of, name_of, tuple_of, tuples_of
from .threads import ADAPTER, Threads, copied
from .writing import checkpoint_interactions, step_of, writes_interactions

T = TypeVar("T")
_REASON = "Deleted by LangGraph."
_PAGE = 500


class SessionsiteSaver(BaseCheckpointSaver[str]):
    """Keeps LangGraph's threads in a Sessionsite.

    A thread's session has the ID `<namespace>.<thread_id>`. `given` is what it begins with. People read the messages
    and the state's changes, unless `is_readable` is false or, where nothing is said, the serializer is one of one's own
    (an encrypted state must not stand beside itself in the clear). `most_threads` are remembered in memory, those that
    were used last.

    Needs a token of the scope write; deleting a thread one of the scope admin, and raises ScopeMissing without it. What
    is forgotten by `prune` or `delete_for_runs` is hidden from LangGraph and stays readable for people.
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        async_client: AsyncClient | None = None,
        namespace: str = ADAPTER,
        serde: SerializerProtocol | None = None,
        is_readable: bool | None = None,
        most_threads: int = 64,
        **given: Unpack[SessionStart],
    ) -> None:
        """Clients for SESSIONSITE_URL and SESSIONSITE_TOKEN are made when they are first needed and none is given."""
        super().__init__(serde=serde)
        self._is_own = client is None
        self._client = client
        self._async_client = async_client
        self._async_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = WeakKeyDictionary()
        self._threads = Threads(namespace, given, most_threads)
        self._is_readable = type(self.serde) is JsonPlusSerializer if is_readable is None else is_readable

    def close(self) -> None:
        """Give the connections of a synchronous client back, if it was made here."""
        if self._is_own and self._client is not None:
            self._client.close()
            self._client = None

    async def aclose(self) -> None:
        """Give those of this event loop back that were made here."""
        client = self._async_clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    # --- synchronous ----------------------------------------------------------------------------------------

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._run(self._get_tuple(config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Without a config those of all threads; that takes a namespace."""
        for one in self._run(self._configs(config)):
            found = self._run(self._list(one, filter, before, limit))
            yield from found
            limit = None if limit is None else limit - len(found)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._run(self._put(config, checkpoint, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._run(self._put_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """Put the thread's session into the trash. Needs the scope admin."""
        self._run(self._threads.of(str(thread_id)).thread.delete(_REASON))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Forget the checkpoints of some runs. Looks through all threads of the namespace."""
        self._run(self._delete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self._run(self._copy_thread(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        self._run(self._prune(thread_ids, strategy))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._run(self._history(config, channels))

    # --- asynchronous ---------------------------------------------------------------------------------------

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._arun(self._get_tuple(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        for one in await self._arun(self._configs(config)):
            found = await self._arun(self._list(one, filter, before, limit))
            for checkpoint in found:
                yield checkpoint
            limit = None if limit is None else limit - len(found)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await self._arun(self._put(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await self._arun(self._put_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        await self._arun(self._threads.of(str(thread_id)).thread.delete(_REASON))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self._arun(self._delete_for_runs(run_ids))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self._arun(self._copy_thread(source_thread_id, target_thread_id))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await self._arun(self._prune(thread_ids, strategy))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await self._arun(self._history(config, channels))

    # --- both -----------------------------------------------------------------------------------------------

    def get_next_version(self, current: str | int | float | None, channel: None) -> str:
        """The number behind, with a random rest: two branches from one checkpoint must not mean the same version."""
        number = 0 if current is None else int(str(current).split(".")[0])
        return f"{number + 1:032}.{random.random():016}"  # noqa: S311

    def _get_tuple(self, config: RunnableConfig) -> Steps[CheckpointTuple | None]:
        thread_id, namespace, identifier = name_of(config)
        contents = yield from self._threads.of(thread_id).look()
        if contents is None:
            return None
        name = (namespace, identifier) if identifier else contents.latest(namespace)
        return None if name is None else tuple_of(self.serde, contents, thread_id, name)

    def _configs(self, config: RunnableConfig | None) -> Steps[Sequence[RunnableConfig]]:
        if config is not None:
            return [config]
        found = yield from self._threads.ids()
        return [{"configurable": {"thread_id": thread_id}} for thread_id in found]

    def _list(
        self,
        config: RunnableConfig,
        wanted: Mapping[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Steps[Sequence[CheckpointTuple]]:
        contents = yield from self._threads.of(name_of(config)[0]).look()
        found: list[CheckpointTuple] = []
        if contents is not None and (limit is None or limit > 0):
            for one in tuples_of(self.serde, contents, config, wanted, before):
                found.append(one)
                if len(found) == limit:
                    break
        return found

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Steps[RunnableConfig]:
        thread_id, namespace, parent = name_of(config)
        known = self._threads.of(thread_id)
        full_metadata = get_checkpoint_metadata(config, metadata)
        while True:
            contents = known.contents
            versions = self._versions(contents, namespace, parent)
            step = step_of(self.serde, contents, namespace, checkpoint, new_versions, versions)
            interactions = checkpoint_interactions(
                known.writer,
                self.serde,
                namespace,
                checkpoint,
                full_metadata,
                parent,
                step,
                is_readable=self._is_readable,
            )
            logged = yield from known.append(interactions)
            if contents is None or logged.session_id == contents.session_id:
                return config_of(thread_id, (namespace, checkpoint["id"]))
            # Somebody deleted the thread meanwhile: what its lists build upon is not where this one went.
            known.contents = None

    def _versions(self, contents: Contents | None, namespace: str, parent: str | None) -> ChannelVersions:
        """The versions of the parent's channels, as far as it is known here: what is not is stored whole."""
        saved = contents.saved((namespace, parent), forgotten=True) if contents is not None and parent else None
        return {} if saved is None else bare_checkpoint(self.serde, saved)["channel_versions"]

    def _put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> Steps[None]:
        thread_id, namespace, identifier = name_of(config)
        known = self._threads.of(thread_id)
        yield from known.append(
            writes_interactions(
                known.writer,
                self.serde,
                namespace,
                str(identifier),
                writes,
                task_id,
                task_path,
                is_readable=self._is_readable,
            )
        )

    def _delete_for_runs(self, run_ids: Sequence[str]) -> Steps[None]:
        wanted = {str(one) for one in run_ids}
        for thread_id in (yield from self._threads.ids()) if wanted else []:
            known = self._threads.of(thread_id)
            place = yield from known.thread.locate()
            runs = set() if place.session is None else (yield from _runs_in(place.session_id)) & wanted
            if runs:
                told = f"(Forgotten: the checkpoints of {len(runs)} runs.)"
                yield from known.append([known.writer.marker(FORGOTTEN, told, runs=sorted(runs))])

    def _copy_thread(self, source_id: str, target_id: str) -> Steps[None]:
        source, target = self._threads.of(source_id), self._threads.of(target_id)
        contents = yield from source.look()
        if contents is not None:
            interactions = yield from read_after(contents.session_id)
            yield from target.append(copied(interactions, source, target))

    def _prune(self, thread_ids: Sequence[str], strategy: str) -> Steps[None]:
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"There is no strategy {strategy!r}.")
        for thread_id in thread_ids:
            known = self._threads.of(thread_id)
            if strategy == "delete":
                yield from known.thread.delete(_REASON)
                continue
            contents = yield from known.look()
            if contents is not None and (kept := _latest_of_each(contents)) != contents.names():
                told = "(Forgotten: all checkpoints but the latest.)"
                yield from known.append([known.writer.marker(FORGOTTEN, told, keeps=[[*name] for name in kept])])

    def _history(self, config: RunnableConfig, channels: Sequence[str]) -> Steps[Mapping[str, DeltaChannelHistory]]:
        thread_id, namespace, identifier = name_of(config)
        contents = yield from self._threads.of(thread_id).look()
        name = None
        if contents is not None:
            name = (namespace, identifier) if identifier else contents.latest(namespace)
        if contents is None or name is None:
            return {channel: {"writes": []} for channel in channels}
        result: dict[str, DeltaChannelHistory] = {}
        for channel, (writes, is_there, value) in history_of(self.serde, contents, name, channels).items():
            result[channel] = {"writes": writes, "seed": value} if is_there else {"writes": writes}
        return result

    def _run(self, steps: Steps[T]) -> T:
        if self._client is None:
            self._client = Client()
        return self._client.run(steps)

    async def _arun(self, steps: Steps[T]) -> T:
        return await self._client_of_loop().run(steps)

    def _client_of_loop(self) -> AsyncClient:
        """Connections belong to the event loop that they were made in."""
        if self._async_client is not None:
            return self._async_client
        loop = asyncio.get_running_loop()
        if loop not in self._async_clients:
            site = None if self._client is None else self._client.site
            self._async_clients[loop] = AsyncClient(site.url, site.token) if site is not None else AsyncClient()
        return self._async_clients[loop]


def _latest_of_each(contents: Contents) -> Sequence[tuple[str, str]]:
    """The latest checkpoint of each namespace."""
    latest: dict[str, tuple[str, str]] = {}
    for name in contents.names():
        latest.setdefault(name[0], name)
    return [*latest.values()]


def _runs_in(session_id: str) -> Steps[set[str]]:
    """The runs whose checkpoints a session holds, read without the checkpoints themselves."""
    runs: set[str] = set()
    position: int | None = 0
    while position is not None:
        page = yield from ask(list_interactions(session_id, after=position, limit=_PAGE))
        runs.update(str(one.metadata["run_id"]) for one in page.interactions if "run_id" in one.metadata)
        position = page.after
    return runs
