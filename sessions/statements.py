"""The statements of the write path, composed once from the models and run without the ORM's compiler.

Compiling an insert, a select and an update through the ORM costs more than the disk does (0.9 ms against 0.4 ms
for an interaction of 1 kB), so the one path that every write takes has its SQL ready. Columns, adapters and
converters still come from the models' fields; there is no second description of the tables.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DEFERRED
from django.db.models.expressions import Col

from . import database

type _Field = models.Field[Any, Any]
type _Adapter = Callable[[Any, Any], Any] | None


def row[M: models.Model](model: type[M], values: Mapping[str, Any]) -> M:
    """An unsaved row of values for every column, by attribute name; a third of the time that keywords take."""
    return model(*[values[name] for name in _attributes(model)])


def insert(rows: Sequence[models.Model]) -> None:
    """Insert unsaved rows of one model. Rings no bell."""
    if not rows:
        return
    using = connections[DEFAULT_DB_ALIAS]
    sql, adapters = _insert(type(rows[0]))
    if len(rows) == 1:
        _run(using, sql, _adapted(rows[0], adapters, using))
    else:
        with using.cursor() as cursor:
            cursor.executemany(sql, [_adapted(row, adapters, using) for row in rows])


def update(row: models.Model, names: tuple[str, ...]) -> None:
    """Write some fields of one row. Rings no bell."""
    using = connections[DEFAULT_DB_ALIAS]
    sql, adapters = _update(type(row), names)
    _run(using, sql, [*_adapted(row, adapters, using), row.pk])


def update_all(rows: Sequence[models.Model], names: tuple[str, ...]) -> None:
    """Write some fields of many rows of one model, each its own values. Rings no bell."""
    if not rows:
        return
    using = connections[DEFAULT_DB_ALIAS]
    sql, adapters = _update(type(rows[0]), names)
    key = (rows[0]._meta.pk.attname, _adapter(rows[0]._meta.pk))
    with using.cursor() as cursor:
        cursor.executemany(sql, [_adapted(row, [*adapters, key], using) for row in rows])


def lock[M: models.Model](model: type[M], names: tuple[str, ...], pk: str) -> M | None:
    """The row of a key with some of its fields (the others load when asked for), locked until the transaction ends."""
    using = connections[DEFAULT_DB_ALIAS]
    sql, places, converters = _select(model, names, using.vendor)
    found = _run(using, sql, [pk])
    if not found:
        return None
    # What `from_db` does, its search for the fields that were not loaded done beforehand.
    values: list[Any] = [DEFERRED] * len(model._meta.concrete_fields)
    for place, value, convert in zip(places, found[0], converters, strict=True):
        values[place] = value if convert is None or value is None else convert(value)
    locked = model(*values)
    locked._state.adding = False
    locked._state.db = DEFAULT_DB_ALIAS
    return locked


def exists(model: type[models.Model], names: tuple[str, ...], values: Sequence[Any]) -> bool:
    """Whether there is a row with these values in these fields, as the driver takes them."""
    return bool(_run(connections[DEFAULT_DB_ALIAS], _exists(model, names), values))


def advance(model: type[models.Model], name: str, value: int, pk: str) -> None:
    """Raise a counter of one row to a value, unless it is there already, without waiting for the disk.

    Rings no bell. Only for counters that can be found out anew.
    """
    database.run_relaxed(_advance(model, name), [value, pk, value])


def _run(using: BaseDatabaseWrapper, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Run one statement and return its rows; past Django's cursors where the backend knows a shorter way."""
    shortcut = getattr(using, "run_directly", None)
    if shortcut is not None:
        rows: list[Any] = shortcut(sql, parameters)
        return rows
    with using.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def _adapted(row: models.Model, adapters: Sequence[tuple[str, _Adapter]], using: BaseDatabaseWrapper) -> list[Any]:
    values = []
    for name, adapt in adapters:
        value = getattr(row, name)
        values.append(value if adapt is None or value is None else adapt(value, using))
    return values


@cache
def _attributes(model: type[models.Model]) -> Sequence[str]:
    return [field.attname for field in model._meta.concrete_fields]


@cache
def _insert(model: type[models.Model]) -> tuple[str, Sequence[tuple[str, _Adapter]]]:
    fields = model._meta.concrete_fields
    columns = ", ".join(_quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return (
        f"INSERT INTO {_quote(model._meta.db_table)} ({columns}) VALUES ({places})",  # noqa: S608
        [(field.attname, _adapter(field)) for field in fields],
    )


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, Sequence[tuple[str, _Adapter]]]:
    fields = [_field(model, name) for name in names]
    assignments = ", ".join(f"{_quote(field.column)} = %s" for field in fields)
    return (
        f"UPDATE {_quote(model._meta.db_table)} SET {assignments} WHERE {_key(model)} = %s",  # noqa: S608
        [(field.attname, _adapter(field)) for field in fields],
    )


@cache
def _select(
    model: type[models.Model], names: tuple[str, ...], vendor: str
) -> tuple[str, Sequence[int], Sequence[Callable[[Any], Any] | None]]:
    """The statement, where among the model's fields each of its columns belongs, and how each is read."""
    places = [place for place, field in enumerate(model._meta.concrete_fields) if field.attname in names]
    fields = [model._meta.concrete_fields[place] for place in places]
    columns = ", ".join(_quote(field.column) for field in fields)
    # SQLite's write transaction excludes all others already.
    suffix = " FOR UPDATE" if connections[DEFAULT_DB_ALIAS].features.has_select_for_update else ""
    return (
        f"SELECT {columns} FROM {_quote(model._meta.db_table)} WHERE {_key(model)} = %s{suffix}",  # noqa: S608
        places,
        [_converter(model, field) for field in fields],
    )


@cache
def _exists(model: type[models.Model], names: tuple[str, ...]) -> str:
    conditions = " AND ".join(f"{_quote(_field(model, name).column)} = %s" for name in names)
    return f"SELECT 1 FROM {_quote(model._meta.db_table)} WHERE {conditions}"  # noqa: S608


@cache
def _advance(model: type[models.Model], name: str) -> str:
    column = _quote(_field(model, name).column)
    table = _quote(model._meta.db_table)
    return f"UPDATE {table} SET {column} = %s WHERE {_key(model)} = %s AND {column} < %s"  # noqa: S608


def _adapter(field: _Field) -> _Adapter:
    """How a field's value is handed to the driver; None where every driver takes it as it is."""
    if isinstance(field, models.DateTimeField):
        return lambda value, using: using.ops.adapt_datetimefield_value(value)
    if field.is_relation:
        target = getattr(field, "target_field", None)
        return None if target is None else _adapter(target)
    plain = isinstance(field, models.IntegerField | models.CharField | models.FloatField)
    return None if plain or type(field) is models.TextField else field.get_db_prep_save


def _converter(model: type[models.Model], field: _Field) -> Callable[[Any], Any] | None:
    using = connections[DEFAULT_DB_ALIAS]
    column = Col(model._meta.db_table, field)
    steps = [*using.ops.get_db_converters(column), *column.get_db_converters(using)]
    if not steps:
        return None

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connections[DEFAULT_DB_ALIAS])
        return value

    return convert


def _field(model: type[models.Model], name: str) -> _Field:
    return next(field for field in model._meta.concrete_fields if name in (field.name, field.attname))


def _key(model: type[models.Model]) -> str:
    return _quote(model._meta.pk.column)


def _quote(name: str | None) -> str:
    assert name is not None  # noqa: S101  (concrete fields have columns)
    # Both databases quote with the same sign, so one text serves both.
    return connections[DEFAULT_DB_ALIAS].ops.quote_name(name)
