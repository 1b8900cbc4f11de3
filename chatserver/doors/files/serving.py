"""Says how the bytes of a file are served: which of them, to whom still has them, and that nothing runs in them.

Source: RFC 9110 (ranges and conditions, sections 13 and 14).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

from chatserver.files import Attributes

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)
# Whoever opens a file by its address sees it and no more: no script, no form, no other address.
_POLICY = (
    "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'"
)


class Part(NamedTuple):
    """Bytes from one place up to another (not included)."""

    start: int
    end: int


def headers(attributes: Attributes, tag: str) -> dict[str, str]:
    """Return the headers of a file's answer."""
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": attributes.disposition,
        "Content-Security-Policy": _POLICY,
        "Content-Type": attributes.type,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": tag,
    }


def is_known(asked: Mapping[str, str], tag: str) -> bool:
    """Return whether the client has the file already (``If-None-Match``)."""
    names = asked.get("If-None-Match", "")
    return names.strip() == "*" or tag in names


def part(asked: Mapping[str, str], tag: str, size: int) -> Part | None:
    """Return which part of a file is asked for; None for the whole of it.

    Several ranges at once, and what is none, are passed over, as is one of an older file (``If-Range``).

    Raises:
        web.HTTPRequestRangeNotSatisfiable: no byte of it is asked for.
    """
    found = _RANGE.fullmatch(asked.get("Range", "").strip())
    if found is None or asked.get("If-Range", tag).strip() != tag:
        return None
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < int(first):
            return None
    elif last:
        start, end = max(0, size - int(last)), size
    else:
        return None
    if start >= end:
        raise web.HTTPRequestRangeNotSatisfiable
    return Part(start, end)
