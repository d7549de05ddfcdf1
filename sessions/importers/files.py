"""What is known of a file that a message holds or points to, without its content; that is in the source record."""

from typing import Any

from sessions.records import JSON

from .values import clip, count, mapping, name_of, text

_TYPES = frozenset({
    "audio", "document", "driveAudio", "driveDocument", "driveImage", "driveVideo", "file", "fileData", "file_data",
    "image", "image_file", "image_url", "inlineAudio", "inlineData", "inlineFile", "inlineImage", "inlineVideo",
    "inline_data", "input_audio", "input_file", "input_image", "media", "video", "video_url", "youtubeVideo",
})  # fmt: skip
_MEDIA_TYPES = ("media_type", "mediaType", "mime_type", "mimeType", "contentType")
_POINTERS = (
    "url",
    "fileUri",
    "file_uri",
    "uri",
    "file_id",
    "fileId",
    "id",
    "path",
    "image_url",
    "image",
    "asset_pointer",
    "file_uuid",
)
_NAMES = ("filename", "file_name", "fileName", "displayName", "name", "title")
_SIZES = ("size_bytes", "size", "file_size", "bytes")
_MAX_POINTER = 2000


def is_file_type(kind: str) -> bool:
    """Whether a block of this type is a file, as the vendors name them."""
    return kind in _TYPES


def describe_file(block: JSON, kind: str = "") -> dict[str, JSON]:
    """Type, media type, name, size and where it is found; as far as the block says.

    Vendors put these into the block itself or into an object inside it that goes by the block's type or by `source`.
    """
    block = mapping(block)
    kind = kind or text(block.get("type"))
    known: dict[str, JSON] = {"type": name_of(kind)}
    for place in _places(block, kind):
        for name, names in (("media_type", _MEDIA_TYPES), ("name", _NAMES)):
            if name not in known and (value := next(filter(None, (text(place.get(one)) for one in names)), "")):
                known[name] = clip(value, 500)
        _point(known, place)
        _measure(known, place)
    return known


def _places(block: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    places = [block]
    for name in (kind, "source", "inlineData", "fileData", "file", "image_url", "input_audio"):
        value = block.get(name)
        place = {"url": value} if isinstance(value, str) else value
        if isinstance(place, dict) and place not in places:
            places.append(place)
    return places


def _point(known: dict[str, JSON], place: dict[str, Any]) -> None:
    for name in _POINTERS:
        value = text(place.get(name))
        if value.startswith("data:"):
            known.setdefault("media_type", clip(value[5:].partition(",")[0].partition(";")[0], 500))
            known.setdefault("size_bytes", _decoded_size(value.partition(",")[2]))
        elif value:
            known.setdefault(name, clip(value, _MAX_POINTER))


def _measure(known: dict[str, JSON], place: dict[str, Any]) -> None:
    data = text(place.get("data")) or text(place.get("file_data"))
    if data.startswith(("http://", "https://")):
        known.setdefault("url", clip(data, _MAX_POINTER))
    elif data:
        known.setdefault("size_bytes", _decoded_size(data.partition(",")[2] if data.startswith("data:") else data))
    for name in _SIZES:
        if (size := count(place.get(name))) is not None:
            known.setdefault("size_bytes", size)


def _decoded_size(base64: str) -> int:
    return max(0, len(base64) * 3 // 4 - base64[-2:].count("="))
