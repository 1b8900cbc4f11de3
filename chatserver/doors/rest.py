"""The main door's REST routes, made from the command table."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web
from marshmallow import fields

from chatserver.auth import Authenticator
from chatserver.doors import packets
from chatserver.encoding import dumps
from chatserver.errors import ChatError, ErrorCode, invalid
from chatserver.gate import Gate
from chatserver.session import Session
from schemas.fields import Flag, Whole
from schemas.table import Command, Rest
from schemas.wire import Loader, camel, snake, to_wire

Responder = Callable[[web.Request, Session], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.Response]]

_Asked = tuple[Command, Rest]


def answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON response."""
    return web.Response(
        body=dumps(value), status=status, content_type="application/json", headers=headers
    )


def failure(error: ChatError) -> web.Response:
    """A ChatError as a response; fields are named in snake_case, as bodies are."""
    wire = error.to_wire()
    if error.fields:
        wire["fields"] = {snake(name): list(reasons) for name, reasons in error.fields.items()}
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer({"error": wire}, error.status, headers)


class RestDoor:
    """Turns requests into commands and answers into resources."""

    def __init__(self, gate: Gate, authenticator: Authenticator, max_payload_size: int) -> None:
        self._gate = gate
        self._authenticator = authenticator
        self._max_payload_size = max_payload_size
        self._loaders: dict[str, Loader[Any]] = {}

    def routes(self, commands: Iterable[Command]) -> list[web.RouteDef]:
        """The routes of every command: its own where the guide has one, and ``/api/commands/<name>``."""
        found: list[web.RouteDef] = []
        asked: dict[tuple[str, str], list[_Asked]] = {}
        for command in commands:
            self._loaders[command.name] = Loader(command.takes)
            for rest in command.rest:
                asked.setdefault((rest.method, rest.path), []).append((command, rest))
        for (method, place), meanings in asked.items():
            respond = self._route(meanings)
            # Whatever stands there is the field's value, braces too: the schema says what is wrong.
            path = place.replace("}", ":[^/]+}")
            # web.get answers HEAD as well.
            found.append(
                web.get(path, respond) if method == "GET" else web.route(method, path, respond)
            )
        found.append(web.post("/api/messages/{message_id:[^/]+}/status", self._status))
        found.append(web.post("/api/commands/{name}", self._command))
        return found

    def _route(self, meanings: Sequence[_Asked]) -> Handler:
        async def respond(request: web.Request, session: Session) -> web.Response:
            command, rest = _meant(request, meanings)
            known = self._loaders[command.name].fields
            payload = await self._payload(request, known)
            for flag in _flags(meanings):
                payload.pop(flag, None)
                payload.pop(camel(flag), None)
            payload.update(request.match_info)
            _rename(payload, rest)
            _take_idempotency_key(request, payload, known)
            if rest.own and payload.get("user_id") == session.user.id:
                del payload["user_id"]
                return answer(_body(await self._ask(session, rest.own, payload), rest))
            try:
                value = await self._ask(session, command.name, payload)
            except ChatError as error:
                _rename_back(error, rest)
                raise
            if rest.then:
                given = self._loaders[rest.then].fields.keys() & request.match_info.keys()
                value = await self._ask(
                    session, rest.then, {name: request.match_info[name] for name in given}
                )
            body = _body(value, rest)
            if rest.echoes:
                body = {name: request.match_info[name] for name in rest.echoes} | body
            return answer(body, rest.status, _replayed(value))

        return self._guarded(respond)

    async def _ask(self, session: Session, name: str, payload: object) -> object:
        answered = await self._gate.ask(session, name, payload)
        if answered.error is not None:
            raise answered.error
        return answered.value

    def _guarded(self, respond: Responder) -> Handler:
        """Who asks comes first: nobody's body is read before their token."""

        async def guarded(request: web.Request) -> web.Response:
            try:
                session = await self._authenticator.authenticate(
                    bearer_token(request), str(uuid.uuid4()), lasting=False
                )
                return await respond(request, session)
            except ChatError as error:
                return failure(error)

        return guarded

    @property
    def _status(self) -> Handler:
        """``POST /api/messages/:id/status {status_type}``: the guide's one route for two commands."""

        async def respond(request: web.Request, session: Session) -> web.Response:
            payload = await self._payload(request, {})
            camel_cased = payload.pop("statusType", None)
            status = payload.pop("status_type", camel_cased)
            if status not in ("delivered", "read"):
                raise invalid("statusType", "Must be one of: delivered, read.")
            message_id = payload["message_id"] = request.match_info["message_id"]
            name = f"chat:message_{status}"
            _take_idempotency_key(request, payload, self._loaders[name].fields)
            await self._ask(session, name, payload)
            return answer({"message_id": message_id, "status_type": status})

        return self._guarded(respond)

    @property
    def _command(self) -> Handler:
        """``POST /api/commands/:name``: the payload in, the ack out."""

        async def respond(request: web.Request, session: Session) -> web.Response:
            name = request.match_info["name"]
            loader = self._loaders.get(name)
            known = loader.fields if loader else {}
            payload = await self._payload(request, known)
            _take_idempotency_key(request, payload, known)
            value = await self._ask(session, name, payload)
            body = {"success": True} if value is None else {"success": True, **to_wire(value)}
            return answer(body, headers=_replayed(value))

        return self._guarded(respond)

    async def _payload(
        self, request: web.Request, known: Mapping[str, fields.Field[Any]]
    ) -> dict[str, Any]:
        """The query's parameters and the body's fields."""
        payload: dict[str, Any] = {
            name: _from_query(known.get(snake(name)), value)
            for name, value in request.query.items()
        }
        if not request.can_read_body:
            return payload
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise ChatError(
                code=ErrorCode.PAYLOAD_TOO_LARGE,
                details=f"At most {self._max_payload_size:,} bytes.",
            ) from None
        except web.RequestPayloadError:
            raise invalid("body", "Cannot be decoded as its headers say.") from None
        if not raw:
            return payload
        try:
            body = packets.loads(raw)
        except ValueError:
            raise invalid("body", "Is not JSON.") from None
        if not isinstance(body, dict):
            raise invalid("body", "Must be an object.")
        return payload | body


