"""One client's commands: changes in their order, reads and pings beside them, each answered within its time."""

import asyncio

import asyncpg
import orjson

from tests.conftest import Connect, User
from tests.support.raw import raw_client
from tests.support.servers import local_server


async def test_a_blocked_command(
    dsn: str,
    db: "asyncpg.Pool[asyncpg.Record]",
    connect: Connect,
    alice: User,
    bob: User,
    carol: User,
) -> None:
    """While one change waits for a lock, reads and pings are answered, and the next change waits its turn.

    The first is answered UNAVAILABLE when its time is over, and the next after it.
    """
    async with local_server(dsn, COMMAND_TIMEOUT="300") as server:
        b = await connect(bob, server.url)
        opened = await b.do("chat:conversation_open", recipientId=alice.id)
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
                came = {}
                order = []
                while len(order) < 4:
                    packet = await raw.packet()
                    number, _, body = packet.partition("[")
                    if number in ("31", "32", "33", "34"):
                        order.append(number)
                        (came[number],) = orjson.loads("[" + body)
            assert sorted(order[:2]) == ["32", "33"]
            assert came["32"]["success"] is True
            assert came["33"]["success"] is True
            assert order[2:] == ["31", "34"]
            assert came["31"]["error"]["code"] == "UNAVAILABLE"
            assert came["31"]["error"]["retryable"] is True
            # Its time, from receipt, was over as well: it is told so, in its turn.
            assert came["34"]["error"]["code"] == "UNAVAILABLE"
            # What was abandoned is done when the lock is gone, once: the retry finds it.
            async with asyncio.timeout(10):
                while True:
                    retried = await raw.ask("chat:message_send", blocked)
                    if retried["success"]:
                        break
            assert retried["duplicate"] is True
            await raw.works()
