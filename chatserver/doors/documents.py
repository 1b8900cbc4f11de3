"""What the server says of itself: ``/api/openapi.json``, ``/api/asyncapi.json`` and ``/docs``.

The same for everybody, so no token is needed, and a browser may keep them as long as it asks whether they are
still the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web

from chatserver.doors import etags
from chatserver.encoding import dumps
from chatserver.reference import asyncapi, html, openapi, written

_JSON = "application/json"


def routes() -> list[web.RouteDef]:
    """At their places."""
    return [
        web.get("/api/openapi.json", _document(_openapi, _JSON)),
        web.get("/api/asyncapi.json", _document(_asyncapi, _JSON)),
        web.get("/docs", _document(_docs, "text/html", html.CONTENT_SECURITY_POLICY)),
    ]


@cache
def _openapi() -> bytes:
    return dumps(openapi.document())


@cache
def _asyncapi() -> bytes:
    return dumps(asyncapi.document())


@cache
def _docs() -> bytes:
    return written.html_page().encode()


def _document(
    made: Callable[[], bytes], content_type: str, policy: str | None = None
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        # The first to ask waits a moment; nobody else does.
        body = await asyncio.to_thread(made)
        response = web.Response(body=body, content_type=content_type, charset="utf-8")
        answered = etags.answer(request, response, body)
        answered.headers["Cache-Control"] = "no-cache"
        if policy is not None:
            answered.headers["Content-Security-Policy"] = policy
        return answered

    return respond
