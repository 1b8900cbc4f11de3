"""Serves what the server says of itself: ``/api/openapi.json``, ``/api/asyncapi.json`` and ``/docs``.

The same for everybody, so no token is needed, and a browser may keep them as long as it asks whether they are
still the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache, partial

from aiohttp import web

from chatserver.core.encoding import dumps
from chatserver.doors.http import etags
from chatserver.reference import asyncapi, html, openapi, written
from chatserver.reference.vocabularies import Vocabulary

_JSON = "application/json"


def routes(vocabularies: tuple[Vocabulary, ...] = ()) -> list[web.RouteDef]:
    """Return the routes of the documents, which tell of the doors with other words, too."""
    of_events, page = partial(_asyncapi, vocabularies), partial(_docs, vocabularies)
    return [
        web.get("/api/openapi.json", _document(_openapi, _JSON)),
        web.get("/api/asyncapi.json", _document(of_events, _JSON)),
        web.get("/docs", _document(page, "text/html", html.CONTENT_SECURITY_POLICY)),
    ]


@cache
def _openapi() -> bytes:
    return dumps(openapi.document())


@cache
def _asyncapi(vocabularies: tuple[Vocabulary, ...]) -> bytes:
    return dumps(asyncapi.document(vocabularies))


@cache
def _docs(vocabularies: tuple[Vocabulary, ...]) -> bytes:
    return written.html_page(vocabularies).encode()


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
