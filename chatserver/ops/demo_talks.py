"""The conversations of the demo, made once, by the commands that clients send.

A group with roles, mentions, a pin and an announcement; a chat about a product; a direct chat that is long enough
to scroll. Everybody has received all of it, so clients are told nothing of it when they connect; some is unread.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import asyncpg

from chatserver.app import build
from chatserver.config import Settings
from chatserver.core.caller import Session
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.gate import Gate
from chatserver.ops import demo, demo_texts
from chatserver.store.connect import Connector

_log = get_logger(__name__)

_PRODUCT = ("demo-bicycle", "Touring bicycle, 54 cm")
# The message that is sent when all else is there. It stays, also where people delete and hide.
_LAST = "demo-last"
_IS_MADE = """
SELECT EXISTS (
    SELECT FROM conversations c
    JOIN messages m
        ON client_key(m.conversation_id, m.sender_id, m.client_message_id) = client_key(c.id, 'bob', $1)
    WHERE c.type = 'direct' AND c.user_low = 'alice' AND c.user_high = 'bob' AND c.product_id = '')
"""
# Two dozen events of a conversation are half an hour, and there are seven hours between them.
_MOMENT = """
    CREATE OR REPLACE FUNCTION pg_temp.moment_of(seq bigint, last_seq bigint) RETURNS timestamptz
    LANGUAGE sql STABLE AS $$
        SELECT (now() - (last_seq - seq) / 24 * interval '7 hours'
            - (last_seq - seq) % 24 * interval '80 seconds')::timestamptz(3)
    $$
