"""Handles bodies that a client holds back until it is told to go on (``Expect``), and those that never come."""

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11


class BodyTimeout(web.RequestPayloadError):
    """A request's body did not come in time."""


async def check(request: web.Request) -> None:
    """Check a request's ``Expect`` without answering it; `go_on` does that, once the token is accepted.

    It is an ``expect_handler`` of aiohttp.

    Raises:
        web.HTTPExpectationFailed: the request expects something else than 100-continue (RFC 9110, section 10.1.1).
    """
    if request.version >= HttpVersion11 and not _waits(request):
        raise web.HTTPExpectationFailed


async def go_on(request: web.Request) -> None:
    """Send 100 Continue to a client that waits for it before it sends the body; else do nothing."""
    if request.version >= HttpVersion11 and _waits(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The answer itself has not begun.
        request.writer.output_size = 0


def _waits(request: web.Request) -> bool:
    return request.headers.get(hdrs.EXPECT, "").lower() == "100-continue"
