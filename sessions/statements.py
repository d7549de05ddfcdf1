"""The statements of the write path, composed once from the models and run without the ORM's compiler.

Compiling an insert, a select and an update through the ORM costs more than the disk does (0.9 ms against 0.4 ms
for an interaction of 1 kB), so the one path that every write takes has its SQL ready. Columns, adapters and
converters still come from the models' fields; there is no second description of the tables.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState
from django.db.models.expressions import Col

from . import bookkeeping
from .fields import JSONTextField

type _Field = models.Field[Any, Any]
type _Change = Callable[[Any, BaseDatabaseWrapper], Any]


@dataclass(frozen=True, slots=True)
class _Values:
    """How the values of some fields are had from a row, and which of them the driver wants otherwise, by place."""

    read: Callable[[models.Model], tuple[Any, ...]]
    adapters: Sequence[tuple[int, _Change]]

    def adapted(self, row: models.Model, using: BaseDatabaseWrapper) -> list[Any]:
        values = list(self.read(row))
        for place, adapt in self.adapters:
            value = values[place]
            if value is not None:
                values[place] = adapt(value, using)
        return values


def row[M: models.Model](model: type[M], values: Mapping[str, Any]) -> M:
    """An unsaved row of values for every column, by attribute name."""
    assert len(values) == len(model._meta.concrete_fields)  # noqa: S101  (the database would be asked for a missing one)
    return _instance(model, values, adding=True)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert unsaved rows of one model. Rings no bell."""
    if not rows:
        return
    using = connections[DEFAULT_DB_ALIAS]
    sql, values = _insert(type(rows[0]))
    if len(rows) == 1:
        _run(using, sql, values.adapted(rows[0], using))
    else:
        with using.cursor() as cursor:
            cursor.executemany(sql, [values.adapted(row, using) for row in rows])


def update(row: models.Model, names: tuple[str, ...]) -> None:
    """Write some fields of one row. Rings no bell."""
    using = connections[DEFAULT_DB_ALIAS]
    sql, values = _update(type(row), names)
    _run(using, sql, values.adapted(row, using))


def update_all(rows: Sequence[models.Model], names: tuple[str, ...]) -> None:
    """Write some fields of many rows of one model, each its own values. Rings no bell."""
    if not rows:
        return
    using = connections[DEFAULT_DB_ALIAS]
    sql, values = _update(type(rows[0]), names)
    with using.cursor() as cursor:
        cursor.executemany(sql, [values.adapted(row, using) for row in rows])


def lock[M: models.Model](model: type[M], names: tuple[str, ...], pk: str) -> M | None:
    """The row of a key with some of its fields (the others load when asked for), locked until the transaction ends."""
    using = connections[DEFAULT_DB_ALIAS]
    sql, attributes, converters = _select(model, names, "pk", True, using.vendor)
    return _first(model, _run(using, sql, [pk]), attributes, converters, using)


def find[M: models.Model](model: type[M], names: tuple[str, ...], by: str, value: str) -> M | None:
    """The row with a value in a unique field, with some of its fields (the others load when asked for)."""
    using = connections[DEFAULT_DB_ALIAS]
    sql, attributes, converters = _select(model, names, by, False, using.vendor)
    return _first(model, _run(using, sql, [value]), attributes, converters, using)


def exists(model: type[models.Model], names: tuple[str, ...], values: Sequence[Any]) -> bool:
    """Whether there is a row with these values in these fields, as the driver takes them."""
    return bool(_run(connections[DEFAULT_DB_ALIAS], _exists(model, names), values))


def advance(model: type[models.Model], name: str, value: Any, pk: Any) -> None:
    """Raise one field of one row to a value, unless it is there already; neither the disk nor an answer waits for it.

    Rings no bell. Only for what can be found out anew (`sessions.bookkeeping`).
    """
    sql, adapt = _advance(model, name)
    bookkeeping.note(sql, value if adapt is None else adapt(value, connections[DEFAULT_DB_ALIAS]), pk)


def put(model: type[models.Model], name: str, value: Any, pk: Any) -> None:
    """Write one field of one row. Rings no bell."""
    using = connections[DEFAULT_DB_ALIAS]
    sql, adapt = _put(model, name)
    _run(using, sql, [value if adapt is None else adapt(value, using), pk])


def _first[M: models.Model](
    model: type[M],
    found: Sequence[Sequence[Any]],
    attributes: Sequence[str],
    converters: Sequence[tuple[str, _Change]],
    using: BaseDatabaseWrapper,
) -> M | None:
    if not found:
        return None
    values = dict(zip(attributes, found[0], strict=True))
    for name, convert in converters:
        value = values[name]
        if value is not None:
            values[name] = convert(value, using)
    return _instance(model, values, adding=False)


