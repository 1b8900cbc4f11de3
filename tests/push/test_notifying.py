"""Who is told what, and when: judged when it is due, as things stand then."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.conftest import Connect, User
from tests.push.conftest import Notifying, Person, payload, subscribe
from tests.support.device import Device
from tests.support.push_services import PushServices
from tests.support.servers import Server
from tests.support.talks import opened, said

Connection = asyncpg.Connection


class Scene:
    """Alice and Bob in a conversation, with a browser of Bob's, and Carol beside them."""

    def __init__(
        self, server: Server, people: list[User], devices: list[Device], talk: str
    ) -> None:
        self.server = server
        self.alice, self.bob, self.carol = people
        self.a, self.b, self.c = devices
        self.talk = talk


@pytest.fixture
async def scene(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices
) -> AsyncIterator[Scene]:
    """A server that notifies by Web Push."""
    people = [await person(name) for name in ("alice", "bob", "carol")]
    async with notifying() as server:
        devices = [await connect(user, server.url) for user in people]
        a, b, c = devices
        await subscribe(b, services, "bob")
        await subscribe(c, services, "carol")
        yield Scene(server, people, devices, await opened(a, people[1]))


async def _nothing_more(scene: Scene, services: PushServices, told: int) -> None:
    """Nothing was told beyond so many calls: what comes later is told, and nothing else before it."""
    last = await said(scene.a, await opened(scene.a, scene.carol), "to carol")
    await services.until(lambda: any(call.to == "carol" for call in services.calls))
    assert services.calls[told].data["messageId"] == last["id"]
    assert len(services.calls) == told + 1


async def test_a_message_that_is_not_read(scene: Scene, services: PushServices) -> None:
    """Whoever has not read a message is told its ids and no text; the sender is not told."""
    await subscribe(scene.a, services, "alice")
    message = await said(scene.a, scene.talk, "a secret")
    (call,) = await services.expect()
    assert (call.to, call.data) == ("bob", payload(message))
    assert call.headers["topic"] == scene.talk.replace("-", "")
    assert call.headers["urgency"] == "high"
    await _nothing_more(scene, services, 1)


async def test_a_burst_is_one(scene: Scene, services: PushServices) -> None:
    """Messages within the delay are one notification, of the newest; the badge counts conversations."""
    other = await opened(scene.c, scene.bob)
    services.open.clear()
    for n in range(3):
        message = await said(scene.a, scene.talk, f"text {n}")
    late = await said(scene.c, other, "hello")
    services.open.set()
    calls = await services.expect(2)
    assert {call.data["messageId"] for call in calls} == {message["id"], late["id"]}
    assert {call.data["badge"] for call in calls} == {2}
    await _nothing_more(scene, services, 2)


async def test_what_was_read_is_not_told(scene: Scene, services: PushServices) -> None:
    """A message that is read before it is due is not told."""
    message = await said(scene.a, scene.talk, "one")
    await scene.b.do("chat:message_read", messageId=message["id"])
    await _nothing_more(scene, services, 0)


async def test_the_newest_that_stands(scene: Scene, services: PushServices) -> None:
    """What was erased, deleted for oneself or read meanwhile is passed over: an older one is told."""
    first, second, third, fourth = [await said(scene.a, scene.talk, f"{n}") for n in range(4)]
    await scene.a.do("chat:message_delete", messageId=fourth["id"])
    await scene.b.do("chat:message_delete", messageId=third["id"], deleteForEveryone=False)
    await scene.b.do("chat:message_read", messageIds=[second["id"]])
    (call,) = await services.expect()
    assert call.data == payload(first)


@pytest.mark.parametrize(
    "settings",
    [
        {"level": "none"},
        {"level": "mentions"},
        {"mutedUntil": "2099-01-01T00:00:00Z"},
    ],
)
async def test_settings_are_kept_to(
    scene: Scene, services: PushServices, settings: dict[str, Any]
) -> None:
    """Nobody is told of what is muted, or below their level, also where they set so after the message."""
    await said(scene.a, scene.talk, "one")
    await scene.b.do("chat:conversation_settings_set", conversationId=scene.talk, **settings)
    await _nothing_more(scene, services, 0)


async def test_those_in_front_of_it_are_not_told(scene: Scene, services: PushServices) -> None:
    """Whoever has the conversation in focus on any device is not told; once that device has gone, they are."""
    await scene.b.do("presence:focus", conversationId=scene.talk)
    await said(scene.a, scene.talk, "one")
    await _nothing_more(scene, services, 0)
    await scene.b.close()
    message = await said(scene.a, scene.talk, "two")
    await services.until(lambda: len(services.calls) == 2)
    assert services.calls[1].data == payload(message)


@pytest.mark.parametrize("command", ["user:block", "chat:conversation_block"])
async def test_a_block_is_kept_to(scene: Scene, services: PushServices, command: str) -> None:
    """A block by either that comes before a message is due keeps it from being told."""
    await said(scene.a, scene.talk, "one")
    about = (
        {"userId": "alice"}
        if command == "user:block"
        else {"conversationId": scene.talk, "block": True}
    )
    await scene.b.do(command, **about)
    await said(scene.c, await opened(scene.c, scene.bob), "two")
    (call,) = await services.expect()
    assert call.data["conversationId"] != scene.talk


async def test_a_hidden_conversation(scene: Scene, services: PushServices) -> None:
    """What was hidden with a conversation is not told; the message that brings it back is."""
    await said(scene.a, scene.talk, "one")
    await scene.b.do("chat:conversation_delete", conversationId=scene.talk)
    await _nothing_more(scene, services, 0)


