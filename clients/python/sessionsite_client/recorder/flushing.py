"""Sending what processes that are gone left behind, without recording anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ClientError
from ..sync.core import Core
from ..transport import Retry, Site
from .base import MOST_BYTES, MOST_ITEMS
from .delivery import MOST_FAILURES, Delivery
from .spool import REJECTED, Spool, folder_of, folders_of_server
from .stores import Stretch


@dataclass(frozen=True, slots=True)
class Flushed:
    """What became of a folder: how many items were sent, set aside, and are left, and why they are."""

    folder: Path
    sent: int
    rejected: int
    left: int
    trouble: ClientError | None = None


def flush(root: Path, site: Site, *, all_tokens: bool = False) -> Iterator[Flushed]:
    """Send what waits for a server, folder by folder; with `all_tokens` also what was recorded with another one.

    What a running process holds is its own to send.
    """
    folders = folders_of_server(root, site) if all_tokens else [folder_of(root, site)]
    with Core(site.url, site.token, retry=Retry()) as client:
        for folder in folders:
            if folder.is_dir():
                yield _flush_folder(folder, site, client)


def rejected_in(folder: Path) -> int:
    """How many items lie set aside."""
    try:
        with (folder / REJECTED).open("rb") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:
        return 0


def _flush_folder(folder: Path, site: Site, client: Core) -> Flushed:
    spool = Spool(folder, site)
    sent = rejected = 0
    try:
        spool.adopt()
        while (stretch := spool.read(MOST_ITEMS, MOST_BYTES)) is not None:
            try:
                delivery = _deliver(stretch, client)
            except ClientError as trouble:
                return Flushed(folder, sent, rejected, spool.pending, trouble)
            if delivery.rejected:
                spool.set_aside(delivery.rejected)
            spool.confirm(stretch)
            rejected += len(delivery.rejected)
            sent += len(stretch.lines) - len(delivery.rejected)
        return Flushed(folder, sent, rejected, spool.pending)
    finally:
        spool.close()


def _deliver(stretch: Stretch, client: Core) -> Delivery:
    delivery = Delivery(stretch.lines)
    for attempt in range(MOST_FAILURES + 1):
        try:
            client.run(delivery.steps())
            break
        except ClientError:
            # A mistake of the server's own is met so often before the item that causes it is sought.
            if attempt == MOST_FAILURES or not delivery.failures:
                raise
    return delivery
