"""Turns what is sealed of a file into the wire's resource."""

from collections.abc import Mapping
from typing import Any

from chatserver.schemas.resources import File

# What is sealed of a file, in its own row and in the message that it was sent with: the fields of the resource
# that are not null, without the addresses, and `has_thumb`.
Entry = Mapping[str, Any]


def file_address(file_id: object, *, thumb: bool = False) -> str:
    """Return where a file, or its thumbnail, is served."""
    return f"/api/files/{file_id}?variant=thumb" if thumb else f"/api/files/{file_id}"


def shown_file(entry: Entry) -> File:
    """Return a file as the wire shows it."""
    waveform = entry.get("waveform")
    return File(
        id=entry["id"],
        name=entry["name"],
        size=entry["size"],
        type=entry["type"],
        state=entry["state"],
        width=entry.get("width"),
        height=entry.get("height"),
        duration=entry.get("duration"),
        waveform=None if waveform is None else tuple(waveform),
        preview=entry.get("preview"),
        url=file_address(entry["id"]),
        thumb_url=file_address(entry["id"], thumb=True) if entry.get("has_thumb") else None,
    )
