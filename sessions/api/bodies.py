"""What programs send, read strictly: one document of JSON in UTF-8, of a bounded size, that means the same to everyone.

RFC 8259 leaves open what two members of one name mean, and how large a number may be; here they are refused, as are
the NaN and Infinity that it does not know, and texts that no copy could hold. What a number or a text may be in its
place is the shapes' and the actions' to say.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from django.http import HttpRequest, UnreadablePostError

from sessions import conf
from sessions.errors import InvalidInput, SessionsiteError, UploadTooLarge
from sessions.validation import fits_64_bits

from .errors import BodyTooLarge, NotJSON

JSON_TYPE = "application/json"
_CHARSETS = ("", "utf-8", "utf8")
_PIECE_BYTES = 64 * 1024
# More digits than 2^63 has; how many there are is known before they are made a number.
_MOST_DIGITS = 20
# How many times as much as is taken is heard to its end before it is refused.
_MOST_LET_GO = 4
_UNFIT_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNFIT = re.compile("[\0\ud800-\udfff]")


def read_json(request: HttpRequest) -> Any:
    """The value that a request's body holds; None where there is no body.

    Raises InvalidInput, NotJSON and BodyTooLarge.
    """
    body = read_body(request)
    if not body:
        return None
    if request.content_type != JSON_TYPE or (request.content_params or {}).get("charset", "").lower() not in _CHARSETS:
        raise NotJSON
    return parse(body)


def parse(body: bytes) -> Any:
    """The value of a JSON document. Raises InvalidInput."""
    try:
        value = _DECODER.decode(body.decode())
    except UnicodeDecodeError:
        raise InvalidInput("body", "is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise InvalidInput("body", f"is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise InvalidInput("body", "is nested too deep.") from None
    # Hardly a body needs the long look: what stands in it unescaped was looked at by the decoders.
    if _UNFIT_ESCAPE.search(body) and any(_UNFIT.search(text) for text in _texts(value)):
        raise InvalidInput("body", "holds NUL or half of a surrogate pair, which is not text.")
    return value


def read_body(request: HttpRequest) -> bytes:
    """The bytes that a request brings. Raises InvalidInput where they broke off, and BodyTooLarge."""
    limit = conf.max_request_bytes()
    stated = request.META.get("CONTENT_LENGTH")
    if not stated:
        return b"".join(_pieces(request, BodyTooLarge(limit), limit))
    if not (stated.isascii() and stated.isdigit()):
        raise InvalidInput("Content-Length", "must be a whole number.")
    if int(stated) > limit:
        _let_go(request, _MOST_LET_GO * limit)
        raise BodyTooLarge(limit)
    try:
        body = request.read()
    except UnreadablePostError:
        raise InvalidInput("body", "broke off.") from None
    if len(body) != int(stated):
        raise InvalidInput("body", "ended before its Content-Length.")
    return body


def _let_go(request: HttpRequest, most_bytes: int) -> None:
    """Take a body in that is too large, and keep nothing of it.

    A connection that is closed while the client still writes is reset, and many clients then never read the answer.
    """
    length = 0
    with suppress(UnreadablePostError):
        while length < most_bytes and (piece := request.read(_PIECE_BYTES)):
            length += len(piece)


def read_upload(request: HttpRequest) -> Iterator[bytes]:
    """The file that a request brings, whatever it is said to be, a piece at a time.

    Raises InvalidInput where it is empty or broke off, and UploadTooLarge, where the length is stated before a piece.
    """
    limit, size_bytes = conf.max_upload_bytes(), 0
    stated = request.META.get("CONTENT_LENGTH")
    if stated and not (stated.isascii() and stated.isdigit()):
        raise InvalidInput("Content-Length", "must be a whole number.")
    if stated and int(stated) > limit:
        raise UploadTooLarge(limit)
    for piece in _stated_pieces(request) if stated else _pieces(request, UploadTooLarge(limit), limit):
        size_bytes += len(piece)
        yield piece
    if stated and size_bytes != int(stated):
        raise InvalidInput("body", "ended before its Content-Length.")
    if not size_bytes:
        raise InvalidInput("body", "is empty.", hint="Send the file itself, as `curl --data-binary @FILE` does.")


def _stated_pieces(request: HttpRequest) -> Iterator[bytes]:
    try:
        while piece := request.read(_PIECE_BYTES):
            yield piece
    except UnreadablePostError:
        raise InvalidInput("body", "broke off.") from None


def _pieces(request: HttpRequest, too_large: SessionsiteError, limit: int) -> Iterator[bytes]:
    """A body that does not state its length, as the server takes it in. Django would take it for empty."""
    if "HTTP_TRANSFER_ENCODING" not in request.META:
        return
    source, length = request.META["wsgi.input"], 0
    while True:
        try:
            piece = source.read(_PIECE_BYTES)
        except Exception:  # noqa: BLE001  (each server has errors of its own for a body that breaks off)
            raise InvalidInput("body", "broke off.") from None
        if not piece:
            return
        length += len(piece)
        if length > limit:
            raise too_large
        yield piece


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidInput("body", "has an object with two members of one name.", hint="Send each member once.")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInput("body", f"holds {name}, which JSON has not.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InvalidInput("body", "holds a number that is too large.")
    return number


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or not fits_64_bits(number := int(digits)):
        raise InvalidInput("body", "holds a whole number beyond 64 bits.")
    return number


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value, names of members included."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            yield from one
            left += one.values()
        elif isinstance(one, list):
            left += one


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
)