async def test_those_who_are_out_are_not_told(scene: Scene, services: PushServices) -> None:
    """Whoever was removed before it was due is not told; whoever joined after the message is not, either."""
    made = await scene.a.do("group:create", title="Climbers", participantIds=["bob"])
    group = made["conversation"]["id"]
    await said(scene.a, group, "before carol")
    await scene.a.do("group:member_remove", conversationId=group, userId="bob")
    await scene.a.do("group:member_add", conversationId=group, userId="carol")
    await _nothing_more(scene, services, 0)


async def test_mentions(scene: Scene, services: PushServices) -> None:
    """Where any of a burst mentions somebody they are told so; with the level mentions, of these alone."""
    made = await scene.a.do("group:create", title="Climbers", participantIds=["bob", "carol"])
    group = made["conversation"]["id"]
    await scene.c.do("chat:conversation_settings_set", conversationId=group, level="mentions")
    services.open.clear()
    to_all = await said(scene.a, group, "@everyone look")
    await said(scene.a, group, "@bob you too")
    last = await said(scene.a, group, "that is all")
    services.open.set()
    calls = {call.to: call.data for call in await services.expect(2)}
    assert calls == {
        "bob": payload(last, kind="mention"),
        "carol": payload(to_all, kind="mention"),
    }


async def test_large_groups(
    scene: Scene, services: PushServices, rows: "Connection[asyncpg.Record]", connect: Connect
) -> None:
    """In a group of over a hundred those are told who are mentioned, or have set that they want all."""
    people = [f"m{n}" for n in range(110)]
    await rows.execute(
        "INSERT INTO chat_users (user_id, username) SELECT m, m FROM unnest($1::text[]) m", people
    )
    ids = ["bob", "carol", *people]
    made = await scene.a.do("group:create", title="x", participantIds=ids, maxMembers=200)
    group = made["conversation"]["id"]
    message = await said(scene.a, group, "nobody in particular")
    await scene.c.do("chat:conversation_settings_set", conversationId=group, level="all")
    other = await said(scene.a, group, "@bob hello")
    calls = await services.expect(2)
    assert {call.to: call.data["kind"] for call in calls} == {"bob": "mention", "carol": "message"}
    assert {call.data["messageId"] for call in calls} <= {message["id"], other["id"]}


async def test_content_is_told_where_it_may_be(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices
) -> None:
    """With PUSH_CONTENT a notification says who wrote, and how it begins, on one line; ciphertext is not shown."""
    alice, bob = await person("alice"), await person("bob")
    async with notifying(PUSH_CONTENT="on") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        await subscribe(b, services, "bob")
        talk = await opened(a, bob)
        message = await said(a, talk, "Hello\n\n  you" + "!" * 5000)
        (call,) = await services.expect()
        preview = ("Hello you" + "!" * 5000)[:140]
        assert call.data == payload(message) | {"sender": "Alice", "preview": preview}
        await a.do("chat:message_send", conversationId=talk, contentEncrypted="c2VjcmV0")
        calls = await services.expect(2)
        assert (calls[1].data["sender"], calls[1].data["preview"]) == ("Alice", "")


async def test_what_comes_meanwhile_is_told_after(scene: Scene, services: PushServices) -> None:
    """A message that comes while a notification is under way is another one, behind it."""
    services.open.clear()
    first = await said(scene.a, scene.talk, "one")
    await services.until(lambda: services.waiting > 0)
    second = await said(scene.a, scene.talk, "two")
    services.open.set()
    calls = await services.expect(2)
    assert [call.data["messageId"] for call in calls] == [first["id"], second["id"]]


async def test_devices_that_went_are_not_told(scene: Scene, services: PushServices) -> None:
    """A device that is removed, or added by somebody else, before a message is due is not told of it."""
    await said(scene.a, scene.talk, "one")
    browser = services.browsers["bob"].subscription
    await scene.c.do("push:device_add", provider="webpush", subscription=browser)
    # Carol alone is told, at both of her devices, and of what is hers.
    last = await said(scene.a, await opened(scene.a, scene.carol), "to carol")
    calls = await services.expect(2)
    assert {call.data["messageId"] for call in calls} == {last["id"]}


async def test_one_that_does_not_answer(scene: Scene, services: PushServices) -> None:
    """A push service that takes what comes and never answers keeps back nobody but its own device."""
    services.stuck.add("bob")
    await said(scene.a, scene.talk, "one")
    await services.until(lambda: services.waiting == 1)
    message = await said(scene.a, await opened(scene.a, scene.carol), "two")
    (call,) = await services.expect()
    assert (call.to, call.data) == ("carol", payload(message))
    assert services.waiting == 1


async def test_what_waited_for_a_day(
    scene: Scene, services: PushServices, rows: "Connection[asyncpg.Record]"
) -> None:
    """What was not accepted for 24 hours is dropped."""
    services.answer = lambda _: (503, {})
    await said(scene.a, scene.talk, "one")
    await services.until(lambda: len(services.calls) == 1)
    await rows.execute("UPDATE push_notices SET begun_at = now() - interval '25 hours'")
    services.answer = lambda _: (201, {})
    await _nothing_more(scene, services, 1)


async def test_the_gone_are_forgotten(
    scene: Scene, services: PushServices, rows: "Connection[asyncpg.Record]"
) -> None:
    """A device of which its push service says 410 or 404 is forgotten."""
    await subscribe(scene.b, services, "bob-2")
    services.answer = lambda call: (410 if call.to == "bob" else 404, {})
    await said(scene.a, scene.talk, "one")
    await services.until(lambda: len(services.calls) == 2)
    services.answer = lambda _: (201, {})
    await _nothing_more(scene, services, 2)
    left = await rows.fetch("SELECT user_id FROM push_devices")
    assert [row["user_id"] for row in left] == ["carol"]
