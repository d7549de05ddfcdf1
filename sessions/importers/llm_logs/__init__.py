"""The log of the `llm` command: `logs.db`, an SQLite database, of both generations.

`database` keeps a stranger's file from doing anything, `conversations` says what its tables mean. docs/importers.md
has the mapping.
"""

import re
from collections.abc import Iterator

from sessions.records import ImportEvent

from ..formats import Format, Input, set_aside
from .conversations import Log
from .database import READ_ERRORS, Database, TooLarge, is_in_wal_mode
from .rows import SOURCE

_MAGIC = b"SQLite format 3\0"
# The quotes changed with the library that makes the tables.
_TABLE = re.compile(rb'CREATE TABLE ["`\[]?(responses|conversations|attachments)\b')
_TABLES = frozenset({b"responses", b"conversations", b"attachments"})


def recognises(head: bytes) -> bool:
    """Whether this is an SQLite database with the tables of a log."""
    return head.startswith(_MAGIC) and {found[1] for found in _TABLE.finditer(head)} >= _TABLES


def read(source: Input) -> Iterator[ImportEvent]:
    """The conversations of a log."""
    if is_in_wal_mode(source.head) and not source.is_file:
        source.records_read += 1
        yield set_aside(source.place, "a database that may have a log beside it, which is not read", damaged=False)
    try:
        database = Database(source)
    except TooLarge as error:
        source.records_read += 1
        yield set_aside(source.place, str(error), damaged=True)
        return
    except READ_ERRORS:
        source.records_read += 1
        yield set_aside(source.place, "a damaged database", damaged=True)
        return
    with database:
        yield from Log(source, database).read()


FORMAT = Format(name=SOURCE, recognises=recognises, read=read)
