"""The main door's REST routes, made from the command table."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiohttp import web

from chatserver.auth import Authenticator
from chatserver.doors import etags, rest_payload
from chatserver.encoding import dumps
from chatserver.errors import ChatError
from chatserver.gate import Gate
from chatserver.session import Session
from schemas.table import Command, Rest
from schemas.wire import Loader, snake, to_wire

Responder = Callable[[web.Request, Session], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.Response]]
Row = tuple[Command, Rest]


def answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A JSON response."""
    return json_text(dumps(value), status, headers)


def json_text(
    body: bytes, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response whose JSON is written already."""
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


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
        rows: dict[tuple[str, str], list[Row]] = {}
        for command in commands:
            self._loaders[command.name] = Loader(command.takes)
            for rest in command.rest:
                rows.setdefault((rest.method, rest.path), []).append((command, rest))
        found = [self._route(method, path, sharing) for (method, path), sharing in rows.items()]
        return [*found, web.post("/api/commands/{name}", self._command)]

    def _route(self, method: str, path: str, rows: Sequence[Row]) -> web.RouteDef:
        # Whatever stands there is the field's value, braces too: the schema says what is wrong.
        path = path.replace("}", ":[^/]+}")
        respond = self._guarded(self._responder(rows))
        # web.get answers HEAD as well.
        return web.get(path, respond) if method == "GET" else web.route(method, path, respond)

    def _responder(self, rows: Sequence[Row]) -> Responder:
        known = {
            name: field
            for command, _ in rows
            for name, field in self._loaders[command.name].fields.items()
        }
        by_choice = {rest.chosen_by: (command, rest) for command, rest in rows}
        choices = [choice for choice in by_choice if choice is not None]

        async def respond(request: web.Request, session: Session) -> web.Response:
            payload = await rest_payload.read(request, known, self._max_payload_size)
            payload.update(request.match_info)
            choice = rest_payload.choose(payload, choices)
            command, rest = by_choice[choice]
            try:
                value = await self._changed(request, session, command, rest, payload)
            except ChatError as error:
                rest_payload.rename_back(error, rest)
                raise
            places = dict(request.match_info)
            if choice is not None:
                places[choice.field] = str(choice.value)
            body = _body(value, rest, {name: places[name] for name in rest.echoes})
            if rest.method == "GET":
                return _tagged(request, body, rest.unsteady)
            return answer(body, rest.status, _replayed(value))

        return respond

    async def _changed(
        self,
        request: web.Request,
        session: Session,
        command: Command,
        rest: Rest,
        payload: dict[str, Any],
    ) -> object:
        """What the route answers with, once its command is done."""
        rest_payload.rename(payload, rest)
        known = self._loaders[command.name].fields
        rest_payload.take_idempotency_key(request, payload, known)
        if rest.own and payload.get("user_id") == session.user.id:
            del payload["user_id"]
            return await self._ask(session, rest.own, payload)
        value = await self._ask(session, command.name, payload)
        if rest.then is None:
            return value
        asked = self._loaders[rest.then].fields.keys() & request.match_info.keys()
        return await self._ask(
            session, rest.then, {name: request.match_info[name] for name in asked}
        )

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
    def _command(self) -> Handler:
        """``POST /api/commands/:name``: the payload in, the ack out."""

        async def respond(request: web.Request, session: Session) -> web.Response:
            name = request.match_info["name"]
            loader = self._loaders.get(name)
            known = loader.fields if loader else {}
            payload = await rest_payload.read(request, known, self._max_payload_size)
            rest_payload.take_idempotency_key(request, payload, known)
            value = await self._ask(session, name, payload)
            body = {"success": True} if value is None else {"success": True, **to_wire(value)}
            return answer(body, headers=_replayed(value))

        return self._guarded(respond)


def bearer_token(request: web.Request) -> str | None:
    """The bearer token (RFC 6750, section 2.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _replayed(value: object) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if getattr(value, "duplicate", False) else {}


def _body(value: object, rest: Rest, echoed: dict[str, str]) -> Any:
    if value is None:
        return echoed or {"success": True}
    if rest.bare is not None:
        return getattr(value, rest.bare)
    shown_as = dict(rest.shown_as)
    given = {snake(name): item for name, item in to_wire(value).items()}
    shown = given if rest.shows is None else {name: given[name] for name in rest.shows}
    return echoed | {shown_as.get(name, name): item for name, item in shown.items()}


def _tagged(request: web.Request, body: Any, unsteady: Sequence[str]) -> web.Response:
    """The answer with its ETag, or 304 where the client has it."""
    text = dumps(body)
    steady = text
    if unsteady:
        steady = dumps({name: item for name, item in body.items() if name not in unsteady})
    return etags.answer(request, json_text(text), steady)
