"""Files with something changed in them: members of their JSON, cells of their database, or their container."""

import json
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

_BOM = b"\xef\xbb\xbf"
_ZEROS = "00000000-0000-0000-0000-000000000000"


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


STRANGE: Sequence[Any] = (
    None, True, False, 0, -1, 1, 2**53 + 1, 2**63, 10**300, 0.5, -0.0, 1e308, 5e-324, 1700000000, 1700000000123,
    "", " ", "\0", "\ud800", "\udfff\ud800", "a\u2028b", "\u202e", "é" * 300, "x" * 5000, "null", "0", "1700000000.5",
    "2025-06-01T10:00:00Z", "2025-13-45T99:99:99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", _ZEROS,
    "../../etc/passwd", "user", "assistant", "tool", "system", "human", "ai", "gpt", "type", "text", "<b>", "<details>",
    '{"a": 1}', "[1, 2]", '{"a":', "[[[[[[", '"', [], {}, [None], [[]], [{}], {"": None}, {"type": None},
    {"type": "text", "text": None}, {"type": "unknown", "future": [1]}, _nested(20), _nested(70), [1] * 300,
)  # fmt: skip
"""What stands in the place of a value: what other versions write, what is at the edge, and what makes no sense."""


def reshaped(data: bytes, chance: random.Random) -> bytes:
    """A file of JSON in which members, at any depth, are gone, elsewhere, or something else; and now and then its
    container is another one. Raises ValueError for what is no JSON."""
    values, is_lines = values_of(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        _change(values, chance)
    return _written(values, is_lines, chance)


def changed(data: bytes, chance: random.Random) -> bytes:
    """The same for whatever it is: what is no JSON is overwritten here and there."""
    try:
        return reshaped(data, chance)
    except ValueError:
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = _overwritten(data, chance) if data else chance.randbytes(4)
        return _mistreated(data, chance) if chance.random() < 0.2 else data


def values_of(data: bytes) -> tuple[list[Any], bool]:
    """A file's JSON values, and whether each is on a line of its own. Raises ValueError."""
    try:
        return [json.loads(data.removeprefix(_BOM))], False
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        values = [json.loads(line) for line in data.removeprefix(_BOM).splitlines() if line.strip()]
        if not values:
            raise
        return values, True


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys."""
    waiting = [value]
    while waiting:
        at = waiting.pop()
        for key, inner in at.items() if isinstance(at, dict) else enumerate(at):
            yield at, key
            if isinstance(inner, dict | list):
                waiting.append(inner)


def _change(values: list[Any], chance: random.Random) -> None:
    places = list(_places(values))
    if not places:
        values.append(_copied(chance.choice(STRANGE)))
        return
    at, key = chance.choice(places)
    other, other_key = chance.choice(places)
    chance.choice(_CHANGES)(at, key, other, other_key, chance)


def _remove(at: Any, key: Any, *_: Any) -> None:
    del at[key]


def _replace(at: Any, key: Any, _: Any, __: Any, chance: random.Random) -> None:
    at[key] = _copied(chance.choice(STRANGE))


def _copy(at: Any, key: Any, other: Any, other_key: Any, _: random.Random) -> None:
    at[key] = _copied(other[other_key])


def _exchange(at: Any, key: Any, other: Any, other_key: Any, _: random.Random) -> None:
    one, two = _copied(at[key]), _copied(other[other_key])
    other[other_key] = one
    at[key] = two


def _repeat(at: Any, key: Any, _: Any, __: Any, chance: random.Random) -> None:
    if isinstance(at, list):
        at.insert(chance.randrange(len(at) + 1), _copied(at[key]))
    else:
        at[f"{key}{chance.choice(('', '2', '_', '\0'))}"] = _copied(at[key])


def _wrap(at: Any, key: Any, _: Any, __: Any, chance: random.Random) -> None:
    at[key] = chance.choice(([at[key]], {"value": at[key]}, {"parts": [at[key]]}, [[at[key]], at[key]]))


def _unwrap(at: Any, key: Any, *_: Any) -> None:
    inner = at[key]
    items = inner.values() if isinstance(inner, dict) else inner if isinstance(inner, list) else ()
    at[key] = next(iter(items), None)


def _in_a_string(at: Any, key: Any, _: Any, __: Any, chance: random.Random) -> None:
    value = at[key]
    if isinstance(value, str) and chance.random() < 0.5:
        at[key] = value[: chance.randrange(len(value) + 1)] + chance.choice(("", "\0", "\ud800", "</", '"}'))
    else:
        at[key] = json.dumps(value)


def _rename(at: Any, key: Any, other: Any, other_key: Any, chance: random.Random) -> None:
    if isinstance(at, dict):
        name = other_key if isinstance(other, dict) else chance.choice(("future", "", "\ud800", "type", "x" * 300))
        at[name] = at.pop(key)
    else:
        chance.shuffle(at)


def _grow(at: Any, key: Any, _: Any, __: Any, chance: random.Random) -> None:
    if isinstance(at, list):
        at.extend(_copied(at[key]) for _ in range(chance.randrange(1, 20)))
    else:
        at[chance.choice(("future", "type", "id", "content"))] = _copied(chance.choice(STRANGE))


_CHANGES: Sequence[Callable[..., None]] = (
    _remove, _replace, _replace, _copy, _copy, _exchange, _repeat, _wrap, _unwrap, _in_a_string, _rename, _grow,
)  # fmt: skip


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value)) if isinstance(value, dict | list) else value


def _written(values: list[Any], is_lines: bool, chance: random.Random) -> bytes:
    """Mostly in the container that it was in."""
    if chance.random() < 0.1:
        is_lines = not is_lines
        values = [values] if not is_lines else [one for value in values for one in _items(value)]
    ascii_only, indent = chance.random() < 0.7, chance.choice((None, None, 1))
    texts = [json.dumps(one, ensure_ascii=ascii_only, indent=None if is_lines else indent) for one in values]
    end = chance.choice(("\n", "\n", "\n", "\r\n", "\n\n"))
    data = end.join(texts).encode("utf-8", "surrogatepass") + (end.encode() if is_lines else b"")
    if chance.random() < 0.1:
        data = _mistreated(data, chance)
    return data


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _mistreated(data: bytes, chance: random.Random) -> bytes:
    """A file as a torn download, another program or another system leaves it."""
    at = chance.randrange(len(data) + 1)
    return chance.choice(
        (
            lambda: data[:at],
            lambda: _BOM + data,
            lambda: data.decode("utf-8", "replace").encode("utf-16"),
            lambda: data + data,
            lambda: data[:at] + chance.randbytes(4) + data[at:],
            lambda: data[:at] + data[at + chance.randrange(20) :],
            lambda: b"\n" + data,
            lambda: data + b"\0" * 100,
        )
    )()


def reshaped_database(data: bytes, chance: random.Random) -> bytes:
    """An SQLite database in which cells hold something else, and rows, columns or tables are gone or there twice."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(data)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(chance.choice((1, 1, 2, 3, 5))):
            try:
                _change_table(connection, chance.choice(tables), chance)
            except (sqlite3.Error, OverflowError, UnicodeEncodeError, StopIteration):
                continue  # the change that was drawn is none that this table can have
        connection.commit()
        data = connection.serialize()
    return _overwritten(data, chance) if chance.random() < 0.2 else data


def _overwritten(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.randrange(8)) + data[at + chance.randrange(8) :]


def _change_table(connection: sqlite3.Connection, table: str, chance: random.Random) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")]
    column, other = chance.choice(columns), chance.choice(columns)
    rowids = [rowid for (rowid,) in connection.execute(f"SELECT rowid FROM {table}")] or [1]
    rowid = chance.choice(rowids)
    kind = chance.randrange(8)
    if kind < 4:
        connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid = ?', (_cell(chance), rowid))
    elif kind == 4:
        connection.execute(f'UPDATE {table} SET "{column}" = (SELECT "{other}" FROM {table} ORDER BY random() LIMIT 1)')
    elif kind == 5:
        connection.execute(f"DELETE FROM {table} WHERE rowid = ?", (rowid,))
    elif kind == 6:
        connection.execute(f'ALTER TABLE {table} RENAME COLUMN "{column}" TO "{column}_2"')
    else:
        connection.execute(f'INSERT INTO {table} ("{column}") VALUES (?)', (_cell(chance),))


def _cell(chance: random.Random) -> Any:
    value = chance.choice((*STRANGE, b"", b"\xff\xfe\0", b"{}"))
    if isinstance(value, dict | list):
        return json.dumps(value)
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value
