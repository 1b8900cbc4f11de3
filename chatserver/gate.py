"""The one way in: command → session → schema → handler → one answer."""

import asyncio
import dataclasses
import inspect
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple, get_type_hints

import orjson

from chatserver.core.caller import ASKER, Caller, Request, Session
from chatserver.core.errors import ChatError, ErrorCode, unavailable
from chatserver.core.logging import get_logger
from chatserver.core.signal import Signal
from chatserver.core.tally import CommandTally
from chatserver.limits import Limiter
from chatserver.schemas.table import Command, Turn
from chatserver.schemas.wire import Invalid, Loader, to_wire
from chatserver.sessions import LEEWAY

_log = get_logger(__name__)

Handler = Callable[..., Awaitable[Any]]


class BindError(RuntimeError):
    """A command without a handler, a handler without a command, or one that asks for an unknown service."""


# A command of up to so many bytes counts as one.
_LIGHT = 16 * 1024
# An answer of up to so many bytes, as a usual page has, counts as no further command.
_LIGHT_ANSWER = 32 * 1024


class LatePayload(ABC):
    """A payload of which something is still to be found out, once the command was counted and has its turn.

    A door's clients may name a conversation by its people, say.
    """

    # What is known of the command so far.
    payload: dict[str, Any]

    @abstractmethod
    async def found(self) -> dict[str, Any]:
        """Return the whole payload, which `payload` is from then on.

        Raises:
            ChatError: there is no such thing; the command is refused so.
        """


class Answer(NamedTuple):
    """The one answer to a command: what it gives, or why not."""

    value: object | None = None
    error: ChatError | None = None

    def ack(self) -> dict[str, Any]:
        """Return the answer as Socket.IO acknowledges it."""
        if self.error is not None:
            return {"success": False, "error": self.error.to_wire()}
        return {"success": True} if self.value is None else {"success": True, **to_wire(self.value)}


@dataclass(frozen=True, slots=True)
class _Bound:
    command: Command
    loader: Loader[Any]
    handler: Handler
    services: tuple[object, ...]
    takes_request_id: bool
    turn: Turn


def bind(
    commands: Sequence[Command], modules: Iterable[ModuleType], services: Iterable[object]
) -> dict[str, _Bound]:
    """Find the handler of each command, by name: ``chat:message_send`` is ``handlers/chat.py:message_send``.

    A handler takes the caller, its payload, and after them the services that it names by their types.

    Raises:
        BindError: a row without a handler, a handler without a row, a service that nobody provides.
    """
    provided = {type(service): service for service in services}
    handlers: dict[str, Handler] = {}
    for module in modules:
        noun = module.__name__.rpartition(".")[2]
        for verb, found in vars(module).items():
            if inspect.iscoroutinefunction(found) and found.__module__ == module.__name__:
                handlers[f"{noun}:{verb}"] = found
    bound: dict[str, _Bound] = {}
    for command in commands:
        if command.name in bound:
            raise BindError(f"{command.name} stands in the table twice")
        handler = handlers.pop(command.name, None)
        if handler is None:
            raise BindError(f"{command.name} has no handler")
        wanted = _services_of(command.name, handler, provided)
        takes = {field.name for field in dataclasses.fields(command.takes)}
        bound[command.name] = _Bound(
            command, Loader(command.takes), handler, wanted, "request_id" in takes, command.turn
        )
    if handlers:
        raise BindError(f"no row in the table for {', '.join(sorted(handlers))}")
    return bound


def _services_of(
    name: str, handler: Handler, provided: Mapping[type, object]
) -> tuple[object, ...]:
    hints = get_type_hints(handler)
    parameters = list(inspect.signature(handler).parameters)
    try:
        return tuple(provided[hints[parameter]] for parameter in parameters[2:])
    except KeyError as error:
        raise BindError(f"{name} asks for {error}, which is no service") from None


