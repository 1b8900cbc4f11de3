"""Explains what the HTTP parser refused before there was a request: its status, and the page that it came from."""

import re

from aiohttp.http_exceptions import (
    BadHttpMethod,
    BadStatusLine,
    ContentEncodingError,
    LineTooLong,
)

# So much of a head is looked at; the parser bounds lines and their number, not their sum.
MAX_HEAD = 64 * 1024

HEAD_END = b"\r\n\r\n"
_ORIGIN = re.compile(rb"\nOrigin:[ \t]*([!-~]{1,300})[ \t]*\r?\n", re.IGNORECASE)
_METHOD = re.compile(rb"[A-Z][A-Z-]{0,30} ")
_VERSION = re.compile(rb"[^\r\n]* HTTP/\d\.\d\r?\n")

_REASONS = {
    400: "This is no valid HTTP request",
    408: "The request did not come in time",
    414: "The request's address is too long",
    415: "Unsupported Content-Encoding",
    417: "No such expectation",
    431: "The request's headers are too large",
    500: "Internal server error",
    501: "No such method",
    505: "This version of HTTP is not supported",
}


def status_of(error: BaseException, head: bytes, max_line: int) -> int:
    """Return the status for what the parser raised, or for a missed deadline (RFC 9110, sections 15.5, 15.6).

    Args:
        head: the bytes that it read, as far as they are known.
        max_line: bytes of a request's first line.
    """
    if isinstance(error, TimeoutError):
        return 408
    if isinstance(error, ContentEncodingError):
        return 415
    if isinstance(error, LineTooLong):
        return 414 if error.args[1] == max_line else 431
    if isinstance(error, BadHttpMethod):
        return 501 if _METHOD.match(head) else 400
    if isinstance(error, BadStatusLine) and _VERSION.match(head):
        return 505
    return 431 if "Too many headers" in str(error) else 400


def reason_of(status: int) -> str:
    """Return what is wrong, for people; it holds nothing of what was sent."""
    return _REASONS.get(status, _REASONS[400])


def origin_of(head: bytes) -> str | None:
    """Return the page that sent a head, where the head says so; the browser compares it with the page's own."""
    found = _ORIGIN.findall(head)
    return found[-1].decode() if found else None
