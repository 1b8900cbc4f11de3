"""Notifications through faults: at least once, none lost, and in the order of each conversation."""

import asyncio
import random
from collections import defaultdict

import asyncpg
import pytest
from redis.asyncio import Redis

from chatserver.push.outcome import Notice, PushOutcome
from chatserver.push.shares import MOST, Shares
from chatserver.push.webpush import WebPush
from tests.conftest import Connect
from tests.push.conftest import DELAY, Notifying, Person, payload, subscribe
from tests.support.patience import PATIENCE
from tests.support.push_services import Call, PushServices
from tests.support.servers import process_pair, process_server
from tests.support.talks import group_of, opened, said

_ON = {"PUSH_PRIVATE_ADDRESSES": "on", "PUSH_DELAY": DELAY}


async def test_a_service_that_fails(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices
) -> None:
    """A 500, a 403 and a 429 are tried again, each later than the service asks; the device stays."""
    alice, bob = await person("alice"), await person("bob")
    answers = iter([(500, {}), (403, {}), (429, {"Retry-After": "1"}), (201, {})])
    services.answer = lambda _: next(answers)
    async with notifying() as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        await subscribe(b, services, "bob")
        message = await said(a, await opened(a, bob), "one")
        await services.expect()
        assert [call.data for call in services.calls] == [payload(message)] * 4
        assert len((await b.do("push:device_list"))["devices"]) == 1


async def test_a_restart_loses_nothing(
    notifying: Notifying, person: Person, connect: Connect, services: PushServices
) -> None:
    """What was said before a server stopped, and was not due yet, is told by the next one."""
    alice, bob = await person("alice"), await person("bob")
    async with notifying(PUSH_DELAY="2000") as server:
        a, b = await connect(alice, server.url), await connect(bob, server.url)
        await subscribe(b, services, "bob")
        message = await said(a, await opened(a, bob), "one")
    assert services.calls == []
    async with notifying():
        (call,) = await services.expect()
    assert call.data == payload(message)


async def test_a_killed_process_loses_nothing(
    fresh_dsn: str, person: Person, connect: Connect, services: PushServices
) -> None:
    """A process that is killed while a notification is under way leaves it to the next one, after its lease."""
    alice, bob = await person("alice"), await person("bob")
    services.open.clear()
    services.answer = lambda _: (503, {})
    async with process_server(fresh_dsn, **_ON) as first:
        a, b = await connect(alice, first.url), await connect(bob, first.url)
        await subscribe(b, services, "bob")
        talk = await opened(a, bob)
        message = await said(a, talk, "one")
        await services.until(lambda: services.waiting == 1)
        # Not read from the log when the process dies.
        other = await said(b, talk, "two")
        assert first.process is not None
        first.process.kill()
        services.open.set()
        await services.until(lambda: len(services.calls) == 1)
        services.answer = lambda _: (201, {})
    async with process_server(fresh_dsn, **_ON) as second:
        await subscribe(await connect(alice, second.url), services, "alice")
        await services.until(lambda: any(call.to == "bob" for call in services.accepted))
        again = await said(await connect(bob, second.url), talk, "three")
        await services.until(lambda: any(call.to == "alice" for call in services.accepted))
    told = {call.to: call.data["messageId"] for call in services.accepted}
    assert told["bob"] == message["id"]
    assert told["alice"] in (other["id"], again["id"])


