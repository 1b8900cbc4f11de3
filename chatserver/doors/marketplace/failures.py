"""A refusal as clients of the marketplace system read it.

The document names statuses alone. What its server, a Spring Boot application, answers beside them is
``timestamp, status, error, message``; what is more is ours.
"""

from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from chatserver.core.encoding import dumps
from chatserver.core.errors import ChatError
from chatserver.core.times import iso_now
from chatserver.doors.http import refusal
from chatserver.schemas.marketplace import API, MarketFailure
from chatserver.schemas.wire import camel, to_wire


def failure(error: ChatError) -> web.Response:
    """Return a ChatError as a response; fields are named as in the document, in camelCase."""
    return refusal(error, _body(error.status, error.to_wire()))


def _body(status: int, wire: dict[str, Any]) -> dict[str, Any]:
    """Make the body of a refusal, from the main door's error object."""
    fields = wire.get("fields")
    failed = MarketFailure(
        timestamp=iso_now(),
        status=status,
        error=HTTPStatus(status).phrase,
        message=wire["message"],
        code=wire["code"],
        retryable=wire["retryable"],
        details=wire.get("details"),
        fields=fields and {camel(name): why for name, why in fields.items()},
        retry_after=wire.get("retryAfter"),
        error_id=wire.get("errorId"),
    )
    return to_wire(failed)


@web.middleware
async def in_their_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer in this form, too, what is refused before a route is asked: no such route, too many requests."""
    response = await handler(request)
    is_ours = response.status >= 400 and request.path.startswith(f"{API}/")
    if is_ours and isinstance(response, web.Response) and isinstance(response.body, bytes):
        error = orjson.loads(response.body)["error"]
        # That of a route is the name of its status.
        if isinstance(error, dict):
            response.body = dumps(_body(response.status, error))
    return response