class Gate:
    """Answers commands.

    Args:
        limiter: counts everything that is asked, and refuses what is too much before it costs anything.
        strict: refuse unknown fields (development); otherwise they are ignored and counted, so that a
            newer client survives a rolling deploy.
        timeout: seconds after which a command is answered UNAVAILABLE. The wait is abandoned, the work
            is not: what it commits is handed on, and the same ids settle what became of it.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        modules: Iterable[ModuleType],
        services: Iterable[object],
        *,
        limiter: Limiter,
        strict: bool,
        timeout: float,
    ) -> None:
        self._bound = bind(commands, modules, services)
        self._limiter = limiter
        self._strict = strict
        self.timeout = timeout
        self.ignored_fields: Counter[str] = Counter()
        self.tally = CommandTally(self._bound)
        self._running = 0
        self._idle = Signal()

    def turn(self, name: object) -> Turn:
        """Return when a command runs, among those of its connection; what is no command is refused at once."""
        bound = self._bound.get(name) if isinstance(name, str) else None
        return "free" if bound is None else bound.turn

    def gives_page(self, name: object) -> bool:
        """Return whether a command's answer may be a whole page, of which a connection has few under way."""
        bound = self._bound.get(name) if isinstance(name, str) else None
        return bound is not None and bound.command.page

    async def ask(self, session: Session, name: object, payload: object) -> Answer:
        """Answer a command, by the deadline; never raises."""
        received = time.monotonic()
        task = asyncio.get_running_loop().create_task(self.answer(session, name, payload))
        done, _ = await asyncio.wait((task,), timeout=self.timeout)
        answer = task.result() if done else Answer(error=unavailable())
        self.count(name, received, answer)
        return answer

    def count(self, name: object, received: float, answer: Answer) -> None:
        """Count the answer to a command received at that time (`time.monotonic`), for those who do not `ask`."""
        code = None if answer.error is None else answer.error.code
        self.tally.answered(name, time.monotonic() - received, code)

    @property
    def running(self) -> int:
        """How many commands are under way, those included whose clients were told UNAVAILABLE."""
        return self._running

    def weigh(self, session: Session, size: int) -> None:
        """Count a command by its size, before it is read: a large one costs as much as several.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if size > _LIGHT:
            self._limiter.command(session, "command", count=size // _LIGHT)

    def weigh_answer(self, session: Session, size: int) -> None:
        """Count an answer by its size: what it took to make a page of a mebibyte, others wait for."""
        if size > _LIGHT_ANSWER:
            self._limiter.answered(session, size // _LIGHT_ANSWER)

    def refuse(self, session: Session, error: ChatError) -> Answer:
        """Answer what is no command at all; it counts as one."""
        try:
            self._limiter.command(session, "command")
        except ChatError as limit:
            error = limit
        answer = Answer(error=error)
        self.count(None, time.monotonic(), answer)
        return answer

    async def finish(self, within: float) -> None:
        """Wait for the commands that still run, `within` seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._running:
                    await self._idle.wait()

    async def answer(self, session: Session, name: object, payload: object) -> Answer:
        """Answer a command, however long it takes; never raises.

        A caller that waits no longer than the deadline lets it run on, in a task of its own.
        """
        self._running += 1
        try:
            bound = self._bound.get(name) if isinstance(name, str) else None
            self._limiter.command(session, bound.command.limit if bound else "command")
            if bound is None:
                raise ChatError(code=ErrorCode.UNKNOWN_COMMAND)
            if session.expires_at + LEEWAY <= time.time():
                raise ChatError(
                    code=ErrorCode.AUTH_REQUIRED, details="Session expired. Please log in again."
                )
            if isinstance(payload, LatePayload):
                payload = await payload.found()
            cmd = self._understand(bound, payload)
            self._count_named(session, bound.command, cmd)
            ASKER.set(session)
            caller = Caller(session, _request(bound, cmd) if bound.takes_request_id else None)
            return Answer(await bound.handler(caller, cmd, *bound.services))
        except ChatError as error:
            return Answer(error=error)
        except Invalid as invalid:
            return Answer(error=ChatError(code=ErrorCode.VALIDATION_ERROR, fields=invalid.fields))
        except Exception:
            error_id = str(uuid.uuid4())
            _log.exception("a command crashed", command=name, error_id=error_id)
            return Answer(error=ChatError(code=ErrorCode.INTERNAL_ERROR, error_id=error_id))
        finally:
            self._running -= 1
            if not self._running:
                self._idle.fire()

    def _count_named(self, session: Session, command: Command, cmd: Any) -> None:
        """Count what is asked as the messages that it is, and as the further commands.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if command.rows is not None and (rows := command.rows(cmd)) > 1:
            self._limiter.command(session, command.limit, rows - 1)
        if command.limit == "message":
            pushes = 1 if command.pushes is None else max(1, command.pushes(cmd))
            self._limiter.message(session, cmd, pushes)
        elif command.limit == "search":
            self._limiter.search(session)

    def _understand(self, bound: _Bound, payload: object) -> Any:
        """Return the command's row, its caller and its payload.

        Raises:
            Invalid: nothing that the command takes.
        """
        cmd, unknown = bound.loader.load({} if payload is None else payload, strict=self._strict)
        if unknown:
            self.ignored_fields[bound.command.name] += len(unknown)
        return cmd


def _request(bound: _Bound, cmd: Any) -> Request | None:
    if cmd.request_id is None:
        return None
    body = orjson.dumps(
        dataclasses.replace(cmd, request_id=None), option=orjson.OPT_SORT_KEYS, default=str
    )
    return Request(command=bound.command.name, request_id=cmd.request_id, body=body)
