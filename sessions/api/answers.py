"""How shapes become answers: written once, by pydantic's own serialiser, and not validated a second time."""

from django.http import HttpResponse
from pydantic import BaseModel

from .bodies import JSON_TYPE


def answer(shape: BaseModel, status: int = 200) -> HttpResponse:
    return _answer(shape.__pydantic_serializer__.to_json(shape, by_alias=True), status)


def answer_pack(shape: BaseModel) -> HttpResponse:
    """An answer with a context pack: without the members that it has not, as it was measured against its budget."""
    return _answer(shape.__pydantic_serializer__.to_json(shape, by_alias=True, exclude_unset=True), 200)


def _answer(content: bytes, status: int) -> HttpResponse:
    return HttpResponse(content, status=status, content_type=JSON_TYPE)
