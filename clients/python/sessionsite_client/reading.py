"""From JSON to dataclasses, by their annotations.

Members that a dataclass does not know are left out, so that a newer server may say more; those that are missing take
their defaults.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Reader = Callable[[Any], Any]


def read(kind: type[T], value: Any) -> T:
    """A dataclass from a JSON object. Raises ValueError where it is none, or lacks what has no default."""
    wanted: Any = kind
    result: T = reader_of(wanted)(value)
    return result


@cache
def reader_of(kind: Any) -> Reader:
    """What makes a JSON value a value of an annotation."""
    if is_dataclass(kind):
        return _reader_of_dataclass(kind)
    if kind is datetime:
        return datetime.fromisoformat
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = reader_of(next(one for one in arguments if one is not type(None)))
        return lambda value: None if value is None else inner(value)
    if origin is list:
        item = reader_of(arguments[0])
        return lambda value: [item(one) for one in value]
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _reader_of_dataclass(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    # A member whose name Python keeps for itself has another one here.
    readers = [(one.name, one.metadata.get("member", one.name), reader_of(hints[one.name])) for one in fields(kind)]
    needed = {one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING}

    def read_members(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(f"{kind.__name__} must be an object, not {type(value).__name__}.")
        found = {name: reader(value[member]) for name, member, reader in readers if member in value}
        if missing := needed - found.keys():
            raise ValueError(f"{kind.__name__} lacks {', '.join(sorted(missing))}.")
        return kind(**found)

    return read_members
