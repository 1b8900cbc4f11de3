"""Makes answers in JSON, and refusals in our own form."""

from collections.abc import Mapping

from aiohttp import web

from chatserver.core.encoding import dumps
from chatserver.core.errors import ChatError
from chatserver.schemas.wire import snake


def answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Make a JSON response."""
    return json_text(dumps(value), status, headers)


def json_text(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Make a response of JSON that is written already."""
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def failure(error: ChatError) -> web.Response:
    """Make a response of a ChatError; fields are named in snake_case, as bodies are."""
    wire = error.to_wire()
    if error.fields:
        wire["fields"] = {snake(name): list(reasons) for name, reasons in error.fields.items()}
    return refusal(error, {"error": wire})


def refusal(error: ChatError, body: Mapping[str, object]) -> web.Response:
    """Make a response of a ChatError with a body of the door's own."""
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer(body, error.status, headers)


def bearer_token(request: web.Request) -> str | None:
    """Return the bearer token of a request (RFC 6750, section 2.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
