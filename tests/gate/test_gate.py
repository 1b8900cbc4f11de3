"""The gate: bound at start-up, one answer to everything."""

import asyncio
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from chatserver.core.caller import Caller, Session, User
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.gate import BindError, Gate, bind
from chatserver.schemas.base import Empty, Retryable
from chatserver.schemas.table import Command
from tests.support.limits import generous
from tests.support.patience import PATIENCE


class Service:
    """What a handler may ask for."""

    def __init__(self) -> None:
        self.callers: list[Caller] = []
        self.finished = asyncio.Event()
        self.go_on = asyncio.Event()


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An answer."""

    the_number: int


async def works(caller: Caller, cmd: Retryable, service: Service) -> Done:
    service.callers.append(caller)
    return Done(the_number=7)


async def crashes(caller: Caller, cmd: Empty) -> None:
    raise RuntimeError("the secret of the text")


async def refuses(caller: Caller, cmd: Empty) -> None:
    raise ChatError(code=ErrorCode.CONFLICT)


async def stalls(caller: Caller, cmd: Empty, service: Service) -> None:
    await service.go_on.wait()
    service.finished.set()


def module(**handlers: Any) -> ModuleType:
    """A handler module `noun` with these verbs."""
    made = ModuleType("handlers.noun")
    for verb, handler in handlers.items():
        handler.__module__ = made.__name__
        setattr(made, verb, handler)
    return made


def row(verb: str, takes: type = Empty, gives: type | None = None) -> Command:
    """A row of the command table."""
    return Command(f"noun:{verb}", takes=takes, gives=gives, doc="A command.")


HANDLERS = {"works": works, "crashes": crashes, "refuses": refuses, "stalls": stalls}
ROWS = [row("works", Retryable, Done), *(row(verb) for verb in ("crashes", "refuses", "stalls"))]


def session(expires_in: float = 60.0) -> Session:
    """A session of somebody."""
    user = User(id="u", username="u", display_name="U")
    return Session(user=user, connection_id="c", expires_at=time.time() + expires_in)


def gate(service: Service, timeout: float = 5.0) -> Gate:
    """A gate to the handlers above."""
    return Gate(
        ROWS,
        [module(**HANDLERS)],
        [service],
        limiter=generous(),
        strict=True,
        timeout=timeout,
    )


@pytest.mark.parametrize(
    ("rows", "handlers", "services", "wrong"),
    [
        (
            [row("works"), row("missing")],
            {"works": works},
            [Service],
            "noun:missing has no handler",
        ),
        (
            [row("works")],
            {"works": works, "more": refuses},
            [Service],
            "no row in the table for noun:more",
        ),
        ([row("works")], {"works": works}, [], "which is no service"),
        (
            [row("works"), row("works")],
            {"works": works},
            [Service],
            "noun:works stands in the table twice",
        ),
    ],
)
async def test_rows_and_handlers_belong_together(
    rows: list[Command], handlers: dict[str, Any], services: list[type], wrong: str
) -> None:
    """A row without a handler, a handler without a row, or an unknown service keeps the server from starting."""
    with pytest.raises(BindError, match=wrong):
        bind(rows, [module(**handlers)], [service() for service in services])


async def test_an_answer_is_an_ack() -> None:
    """What a handler gives is acked in camelCase, and its request id reaches it with the payload."""
    service = Service()
    answer = await gate(service).ask(session(), "noun:works", {"requestId": "r-1"})
    assert answer.ack() == {"success": True, "theNumber": 7}
    (caller,) = service.callers
    assert caller.request is not None
    assert (caller.request.command, caller.request.request_id) == ("noun:works", "r-1")
    assert caller.request.body == b'{"request_id":null}'


async def test_a_crash_is_answered_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that crashes is an INTERNAL_ERROR whose errorId finds the log line, and no more."""
    answer = await gate(Service()).ask(session(), "noun:crashes", {})
    error = answer.ack()["error"]
    assert (error["code"], error["retryable"]) == ("INTERNAL_ERROR", False)
    assert set(error) == {"code", "message", "retryable", "errorId"}
    assert "secret" not in str(error)
    assert error["errorId"] in caplog.text


@pytest.mark.parametrize(
    ("name", "payload", "expires_in", "code"),
    [
        ("noun:refuses", {}, 60, "CONFLICT"),
        ("noun:nothing", {}, 60, "UNKNOWN_COMMAND"),
        (5, {}, 60, "UNKNOWN_COMMAND"),
        (None, None, 60, "UNKNOWN_COMMAND"),
        ("noun:refuses", {"what": 1}, 60, "VALIDATION_ERROR"),
        ("noun:refuses", {}, -60, "AUTH_REQUIRED"),
    ],
)
async def test_refusals_have_codes(
    name: object, payload: object, expires_in: float, code: str
) -> None:
    """Whatever is wrong with an ask, its answer says so with a code."""
    answer = await gate(Service()).ask(session(expires_in), name, payload)
    assert answer.error is not None
    assert answer.error.code == code


async def test_a_deadline_abandons_the_wait_and_not_the_work() -> None:
    """Past its deadline a command is answered UNAVAILABLE, to be retried; what it does goes on to its end."""
    service = Service()
    asking = gate(service, timeout=0.05)
    answer = await asking.ask(session(), "noun:stalls", {})
    assert answer.error is not None
    assert (answer.error.code, answer.error.retryable) == ("UNAVAILABLE", True)
    service.go_on.set()
    await asyncio.wait_for(service.finished.wait(), PATIENCE)
    await asking.finish(10)
