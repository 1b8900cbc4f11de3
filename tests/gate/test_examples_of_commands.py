"""The examples of the reference are done, and every push comes, in the shapes that the reference gives them."""

import pytest

from chatserver import schemas
from chatserver.reference import openapi
from chatserver.schemas import examples
from chatserver.schemas.examples import EXAMPLES
from chatserver.schemas.table import Command, Rest
from chatserver.schemas.wire import Loader, snake
from tests.conftest import Connect, User
from tests.support.clamd import FakeClamd, clamd
from tests.support.examples import World, made_real
from tests.support.files import sent, uploaded
from tests.support.http import request
from tests.support.servers import Server, local_server
from tests.support.talks import said

ROUTES = [(command, rest) for command in schemas.COMMANDS for rest in command.rest]


@pytest.fixture
async def world(connect: Connect, alice: User, bob: User, carol: User) -> World:
    """What the examples speak of."""
    return await made_real(connect, alice, bob, carol)


@pytest.mark.parametrize("command", schemas.COMMANDS, ids=lambda command: command.name)
async def test_the_example_of_a_command(
    command: Command, world: World, server: Server, alice: User
) -> None:
    """The example of each command is done, over Socket.IO and, as the same change again, over REST."""
    payload = world.real(EXAMPLES[command.name])
    if "request_id" in Loader(command.takes).fields:
        payload["requestId"] = "once"
    await world.alice.do(command.name, **payload)
    url = f"{server.url}/api/commands/{command.name}"
    answer = await request("POST", url, alice, json=payload)
    assert (answer.status, answer.body.get("success")) == (200, True), answer.body


@pytest.mark.parametrize(
    ("command", "rest"), ROUTES, ids=[f"{rest.method} {rest.path} {c.name}" for c, rest in ROUTES]
)
async def test_the_example_of_a_route(
    command: Command, rest: Rest, world: World, server: Server, alice: User
) -> None:
    """The example of each REST route is answered with the route's status, in the document's shape."""
    named = {"message_id": examples.MESSAGE, "conversation_id": examples.CONVERSATION}
    named |= {snake(name): value for name, value in EXAMPLES[command.name].items()}
    path = rest.path.format_map(world.real(named))
    operation = openapi.document()["paths"][rest.path][rest.method.lower()]
    body = None
    if "requestBody" in operation:
        body = world.real(operation["requestBody"]["content"]["application/json"]["example"])
        if rest.chosen_by:
            body[rest.chosen_by.field] = rest.chosen_by.value
    answer = await request(rest.method, server.url + path, alice, json=body)
    assert answer.status == rest.status, answer.body


async def _more_pushes(world: World) -> None:
    """Those that no example brings about, but for the farewell."""
    message = world.ids[examples.MESSAGE]
    listed = await world.bob.do("chat:conversation_list")
    await world.bob.sio.disconnect()
    # Nobody awaits this one, so its failure is pushed.
    await world.alice.sio.emit("chat:message_read", {})
    await world.alice.expect("error", take=False)
    await world.alice.do("chat:message_read", messageId=message)
    await world.alice.do("chat:message_delete", messageId=message, deleteForEveryone=False)
    await world.bob.connect({"token": world.bob.token, "since": listed["offset"]})


async def _file_updated(world: World, scanner: FakeClamd) -> None:
    """A file that is sent while it is looked at."""
    scanner.free.clear()
    talk = world.ids[examples.CONVERSATION]
    file = await uploaded(world.alice.url, world.alice, talk, b"bytes", wait=False)
    await sent(world.alice, talk, file["id"])
    scanner.free.set()
    await world.bob.expect("chat:file_updated", take=False)


async def test_every_push_comes(
    dsn: str, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Whatever the table says is pushed is pushed by a real server, in the shape that the table gives it."""
    async with clamd() as scanner, local_server(dsn, CLAMD_URL=scanner.url) as server:
        world = await made_real(connect, alice, bob, carol, server.url)
        await _more_pushes(world)
        await _file_updated(world, scanner)
        # The message that was deleted is not there to react to.
        world.ids[examples.MESSAGE] = (
            await said(world.bob, world.ids[examples.CONVERSATION], "Are you there?")
        )["id"]
        for name, example in EXAMPLES.items():
            await world.alice.do(name, **world.real(example))
        # A moment after what it is about, so the acks do not wait for it.
        await world.bob.expect("chat:message_status_updated", take=False)
        # Up to a second after the last that was pushed.
        await world.bob.expect("session:offset", take=False)
        devices = (world.alice, world.bob, world.carol)
        for device in devices:
            await device.settled()
        assert server.app is not None
        await server.app.open_doors.drain(0)
        for device in devices:
            await device.expect("session:draining", take=False)
    came = [push for device in devices for push in device.pushes]
    # Connecting has taken it.
    came.append(("session:ready", world.alice.ready))
    seen = {(name, "personalSeq" in data) for name, data in came}
    assert seen == {(push.name, push.personal) for push in schemas.PUSHES}
