"""Downloads that are made while they are sent."""

from collections.abc import Iterator
from itertools import chain

from django.http import HttpResponse, StreamingHttpResponse


def download(pieces: Iterator[bytes], *, name: str, content_type: str) -> HttpResponse:
    """An attachment of a name that is safe in a header.

    The first piece is made now, so that what is wrong becomes an error page and not half a file.
    """
    start = next(pieces, b"")
    response = StreamingHttpResponse(chain([start], pieces), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response  # type: ignore[return-value]  # a response all the same