def bearer_token(request: web.Request) -> str | None:
    """The bearer token (RFC 6750, section 2.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _meant(request: web.Request, meanings: Sequence[_Asked]) -> _Asked:
    """Which of the commands of one path is asked: that whose flag is set, or else that without one.

    Raises:
        ChatError: VALIDATION_ERROR
    """
    query = request.query
    given = {flag: query.get(flag, query.get(camel(flag))) for flag in _flags(meanings)}
    for flag, value in given.items():
        if value not in (None, "true", "false"):
            raise invalid(camel(flag), "Must be true or false.")
    wanted: set[str | None] = {flag for flag, value in given.items() if value == "true"}
    for command, rest in meanings:
        if rest.when in (wanted or (None,)):
            return command, rest
    raise invalid(camel(next(iter(given))), "Must be true.")


def _flags(meanings: Sequence[_Asked]) -> list[str]:
    return [rest.when for _, rest in meanings if rest.when is not None]


def _from_query(field: fields.Field[Any] | None, text: str) -> object:
    """A query parameter has no type of its own: it is read as its field's."""
    if (
        isinstance(field, Whole)
        and text.isascii()
        and text.removeprefix("-").isdigit()
        and len(text) < 20
    ):
        return int(text)
    if isinstance(field, Flag) and text in ("true", "false"):
        return text == "true"
    return text


def _rename(payload: dict[str, Any], rest: Rest) -> None:
    """What the route calls its fields becomes what the command calls them, in either casing.

    Raises:
        ChatError: VALIDATION_ERROR
    """
    for theirs, ours in rest.renames:
        for given, meant in ((theirs, ours), (camel(theirs), camel(ours))):
            if given in payload:
                value = payload.pop(given)
                if payload.setdefault(meant, value) != value:
                    raise invalid(camel(theirs), f"Differs from {camel(ours)}.")


def _rename_back(error: ChatError, rest: Rest) -> None:
    names = {camel(ours): camel(theirs) for theirs, ours in rest.renames}
    if names and error.fields:
        error.fields = {names.get(name, name): why for name, why in error.fields.items()}


def _replayed(value: object) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if getattr(value, "duplicate", False) else {}


def _take_idempotency_key(
    request: web.Request, payload: dict[str, Any], known: Mapping[str, fields.Field[Any]]
) -> None:
    """The header does what the body's own id does; where both are given they must agree.

    Raises:
        ChatError: VALIDATION_ERROR
    """
    key = request.headers.get("Idempotency-Key")
    name = next((n for n in ("client_message_id", "request_id") if n in known), None)
    if key is None or name is None:
        return
    wire = str(known[name].data_key)
    given = payload.get(name, payload.get(wire))
    if given is not None and given != key:
        raise invalid(wire, "Differs from the header Idempotency-Key.")
    payload.pop(name, None)
    payload[wire] = key


def _body(value: object, rest: Rest) -> Any:
    if value is None:
        return {"success": True}
    if rest.bare is not None:
        return getattr(value, rest.bare)
    shown = dict(rest.shown_as)
    body = {snake(name): item for name, item in to_wire(value).items()}
    return {shown.get(name, name): item for name, item in body.items()}