"""
_BACKDATING = (
    """
    UPDATE events e SET created_at = pg_temp.moment_of(e.seq, c.last_seq)
    FROM conversations c WHERE c.id = $1 AND e.stream_id = c.id
    """,
    """
    UPDATE messages m SET created_at = pg_temp.moment_of(m.seq, c.last_seq)
    FROM conversations c WHERE c.id = $1 AND m.conversation_id = c.id
    """,
    """
    UPDATE participants p SET joined_at = pg_temp.moment_of(p.joined_seq, c.last_seq)
    FROM conversations c WHERE c.id = $1 AND p.conversation_id = c.id
    """,
    """
    UPDATE conversations c SET created_at = pg_temp.moment_of(1, c.last_seq),
        last_message_at = pg_temp.moment_of(c.last_message_seq, c.last_seq)
    WHERE c.id = $1
    """,
)
_MANY = 1_000_000


async def make(dsn: str, settings: Settings) -> None:
    """Make the conversations, unless they are there; the users are. A second time, nothing happens.

    Where people of the demo have blocked each other, say, or the products are somebody else's, some of it is left
    out, and the log says so.

    Raises:
        ConfigError, DatabaseAwayError, OSError: the database cannot be reached.
    """
    connection = await Connector(settings.database, dsn).connect()
    try:
        if not await connection.fetchval(_IS_MADE, _LAST):
            await _play(connection, dsn, settings)
    except (ChatError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # A server that can serve is not kept from it by a demo.
        why = error.code if isinstance(error, ChatError) else type(error).__name__
        _log.warning("the demo's conversations were not all made", why=why)
    finally:
        await connection.close()


async def _play(
    connection: "asyncpg.Connection[asyncpg.Record]", dsn: str, settings: Settings
) -> None:
    await connection.execute(
        "INSERT INTO products (id, title) VALUES ($1, $2) ON CONFLICT DO NOTHING", *_PRODUCT
    )
    # Nobody else is served by this, so nobody's limits count, and no other process need be told.
    alone = replace(
        settings,
        redis_url=None,
        message_rate_limit=_MANY,
        client_message_rate_limit=_MANY,
        command_rate_limit=_MANY,
        search_rate_limit=_MANY,
    )
    async with build(alone, dsn, lambda: None) as app:
        sessions = {
            user: await app.authenticator.authenticate(token, f"demo-{user}")
            for user, token in demo.tokens(settings).items()
        }
        await _Stage(app.gate, sessions).play(connection)


class _Stage:
    """Where the demo's people do what they do; asked again under the same ids, they do nothing twice."""

    def __init__(self, gate: Gate, sessions: Mapping[str, Session]) -> None:
        self._gate = gate
        self._sessions = sessions
        # Conversations in which nobody had said anything: the times of others are not ours to change.
        self._new: list[str] = []

    async def play(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Make all conversations, backdate them, and end with what is new.

        Raises:
            ChatError: a command was refused.
        """
        chat = await self._direct("alice", "bob", demo_texts.long_talk())
        about = await self._direct("dave", "alice", demo_texts.PRODUCT, product_id=_PRODUCT[0])
        group = await self._group()
        async with connection.transaction():
            await connection.execute(_MOMENT)
            for conversation in self._new:
                for statement in _BACKDATING:
                    await connection.execute(statement, conversation)
            # Behind a pooler, the session is the next one's.
            await connection.execute("DROP FUNCTION pg_temp.moment_of")
        for number, (user, text) in enumerate(demo_texts.UNREAD_IN_GROUP):
            await self._say(user, f"new-{number}", text, conversation_id=group)
        await self._received(about, "alice", "dave")
        await self._received(group, *demo.USERS)
        for number, text in enumerate(demo_texts.UNREAD_OF_BOB):
            await self._say("bob", f"new-{number}", text, conversation_id=chat)
        await self._say("bob", _LAST, demo_texts.LAST, conversation_id=chat)
        await self._received(chat, "alice", "bob")

    async def _direct(
        self, opener: str, other: str, lines: demo_texts.DemoLines, product_id: str | None = None
    ) -> str:
        product = {"product_id": product_id} if product_id else {}
        opened = await self._do(opener, "chat:conversation_open", recipient_id=other, **product)
        conversation = self._begun(opened["conversation"])
        await self._talk(conversation, lines)
        await self._read(conversation, opener, other)
        return conversation

    def _begun(self, conversation: Mapping[str, Any]) -> str:
        """Note a conversation that was opened; return its id."""
        found: str = conversation["id"]
        if conversation["last_message_at"] is None:
            self._new.append(found)
        return found

    async def _group(self) -> str:
        made = await self._do(
            "alice",
            "group:create",
            title=demo_texts.GROUP,
            description=demo_texts.GROUP_DESCRIPTION,
            participant_ids=["bob", "carol", "dave"],
            request_id="demo-group",
        )
        group = self._begun(made["conversation"])
        for user, role in (("carol", "admin"), ("dave", "moderator")):
            await self._do(
                "alice", "group:promote", conversation_id=group, user_id=user, role=role,
                request_id=f"demo-{user}",
            )  # fmt: skip
        said = await self._talk(group, demo_texts.IN_GROUP)
        await self._do("alice", "chat:message_pin", message_id=said[0], request_id="demo-pin")
        await self._do(
            "alice", "group:announce", conversation_id=group, content=demo_texts.ANNOUNCEMENT,
            client_message_id="demo-announcement",
        )  # fmt: skip
        await self._read(group, *demo.USERS)
        return group

    async def _talk(self, conversation: str, lines: demo_texts.DemoLines) -> list[str]:
        """Say all lines in their order, with what people answer to them; return the ids of the messages."""
        said: list[str] = []
        for number, line in enumerate(lines):
            reply = {} if line.to is None else {"reply_to_message_id": said[number - line.to]}
            said.append(
                await self._say(
                    line.user, str(number), line.text, conversation_id=conversation, **reply
                )
            )
            for user, reaction in line.reactions:
                await self._do(
                    user, "chat:reaction_add", message_id=said[-1], reaction=reaction,
                    request_id=f"demo-{conversation}-{number}",
                )  # fmt: skip
        return said

    async def _say(self, user: str, name: str, text: str, **where: str) -> str:
        client_message_id = name if name == _LAST else f"demo-{name}"
        sent = await self._do(
            user, "chat:message_send", content=text, client_message_id=client_message_id, **where
        )
        message_id: str = sent["message"]["id"]
        return message_id

    async def _read(self, conversation: str, *users: str) -> None:
        await self._up_to_now("chat:message_read", conversation, users)

    async def _received(self, conversation: str, *users: str) -> None:
        await self._up_to_now("chat:message_delivered", conversation, users)

    async def _up_to_now(self, name: str, conversation: str, users: tuple[str, ...]) -> None:
        for user in users:
            found = await self._do(user, "chat:conversation_get", conversation_id=conversation)
            last = found["conversation"]["last_seq"]
            await self._do(user, name, conversation_id=conversation, up_to_seq=last)

    async def _do(self, user: str, name: str, **payload: Any) -> dict[str, Any]:
        answer = await self._gate.ask(self._sessions[user], name, payload)
        if answer.error is not None:
            raise answer.error
        return answer.ack()
