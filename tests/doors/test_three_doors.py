"""One conversation, at the doors of three systems: all see the same, each in their own system's shapes."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conftest import User
from tests.support.http import request
from tests.support.people import AtMain, AtMarketplace, AtMessaging, Person, Talk, opened_by_rest
from tests.support.servers import Server

DOORS: dict[str, type[Person]] = {
    "main": AtMain,
    "messaging": AtMessaging,
    "marketplace": AtMarketplace,
}
PAIRS = [*itertools.combinations(DOORS, 2)]


@asynccontextmanager
async def _talking(
    servers: tuple[Server, Server],
    pair: tuple[str, str],
    users: tuple[User, User],
    product: str | None,
) -> AsyncIterator[tuple[Person, Person, Talk]]:
    talk = await opened_by_rest(servers[0], *users, product)
    one, other = (
        DOORS[door](server, user, talk)
        for door, server, user in zip(pair, servers, users, strict=True)
    )
    await one.arrive()
    await other.arrive()
    yield one, other, talk
    await one.go()
    await other.go()


async def _shown(server: Server, user: User, talk: Talk) -> list[str]:
    """The texts that somebody who asks by REST is shown, the oldest first."""
    url = f"{server.url}/api/commands/chat:history"
    answer = await request("POST", url, user, json={"conversationId": talk.id})
    assert answer.status == 200, answer.body
    return [message["content"] for message in answer.body["messages"] if not message["is_deleted"]]


async def _play(one: Person, other: Person, talk: Talk) -> None:
    """Two people do all that both systems have a word for, and are told of it in order, once."""
    said = []
    for number in range(3):
        for speaker, hearer in ((one, other), (other, one)):
            text = f"{number} of {speaker.user.id}"
            message_id = await speaker.say(text)
            assert await hearer.hear(text) == message_id
            said.append((speaker, hearer, message_id, text))
    for speaker, hearer, message_id, _ in said[:2]:
        await hearer.read(message_id)
        await speaker.hear_read(message_id)
        if hearer.types:
            await hearer.type()
            await speaker.hear_typing()
    for speaker, hearer, message_id, _ in said[2:4]:
        await speaker.edit(message_id, "another text")
        await hearer.hear_edit(message_id, "another text")
    for speaker, hearer, message_id, _ in said[4:]:
        await speaker.erase(message_id)
        await hearer.hear_erased(message_id)
    for person in (one, other):
        assert await person.heard_twice() == []
        texts = [text for *_, text in said[:2]] + ["another text"] * 2
        assert await _shown(person.server, person.user, talk) == texts


@pytest.mark.parametrize("product", [None, "camera"])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_two_doors(
    server: Server, pair: tuple[str, str], product: str | None, alice: User, bob: User
) -> None:
    """Messages, readings, typing, other texts and erasures are told at another system's door, in order, once."""
    async with _talking((server, server), pair, (alice, bob), product) as talking:
        await _play(*talking)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_two_doors_of_two_processes(
    two_processes: tuple[Server, Server], pair: tuple[str, str], alice: User, bob: User
) -> None:
    """The same where the two are connected to different processes."""
    async with _talking(two_processes, pair, (alice, bob), "camera") as talking:
        await _play(*talking)


async def test_one_person_at_three_doors(server: Server, alice: User, bob: User) -> None:
    """Who is connected at all three doors is told at each, in order, once."""
    talk = await opened_by_rest(server, alice, bob, None)
    one = AtMain(server, alice, talk)
    all_of_bob = [kind(server, bob, talk) for kind in DOORS.values()]
    for person in (one, *all_of_bob):
        await person.arrive()
    for text in ("first", "second", "third"):
        message_id = await one.say(text)
        for person in all_of_bob:
            assert await person.hear(text) == message_id
    for person in (one, *all_of_bob):
        assert await person.heard_twice() == []
        await person.go()
