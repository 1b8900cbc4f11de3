"""Servers that notify fakes on loopback, each with a database of its own, and people in it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import asyncpg
import pytest

from tests.conftest import User, token_for
from tests.support.device import Device
from tests.support.push_services import PushServices, push_services
from tests.support.servers import VAPID_PUBLIC_KEY, Server, local_server

# Milliseconds: bursts are one, and a test does not wait long.
DELAY = "300"

Notifying = Callable[..., AbstractAsyncContextManager[Server]]
Person = Callable[[str], Awaitable[User]]


@pytest.fixture
async def services() -> AsyncIterator[PushServices]:
    """A push service, Firebase and a hook."""
    async with push_services(VAPID_PUBLIC_KEY) as running:
        yield running


@pytest.fixture
def notifying(fresh_dsn: str) -> Notifying:
    """Starts a server on the test's database."""
    return partial(local_server, fresh_dsn, PUSH_PRIVATE_ADDRESSES="on", PUSH_DELAY=DELAY)


@pytest.fixture
async def rows(fresh_dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection to the test's database."""
    connection = await asyncpg.connect(fresh_dsn)
    yield connection
    await connection.close()


@pytest.fixture
def person(rows: "asyncpg.Connection[asyncpg.Record]") -> Person:
    """Makes somebody in the test's database."""

    async def make(name: str) -> User:
        await rows.execute(
            "INSERT INTO chat_users (user_id, username, display_name) VALUES ($1, $1, initcap($1))",
            name,
        )
        return User(name, token_for(name))

    return make


async def subscribe(device: Device, services: PushServices, name: str) -> str:
    """Add a browser of that name for the device's user; gives the id."""
    ack = await device.do(
        "push:device_add", provider="webpush", subscription=services.browser(name).subscription
    )
    device_id: str = ack["device"]["id"]
    return device_id


def payload(message: dict[str, Any], badge: int = 1, kind: str = "message") -> dict[str, Any]:
    """What a person is told of a message."""
    return {
        "kind": kind,
        "conversationId": message["conversation_id"],
        "messageId": message["id"],
        "seq": message["seq"],
        "badge": badge,
    }
