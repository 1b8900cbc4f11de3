"""One client's commands: changes in their order, queries behind them, pings beside them, each within its time."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import orjson

from tests.conftest import Connect, User
from tests.support.patience import PATIENCE
from tests.support.raw import raw_client
from tests.support.servers import Server, local_server
from tests.support.talks import opened, said


async def test_a_blocked_command(
    dsn: str,
    db: "asyncpg.Pool[asyncpg.Record]",
    connect: Connect,
    alice: User,
    bob: User,
    carol: User,
) -> None:
    """While one change waits for a lock, pings and typing are answered; queries and changes after it wait for it.

    The first is answered UNAVAILABLE when its time is over, and what came behind it after it.
    """
    b = await connect(bob)
    opened = await b.do("chat:conversation_open", recipientId=alice.id)
    # In this time a busy machine has to answer the ping.
    async with local_server(dsn, COMMAND_TIMEOUT="3000") as server:
        conversation_id = opened["conversation"]["id"]
        payload = {"conversationId": conversation_id, "content": "A", "clientMessageId": "A"}
        blocked = orjson.dumps(payload).decode()
        async with raw_client(server.url, alice.token) as raw:
            async with db.acquire() as connection, connection.transaction():
                await connection.execute(
                    "SELECT FROM conversations WHERE id = $1 FOR UPDATE", conversation_id
                )
                await raw.frame(f'421["chat:message_send",{blocked}]')
                await raw.frame(f'422["chat:history",{{"conversationId":"{conversation_id}"}}]')
                await raw.frame('423["system:ping",{}]')
                # A change elsewhere, which nothing holds up but its turn.
                await raw.frame(f'424["chat:conversation_open",{{"recipientId":"{carol.id}"}}]')
                typing = f'{{"conversationId":"{conversation_id}","isTyping":true}}'
                await raw.frame(f'425["chat:typing",{typing}]')
                came = {}
                order = []
                while len(order) < 5:
                    packet = await raw.packet()
                    number, _, body = packet.partition("[")
                    if number in ("31", "32", "33", "34", "35"):
                        order.append(number)
                        (came[number],) = orjson.loads("[" + body)
            assert set(order[:2]) == {"33", "35"}
            assert came["33"]["success"] is came["35"]["success"] is True
            assert order[2] == "31"
            assert came["31"]["error"]["code"] == "UNAVAILABLE"
            assert came["31"]["error"]["retryable"] is True
            # Its time, from receipt, was over as well: it is told so, in its turn.
            assert came["34"]["error"]["code"] == "UNAVAILABLE"
            # What was abandoned is done when the lock is gone, once: the retry finds it.
            async with asyncio.timeout(PATIENCE):
                while True:
                    retried = await raw.ask("chat:message_send", blocked)
                    if retried["success"]:
                        break
            assert retried["duplicate"] is True
            await raw.works()


async def test_a_connection_reads_its_own_changes(
    connect: Connect, server: Server, alice: User, bob: User
) -> None:
    """What is asked for behind a change shows it, although nobody waited for the change to be acked."""
    a = await connect(alice)
    talk = await opened(a, bob)
    first = await said(a, talk, "first")
    of_talk = {"conversationId": talk}

    def texts(ack: Any) -> Any:
        return [message["content"] for message in ack["messages"]]

    steps: list[tuple[str, dict[str, Any], str, dict[str, Any], Callable[[Any], Any], Any]] = [
        (
            "chat:message_send",
            {**of_talk, "content": "second"},
            "chat:history",
            of_talk,
            texts,
            ["first", "second"],
        ),
        (
            "chat:message_edit",
            {"messageId": first["id"], "content": "one"},
            "chat:history",
            of_talk,
            texts,
            ["one", "second"],
        ),
        (
            "chat:message_pin",
            {"messageId": first["id"]},
            "chat:pins",
            of_talk,
            texts,
            ["one"],
        ),
        (
            "group:create",
            {"title": "Climbers"},
            "group:list",
            {},
            lambda ack: [group["title"] for group in ack["groups"]],
            ["Climbers"],
        ),
        (
            "chat:conversation_mark_unread",
            of_talk,
            "chat:conversation_get",
            of_talk,
            lambda ack: ack["conversation"]["unread_count"],
            1,
        ),
        (
            "chat:message_delete",
            {"messageId": first["id"]},
            "chat:sync",
            {**of_talk, "afterSeq": 0},
            lambda ack: ack["events"][-1]["event"],
            "chat:message_deleted",
        ),
        (
            "chat:conversation_delete",
            of_talk,
            "chat:conversation_list",
            {},
            lambda ack: [shown["type"] for shown in ack["conversations"]],
            ["group"],
        ),
    ]
    async with raw_client(server.url, alice.token) as raw:
        for number, (change, changed, query, asked, seen, right) in enumerate(steps):
            # Several queries: they do not wait for each other.
            await raw.frame(f'421{number}["{change}",{orjson.dumps(changed).decode()}]')
            for nth in (2, 3):
                await raw.frame(f'42{nth}{number}["{query}",{orjson.dumps(asked).decode()}]')
            acks: dict[str, Any] = {}
            while len(acks) < 3:
                head, _, body = (await raw.packet()).partition("[")
                if head.startswith("3"):
                    (acks[head[1:]],) = orjson.loads("[" + body)
            assert acks[f"1{number}"]["success"] is True, change
            assert [seen(acks[f"{nth}{number}"]) for nth in (2, 3)] == [right, right], query
