"""Serves the main door's REST routes, which are made from the command table."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import ValidationError, fields

from chatserver.core.caller import Session
from chatserver.core.encoding import dumps
from chatserver.core.errors import ChatError
from chatserver.doors.http import bearer_token, etags, expectations, failure, json_text
from chatserver.doors.http import payload as http_payload
from chatserver.doors.rest.payload import choose
from chatserver.gate import Gate
from chatserver.resources import Directory
from chatserver.schemas.table import Command, Rest, Routed
from chatserver.schemas.wire import Loader, snake, to_wire
from chatserver.sessions import Authenticator

Responder = Callable[[web.Request, Session], Awaitable[web.Response]]


class RestDoor:
    """Turns requests into commands and answers into resources."""

    def __init__(
        self,
        gate: Gate,
        authenticator: Authenticator,
        directory: Directory,
        max_payload_size: int,
    ) -> None:
        self._gate = gate
        self._authenticator = authenticator
        self._directory = directory
        self._max_payload_size = max_payload_size
        self._loaders: dict[str, Loader[Any]] = {}

    def routes(self, commands: Iterable[Command]) -> list[web.RouteDef]:
        """Return the routes of every command: its own where the guide has one, and ``/api/commands/<name>``."""
        rows: dict[tuple[str, str], list[Routed]] = {}
        for command in commands:
            self._loaders[command.name] = Loader(command.takes)
            for rest in command.rest:
                rows.setdefault((rest.method, rest.path), []).append((command, rest))
        found = [self._route(method, path, sharing) for (method, path), sharing in rows.items()]
        commands_by_name = web.post(
            "/api/commands/{name}", self._command, expect_handler=expectations.check
        )
        return [*found, commands_by_name]

    def _route(self, method: str, path: str, rows: Sequence[Routed]) -> web.RouteDef:
        # Whatever stands there is the field's value, braces too: the schema says what is wrong.
        path = path.replace("}", ":[^/]+}")
        respond = self._guarded(self._responder(rows))
        # web.get answers HEAD as well.
        if method == "GET":
            return web.get(path, respond, expect_handler=expectations.check)
        return web.route(method, path, respond, expect_handler=expectations.check)

    def _responder(self, rows: Sequence[Routed]) -> Responder:
        known = {
            name: field
            for command, _ in rows
            for name, field in self._loaders[command.name].fields.items()
        }
        by_choice = {rest.chosen_by: (command, rest) for command, rest in rows}
        choices = [choice for choice in by_choice if choice is not None]

        async def respond(request: web.Request, session: Session) -> web.Response:
            payload = await self._read(request, session, known)
            payload.update(request.match_info)
            choice = choose(payload, choices)
            command, rest = by_choice[choice]
            try:
                value = await self._changed(request, session, command, rest, payload)
            except ChatError as error:
                http_payload.rename_back(error, rest.renames)
                raise
            places = dict(request.match_info)
            if choice is not None:
                places[choice.field] = str(choice.value)
            body = _body(value, rest, {name: places[name] for name in rest.echoes})
            text = self._written(session, body)
            if rest.method == "GET":
                return _tagged(request, text, body, rest.unsteady)
            return json_text(text, rest.status, _replayed(value))

        return respond

    def _written(self, session: Session, body: object) -> bytes:
        """Write the JSON of an answer; it counts by its size, also where the client has it already."""
        text = dumps(body)
        self._gate.weigh_answer(session, len(text))
        return text

    async def _read(
        self, request: web.Request, session: Session, known: http_payload.Fields
    ) -> dict[str, Any]:
        weigh = partial(self._gate.weigh, session)
        return await http_payload.read(request, known, self._max_payload_size, weigh)

    async def _changed(
        self,
        request: web.Request,
        session: Session,
        command: Command,
        rest: Rest,
        payload: dict[str, Any],
    ) -> object:
        """Return what the route answers with, once its command is done."""
        http_payload.rename(payload, rest.renames)
        known = self._loaders[command.name].fields
        http_payload.take_idempotency_key(request, payload, known)
        if rest.own and await self._is_oneself(session, known["user_id"], payload["user_id"]):
            del payload["user_id"]
            return await self._ask(session, rest.own, payload)
        value = await self._ask(session, command.name, payload)
        if rest.then is None:
            return value
        asked = self._loaders[rest.then].fields.keys() & request.match_info.keys()
        return await self._ask(
            session, rest.then, {name: request.match_info[name] for name in asked}
        )

    async def _is_oneself(self, session: Session, field: fields.Field[Any], named: object) -> bool:
        """Return whether an id names the caller, in any spelling; the command refuses what is no id."""
        try:
            user_id: str = field.deserialize(named)
        except ValidationError:
            return False
        if user_id == session.user.id:
            return True
        user = await self._directory.find(user_id)
        return user is not None and user.id == session.user.id

    async def _ask(self, session: Session, name: str, payload: object) -> object:
        answered = await self._gate.ask(session, name, payload)
        if answered.error is not None:
            raise answered.error
        return answered.value

    def _guarded(self, respond: Responder) -> Handler:
        """Look at the token before anything else: nobody's body is read before."""

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
        """Return the handler of ``POST /api/commands/:name``: it takes the payload and answers the ack."""

        async def respond(request: web.Request, session: Session) -> web.Response:
            name = request.match_info["name"]
            loader = self._loaders.get(name)
            known = loader.fields if loader else {}
            payload = await self._read(request, session, known)
            http_payload.take_idempotency_key(request, payload, known)
            value = await self._ask(session, name, payload)
            body = {"success": True} if value is None else {"success": True, **to_wire(value)}
            return json_text(self._written(session, body), headers=_replayed(value))

        return self._guarded(respond)


def _replayed(value: object) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if getattr(value, "duplicate", False) else {}


def _body(value: object, rest: Rest, echoed: dict[str, str]) -> Any:
    if value is None:
        return echoed or {"success": True}
    # A retry by somebody who may not see the resource any more has its ids alone.
    if rest.bare is not None and (bare := getattr(value, rest.bare)) is not None:
        return bare
    shown_as = dict(rest.shown_as)
    given = {snake(name): item for name, item in to_wire(value).items()}
    shown = given if rest.shows is None else {name: given[name] for name in rest.shows}
    return echoed | {shown_as.get(name, name): item for name, item in shown.items()}


def _tagged(request: web.Request, text: bytes, body: Any, unsteady: Sequence[str]) -> web.Response:
    """Return the answer with its ETag, or 304 where the client has it."""
    steady = text
    if unsteady:
        steady = dumps({name: item for name, item in body.items() if name not in unsteady})
    return etags.answer(request, json_text(text), steady)