def _run(using: BaseDatabaseWrapper, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Run one statement and return its rows; past Django's cursors where the backend knows a shorter way."""
    shortcut = getattr(using, "run_directly", None)
    if shortcut is not None:
        rows: list[Any] = shortcut(sql, parameters)
        return rows
    with using.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def _instance[M: models.Model](model: type[M], values: Mapping[str, Any], *, adding: bool) -> M:
    """A row as `Model.__init__` and `from_db` leave it, in a fraction of their time.

    A field that is not given loads when asked for. `pre_init` and `post_init` are not sent.
    """
    instance = model.__new__(model)
    state = ModelState()
    state.adding = adding
    if not adding:
        state.db = DEFAULT_DB_ALIAS
    instance.__dict__ = {"_state": state, **values}
    return instance


def _values(fields: Sequence[_Field]) -> _Values:
    adapters = [(place, adapt) for place, field in enumerate(fields) if (adapt := _adapter(field)) is not None]
    return _Values(attrgetter(*(field.attname for field in fields)), adapters)


@cache
def _insert(model: type[models.Model]) -> tuple[str, _Values]:
    fields = model._meta.concrete_fields
    columns = ", ".join(_quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {_quote(model._meta.db_table)} ({columns}) VALUES ({places})", _values(fields)  # noqa: S608


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, _Values]:
    """The statement, and its values: the fields', then the key."""
    fields = [_field(model, name) for name in names]
    assignments = ", ".join(f"{_quote(field.column)} = %s" for field in fields)
    return (
        f"UPDATE {_quote(model._meta.db_table)} SET {assignments} WHERE {_key(model)} = %s",  # noqa: S608
        _values([*fields, model._meta.pk]),
    )


@cache
def _select(
    model: type[models.Model], names: tuple[str, ...], by: str, locking: bool, vendor: str
) -> tuple[str, Sequence[str], Sequence[tuple[str, _Change]]]:
    """The statement, the attributes that its columns become, and how those are read that the driver gives otherwise."""
    fields = [_field(model, name) for name in names]
    columns = ", ".join(_quote(field.column) for field in fields)
    key = _key(model) if by == "pk" else _quote(_field(model, by).column)
    # SQLite's write transaction excludes all others already.
    lockable = locking and connections[DEFAULT_DB_ALIAS].features.has_select_for_update
    suffix = " FOR UPDATE" if lockable else ""
    return (
        f"SELECT {columns} FROM {_quote(model._meta.db_table)} WHERE {key} = %s{suffix}",  # noqa: S608
        [field.attname for field in fields],
        [(field.attname, convert) for field in fields if (convert := _converter(model, field)) is not None],
    )


@cache
def _exists(model: type[models.Model], names: tuple[str, ...]) -> str:
    conditions = " AND ".join(f"{_quote(_field(model, name).column)} = %s" for name in names)
    return f"SELECT 1 FROM {_quote(model._meta.db_table)} WHERE {conditions}"  # noqa: S608


@cache
def _advance(model: type[models.Model], name: str) -> tuple[str, _Change | None]:
    """The statement, and how the driver wants its value."""
    field = _field(model, name)
    column = _quote(field.column)
    behind = f"({column} IS NULL OR {column} < %s)" if field.null else f"{column} < %s"
    table = _quote(model._meta.db_table)
    return f"UPDATE {table} SET {column} = %s WHERE {_key(model)} = %s AND {behind}", _adapter(field)  # noqa: S608


@cache
def _put(model: type[models.Model], name: str) -> tuple[str, _Change | None]:
    """The statement, and how the driver wants its value."""
    field = _field(model, name)
    table = _quote(model._meta.db_table)
    return f"UPDATE {table} SET {_quote(field.column)} = %s WHERE {_key(model)} = %s", _adapter(field)  # noqa: S608


def _adapter(field: _Field) -> _Change | None:
    """How a field's value is handed to the driver; None where every driver takes it as it is."""
    if isinstance(field, models.DateTimeField):
        return lambda value, using: using.ops.adapt_datetimefield_value(value)
    if field.is_relation:
        target = getattr(field, "target_field", None)
        return None if target is None else _adapter(target)
    if isinstance(field, JSONTextField):
        return lambda value, using: field.get_prep_value(value)
    plain = isinstance(field, models.IntegerField | models.CharField | models.FloatField)
    return None if plain or type(field) is models.TextField else field.get_db_prep_save


def _converter(model: type[models.Model], field: _Field) -> _Change | None:
    using = connections[DEFAULT_DB_ALIAS]
    column = Col(model._meta.db_table, field)
    steps = [*using.ops.get_db_converters(column), *column.get_db_converters(using)]
    if not steps:
        return None

    def convert(value: Any, using: BaseDatabaseWrapper) -> Any:
        for step in steps:
            value = step(value, column, using)
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
