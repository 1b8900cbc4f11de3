"""Refusals as the messaging system tells them (messaging-api.md, "Error Response Format")."""

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.doors.messaging.shapes import Body
from chatserver.doors.words import Ask

_UNAUTHENTICATED = (ErrorCode.AUTH_REQUIRED, ErrorCode.AUTH_FAILED)


def refused(error: ChatError, ask: Ask | None = None, *, is_command: bool = False) -> Body:
    """Make an ``error``, or an ``auth_error`` where it was who they are that was refused.

    Args:
        ask: what was asked.
        is_command: its command was refused, whose fields the message calls otherwise.
    """
    fields = _fields(error, ask if is_command else None)
    is_auth = ask is not None and ask.type == "authenticate"
    if is_auth and (error.code in _UNAUTHENTICATED or error.code is ErrorCode.VALIDATION_ERROR):
        return auth_refused(error)
    body: Body = {
        "type": "error",
        "message": error.message,
        "details": _details(error, fields),
        "code": error.code.value,
    }
    if error.retry_after_seconds is not None:
        body["retryAfter"] = error.retry_after_seconds
    if error.code in _UNAUTHENTICATED:
        body["requiresAuth"] = True
    if error.error_id is not None:
        body["errorId"] = error.error_id
    if fields:
        body["fields"] = fields
    return body


def auth_refused(error: ChatError) -> Body:
    """Make an ``auth_error``: somebody is not let in, or no longer."""
    return {
        "type": "auth_error",
        "message": error.message,
        "details": _details(error, _fields(error, None)),
        "code": error.code.value,
    }


def told(wire: dict[str, object]) -> Body:
    """Return the push ``error`` as these clients are told: why their session ends."""
    body = {"message": wire["message"], "details": wire.get("details") or wire["message"]}
    if wire["code"] in _UNAUTHENTICATED:
        return {"type": "auth_error", **body, "code": wire["code"]}
    return {"type": "error", **body, "code": wire["code"]}


def _fields(error: ChatError, ask: Ask | None) -> dict[str, list[str]]:
    """Return what is wrong with each field, by the names of the message's type."""
    theirs = ask.takes if ask is not None else {}
    found = {}
    for name, reasons in (error.fields or {}).items():
        field, dot, item = name.partition(".")
        found[f"{theirs.get(field, field)}{dot}{item}"] = list(reasons)
    return found


def _details(error: ChatError, fields: dict[str, list[str]]) -> str:
    """Return the details; those that name fields name them as the message's type does."""
    if fields and (error.details is None or error.code is ErrorCode.VALIDATION_ERROR):
        return " ".join(f"{name}: {' '.join(reasons)}" for name, reasons in fields.items())
    return error.details or error.message
