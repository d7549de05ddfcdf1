"""Two column types that make SQLite and PostgreSQL give the same answers."""

import json
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    # Django's fields are generic for the type checker only.
    CharField = models.CharField[Any, Any]
    TextField = models.TextField[Any, Any]
else:
    CharField = models.CharField
    TextField = models.TextField


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class IdentifierField(CharField):
    """Text compared and sorted by code point in both databases, whatever the cluster's locale."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class JSONTextField(TextField):
    """JSON kept as the text it was written as.

    PostgreSQL's jsonb reorders keys, folds duplicates and refuses U+0000; the order of a tool call's parameters
    is part of the conversation. Nothing is ever queried by a member, so text serves.
    """

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else json.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> Any:
        # Most of these columns are empty in most rows, and every append writes three of them.
        if value == {} and type(value) is dict:
            return "{}"
        if value == [] and type(value) is list:
            return "[]"
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return _ENCODER.encode(value)

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))