async def test_two_processes_and_a_bad_service(
    fresh_dsn: str,
    redis_url: str,
    redis: Redis,
    person: Person,
    connect: Connect,
    services: PushServices,
) -> None:
    """Of twelve conversations at two processes, one of which is killed, the last message of each reaches the hook.

    The seqs of each conversation never go back, though the hook fails for one call in five.
    """
    dice = random.Random(1)

    def answer(_call: Call) -> tuple[int, dict[str, str]]:
        return (500 if dice.random() < 0.2 else 204), {}

    services.answer = answer
    alice = await person("alice")
    people = [await person(f"p{n}") for n in range(12)]
    last: dict[str, str] = {}
    async with process_pair(
        fresh_dsn, redis_url, **_ON, **services.hook_variables, CONVERSATIONS_PER_HOUR="0"
    ) as (one, two):
        first, second = await connect(alice, one.url), await connect(alice, two.url)
        talks = [await opened(first, other) for other in people]
        for device in (first, second):
            for talk in talks:
                last[talk] = (await said(device, talk, "hello"))["id"]
            # Some are told by now, some are under way, and some are not due.
            await services.until(lambda: len(services.calls) >= 4)
            if device is first:
                assert one.process is not None
                one.process.kill()

        def all_told() -> bool:
            told = {call.data["messageId"] for call in services.accepted}
            return told >= set(last.values())

        async with asyncio.timeout(PATIENCE):
            await services.until(all_told)
    seqs = defaultdict(list)
    for call in services.accepted:
        seqs[call.data["conversationId"]].append(call.data["seq"])
    assert all(found == sorted(found) for found in seqs.values())


async def test_focus_on_another_process(
    fresh_dsn: str,
    redis_url: str,
    redis: Redis,
    person: Person,
    connect: Connect,
    services: PushServices,
) -> None:
    """Whoever has the conversation in focus at one process is told by none."""
    alice, bob, carol = [await person(name) for name in ("alice", "bob", "carol")]
    async with process_pair(fresh_dsn, redis_url, **_ON) as (one, two):
        a = await connect(alice, one.url)
        b, c = await connect(bob, two.url), await connect(carol, one.url)
        await subscribe(b, services, "bob")
        await subscribe(c, services, "carol")
        talk = await opened(a, bob)
        await b.do("presence:focus", conversationId=talk)
        await said(a, talk, "one")
        message = await said(a, await opened(a, carol), "two")
        (call,) = await services.expect()
        assert (call.to, call.data) == ("carol", payload(message))


async def test_one_person_s_slow_services_hold_up_nobody_else(
    notifying: Notifying,
    person: Person,
    connect: Connect,
    services: PushServices,
    rows: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of forty notices to one person's devices, whose services never answer, eight are under way at most."""
    alice, bob, mallory = await person("alice"), await person("bob"), await person("mallory")
    under_way, most = 0, 0
    send = WebPush.send

    async def counted(self: WebPush, notice: Notice) -> PushOutcome:
        nonlocal under_way, most
        if notice.user_id != "mallory":
            return await send(self, notice)
        under_way += 1
        most = max(most, under_way)
        try:
            return await send(self, notice)
        finally:
            under_way -= 1

    monkeypatch.setattr(WebPush, "send", counted)
    talks = [await group_of(rows, {alice: "owner", mallory: "member"}) for _ in range(8)]
    services.stuck = {f"mallory{n}" for n in range(5)}
    async with notifying() as server:
        a = await connect(alice, server.url)
        b, m = await connect(bob, server.url), await connect(mallory, server.url)
        await subscribe(b, services, "bob")
        for name in services.stuck:
            await subscribe(m, services, name)
        talk = await opened(a, bob)
        for one in talks:
            await said(a, one, "hold")
        await services.until(lambda: services.waiting >= MOST)
        message = await said(a, talk, "one")
        (call,) = await services.expect()
    assert (call.to, call.data) == ("bob", payload(message))
    assert most == MOST


def test_whose_service_was_slow_has_one_place() -> None:
    """Whose service took long has one notice under way at a time for ten minutes; others lose nothing."""
    now = 0.0
    shares = Shares(lambda: now)
    with shares.timed("mallory"):
        now = 5.0
    assert shares.take("mallory")
    assert not shares.take("mallory")
    assert all(shares.take("bob") for _ in range(MOST))
    assert not shares.take("bob")
    shares.leave("mallory")
    assert shares.take("mallory")
    now = 700.0
    assert shares.take("mallory")
