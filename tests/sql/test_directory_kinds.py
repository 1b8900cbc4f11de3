"""The same scenarios whatever the directory's ids are: the main back end's integers or UUIDs, or our own text."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg
import pytest
import structlog

from chatserver.sessions import revocations
from chatserver.store.migrate import migrate
from tests.conftest import Connect, User, token_for
from tests.support.http import ok, request
from tests.support.main_backend import create_tables, execute, rows
from tests.support.patience import PATIENCE
from tests.support.servers import Server, local_server
from tests.support.tokens import refusal, signed


@dataclass(frozen=True, slots=True)
class World:
    """A directory of one kind, and a server on it."""

    dsn: str
    server: Server
    ann: User
    ben: User
    cleo: User
    dora: User
    product: str
    # Well formed, and nobody's.
    nobody: str
    jti: str


_IDS = {
    "integer": [str(n) for n in (1, 22, 333, 4444, 55555, 666666)],
    "uuid": [str(UUID(int=n, version=4)) for n in range(1, 7)],
    "text": ["Ünï—1", "0123", "a b", "x" * 64, "p-1", "nobody"],
}


@pytest.fixture(scope="module", params=_IDS)
async def world(request: pytest.FixtureRequest, postgres: str) -> AsyncIterator[World]:
    """One directory of each kind."""
    kind: str = request.param
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE kind_{kind}")
    await admin.close()
    dsn = postgres.replace("/chatserver?", f"/kind_{kind}?")
    *people, product, nobody = _IDS[kind]
    named = list(zip(people, ("ann", "ben", "cleo", "dora"), strict=True))
    if kind == "text":
        await migrate(dsn)
        table = "chat_users"
    else:
        await create_tables(dsn, kind)
        table = "users_auth"
    await execute(
        dsn,
        *(f"INSERT INTO {table} (user_id, username) VALUES ('{i}', '{name}')" for i, name in named),
        f"INSERT INTO products (id, title, image) VALUES ('{product}', 'A lamp', '/lamp.png')",
        f"INSERT INTO user_follows VALUES ('{people[0]}', '{people[1]}')",
    )
    await migrate(dsn)
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(revocations, "_EVERY", 0.2)
        server = await stack.enter_async_context(local_server(dsn))
        users = [User(user_id, token_for(user_id)) for user_id in people]
        yield World(dsn, server, *users, product, nobody, str(uuid4()))


async def test_they_chat(world: World, connect: Connect) -> None:
    """They connect under their own ids and names, and what one sends the other gets, and reads."""
    ann, ben = [await connect(user, world.server.url) for user in (world.ann, world.ben)]
    assert (ann.ready["user"]["userId"], ann.ready["user"]["username"]) == (world.ann.id, "ann")
    sent = await ann.do("chat:message_send", recipientId=world.ben.id, content="hello")
    got = await ben.expect("chat:message_received")
    assert (got["sender_id"], got["recipient_id"]) == (world.ann.id, world.ben.id)
    assert got["sender_username"] == "ann"
    await ben.do("chat:message_read", messageId=sent["messageId"])
    status = await ann.expect("chat:message_status_updated", lambda data: data["status"] == "read")
    assert status["readBy"] == world.ben.id
    # Both named, as the marketplace's clients do.
    await ann.do(
        "chat:message_send",
        conversationId=got["conversation_id"],
        recipientId=world.ben.id,
        content="both",
    )
    online = (await ann.do("presence:list"))["users"]
    assert [user["userId"] for user in online] == [world.ben.id]


async def test_nobody(world: World, connect: Connect) -> None:
    """An id that is nobody's, well formed or not, neither connects nor is found, by any command."""
    ann = await connect(world.ann, world.server.url)
    group = await ann.do("group:create", title="Group")
    for nobody in (world.nobody, "-1", "9" * 40, "no-such", "00000000-0000-0000-0000-00000000000g"):
        error = await refusal(world.server.url, {"token": signed(sub=nobody)})
        assert error["code"] == "AUTH_FAILED"
        for name, payload in (
            ("chat:conversation_open", {"recipientId": nobody}),
            ("chat:message_send", {"recipientId": nobody, "content": "hi"}),
            ("user:block", {"userId": nobody}),
            ("user:unblock", {"userId": nobody}),
            ("group:create", {"title": "Group", "participantIds": [nobody]}),
            (
                "group:member_add",
                {"conversationId": group["conversation"]["id"], "userId": nobody},
            ),
        ):
            assert (await ann.refused(name, **payload))["code"] == "RESOURCE_NOT_FOUND", name


async def test_blocks(world: World, connect: Connect) -> None:
    """A block is a row of the directory's own, keeps both from sending, and is taken back."""
    ann, cleo = [await connect(user, world.server.url) for user in (world.ann, world.cleo)]
    query = "SELECT blocker_id::text, blocked_id::text FROM blocked_relationships"
    for _ in range(2):
        await ann.do("user:block", userId=world.cleo.id)
        assert await rows(world.dsn, query) == [(world.ann.id, world.cleo.id)]
    assert (await ann.expect("user:blocked"))["userId"] == world.cleo.id
    for device, other in ((ann, world.cleo), (cleo, world.ann)):
        error = await device.refused("chat:message_send", recipientId=other.id, content="hi")
        assert error["code"] == "USER_BLOCKED"
    error = await cleo.refused("group:create", title="G", participantIds=[world.ann.id])
    assert error["code"] == "USER_BLOCKED"
    for _ in range(2):
        await ann.do("user:unblock", userId=world.cleo.id)
        assert await rows(world.dsn, query) == []
    await cleo.do("chat:message_send", recipientId=world.ann.id, content="hi")


async def test_follows(world: World, connect: Connect) -> None:
    """either_follows says so to both, whoever follows, in lists and alone, and follows what the table says."""
    ann, ben, dora = [
        await connect(user, world.server.url) for user in (world.ann, world.ben, world.dora)
    ]
    for device, other, follows in (
        (ann, world.ben, True),
        (ben, world.ann, True),
        (ann, world.dora, False),
        (dora, world.ann, False),
    ):
        opened = await device.do("chat:conversation_open", recipientId=other.id)
        conversation_id = opened["conversation"]["id"]
        assert opened["conversation"]["either_follows"] is follows
        listed = await ok(
            "GET", f"{world.server.url}/api/conversations", User("", str(device.token))
        )
        (shown,) = [c for c in listed["conversations"] if c["id"] == conversation_id]
        assert shown["either_follows"] is follows
    follow = "INSERT INTO user_follows (follower_id, followee_id) VALUES ('{}', '{}')"
    await execute(world.dsn, follow.format(world.dora.id, world.ann.id))
    for device in (ann, dora):
        shown = (await device.do("chat:conversation_get", conversationId=conversation_id))[
            "conversation"
        ]
        assert shown["either_follows"] is True
    group = await ann.do("group:create", title="G", participantIds=[world.ben.id])
    assert group["conversation"]["either_follows"] is None


async def test_products(world: World, connect: Connect) -> None:
    """A conversation about a product shows it; another product, and none, are other conversations."""
    ann = await connect(world.ann, world.server.url)
    found = set()
    for product_id, product in (
        (world.product, {"id": world.product, "title": "A lamp", "image": "/lamp.png"}),
        (world.nobody, {"id": world.nobody, "title": None, "image": None}),
        ("no such product", {"id": "no such product", "title": None, "image": None}),
        (None, None),
    ):
        about = {} if product_id is None else {"productId": product_id}
        sent = await ann.do(
            "chat:message_send", recipientId=world.ben.id, content="about it", **about
        )
        opened = await ann.do("chat:conversation_open", recipientId=world.ben.id, **about)
        assert opened["conversation"]["id"] == sent["message"]["conversation_id"]
        assert opened["conversation"]["product"] == product
        found.add(opened["conversation"]["id"])
    assert len(found) == 4


async def test_revocation(world: World, connect: Connect) -> None:
    """A revoked token's connection is closed, and the token opens nothing any more."""
    user = User(world.ann.id, signed(sub=world.ann.id, jti=world.jti))
    device, other = [await connect(u, world.server.url) for u in (user, world.ann)]
    await execute(world.dsn, f"INSERT INTO jwt_revocation (jti) VALUES ('{world.jti}')")
    await asyncio.wait_for(device.disconnected.wait(), PATIENCE)
    answer = await request("GET", f"{world.server.url}/api/conversations", user)
    assert (answer.status, answer.error["code"]) == (401, "AUTH_FAILED")
    await other.do("system:ping")


# -- one spelling ---------------------------------------------------------------------------------


async def test_spellings_of_a_uuid(empty_dsn: str, connect: Connect) -> None:
    """Where ids are UUIDs, any spelling of a person or product is the same one, in every command."""
    ann, ben, product = uuid4(), uuid4(), uuid4()
    await create_tables(
        empty_dsn,
        "uuid",
        f"INSERT INTO users_auth (user_id, username) VALUES ('{ann}', 'ann'), ('{ben}', 'ben')",
        f"INSERT INTO products (id, title) VALUES ('{product}', 'A lamp')",
    )
    await migrate(empty_dsn)
    async with local_server(empty_dsn) as server:
        device = await connect(User(str(ann), token_for(str(ann))), server.url)
        conversations = set()
        for shout in (str, lambda text: str(text).upper(), lambda text: text.hex):
            opened = await device.do(
                "chat:conversation_open", recipientId=shout(ben), productId=shout(product)
            )
            conversations.add(opened["conversation"]["id"])
            assert opened["conversation"]["product"]["id"] == str(product)
            sent = await device.do(
                "chat:message_send",
                recipientId=shout(ben),
                productId=shout(product),
                content="about it",
            )
            conversations.add(sent["message"]["conversation_id"])
            await device.do(
                "chat:message_send",
                conversationId=sent["message"]["conversation_id"],
                recipientId=shout(ben),
                content="both named",
            )
            await device.do("user:block", userId=shout(ben))
            await device.do("user:unblock", userId=shout(ben))
        assert len(conversations) == 1
        made = await rows(empty_dsn, "SELECT product_id FROM conversations")
        assert made == [(str(product),)]


# -- what the main back end's tables cannot hold -----------------------------------------------------


@pytest.mark.parametrize(
    "blocks",
    [
        "blocker_id smallint, blocked_id smallint",
        "blocker_id integer, blocked_id integer",
        "blocker_id integer REFERENCES users_auth, blocked_id integer REFERENCES users_auth",
        "blocker_id integer NOT NULL, blocked_id integer NOT NULL REFERENCES users_auth "
        "DEFERRABLE INITIALLY DEFERRED",
        "blocker_id numeric(5), blocked_id numeric(5)",
        "blocker_id varchar(5), blocked_id varchar(5)",
    ],
)
async def test_a_person_whom_no_block_can_name(
    blocks: str, empty_dsn: str, connect: Connect
) -> None:
    """Blocking somebody whose id the blocks' columns cannot hold is RESOURCE_NOT_FOUND, and others work."""
    await execute(
        empty_dsn,
        "CREATE TABLE users_auth (user_id integer PRIMARY KEY, username text NOT NULL)",
        "INSERT INTO users_auth VALUES (1, 'ann'), (2, 'ben')",
        f"CREATE TABLE blocked_relationships ({blocks})",
    )
    await migrate(empty_dsn)
    far = "9999999999"
    await execute(
        empty_dsn,
        f"INSERT INTO chat_users (user_id, username) VALUES ('{far}', 'far'), ('a guest', 'guest')",
    )
    async with local_server(empty_dsn) as server:
        ann = await connect(User("1", token_for("1")), server.url)
        for name in (far, "a guest"):
            error = await ann.refused("user:block", userId=name)
            assert (error["code"], error["message"]) == ("RESOURCE_NOT_FOUND", "User not found")
            error = await ann.refused("user:block", userId=name, requestId="r")
            assert error["code"] == "RESOURCE_NOT_FOUND"
            # There is nothing to be taken back, and nothing keeps them from talking.
            await ann.do("user:unblock", userId=name)
            await ann.do("chat:message_send", recipientId=name, content="hi")
            stranger = await connect(User(name, token_for(name)), server.url)
            assert (await stranger.refused("user:block", userId="1"))["code"] == (
                "RESOURCE_NOT_FOUND"
            )
            await stranger.do("chat:message_send", recipientId="1", content="hi")
        await ann.do("user:block", userId="2")
        assert await rows(
            empty_dsn, "SELECT blocker_id::text, blocked_id::text FROM blocked_relationships"
        ) == [("1", "2")]
        error = await ann.refused("chat:message_send", recipientId="2", content="hi")
        assert error["code"] == "USER_BLOCKED"


# -- the follow check -----------------------------------------------------------------------------


async def test_the_follow_check_warns(world: World, connect: Connect) -> None:
    """A conversation of two who do not follow each other is opened all the same; the log is warned, once."""
    cleo, dora = world.cleo, world.dora
    device = await connect(cleo, world.server.url)
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            await device.do("chat:message_send", recipientId=dora.id, content="hi")
        await device.do("chat:conversation_open", recipientId=dora.id)
    warnings = [line for line in logs if line["event"] == "neither person follows the other"]
    (warning,) = warnings
    assert warning["log_level"] == "warning"
    assert warning["users"] == [cleo.id, dora.id]


# -- oneself --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["uuid", "integer", "character(8)"])
async def test_oneself_in_any_spelling(kind: str, empty_dsn: str, connect: Connect) -> None:
    """What is not for oneself is refused, and what is means oneself, however one's own id is spelled.

    Integers have one spelling: in any other they are nobody's.
    """
    if kind == "uuid":
        ids = [str(UUID(int=15 * 16**30 + n, version=4)) for n in range(3)]
        spellings = [ids[0], ids[0].upper(), UUID(ids[0]).hex, UUID(ids[0]).hex.upper()]
    elif kind == "integer":
        ids, spellings = ["7", "8", "9"], ["7", "07", "+7", " 7", "7 "]
    else:
        ids, spellings = ["Ann", "Ben", "Cleo"], ["Ann", "Ann ", "Ann   "]
    await create_tables(
        empty_dsn,
        kind,
        *(f"INSERT INTO users_auth (user_id, username) VALUES ('{i}', 'n{i}')" for i in ids),
    )
    await migrate(empty_dsn)
    async with local_server(empty_dsn) as server:
        owner, member = [User(i, token_for(i)) for i in ids[:2]]
        a, b = [await connect(user, server.url) for user in (owner, member)]
        for own in spellings:
            refused = (
                "VALIDATION_ERROR" if own == ids[0] or kind != "integer" else "RESOURCE_NOT_FOUND"
            )
            made = await a.ask(
                "group:create", {"title": "Climbers", "participantIds": [own, ids[1]]}
            )
            if refused == "RESOURCE_NOT_FOUND":
                assert made["error"]["code"] == refused
                made = await a.do("group:create", title="Climbers", participantIds=[ids[1]])
            group = {"conversationId": made["conversation"]["id"]}
            assert made["conversation"]["member_count"] == 2
            for command, payload in (
                ("chat:conversation_open", {"recipientId": own}),
                ("chat:message_send", {"recipientId": own, "content": "hi"}),
                ("user:block", {"userId": own}),
                ("user:unblock", {"userId": own}),
                ("group:member_remove", {**group, "userId": own}),
                ("group:promote", {**group, "userId": own}),
                ("group:demote", {**group, "userId": own}),
                ("group:permit", {**group, "userId": own, "canAddMembers": True}),
                ("group:transfer", {**group, "userId": own}),
            ):
                error = await a.refused(command, **payload)
                assert error["code"] == refused, (command, own)
            added = await a.ask("group:member_add", {**group, "userId": own})
            if refused == "VALIDATION_ERROR":
                assert added["participant"]["user_id"] == ids[0], (
                    "is a member already, and stays the owner"
                )
                assert added["participant"]["role"] == "owner"
            else:
                assert added["error"]["code"] == refused
            participants = f"{server.url}/api/conversations/{group['conversationId']}/participants"
            answer = await request("DELETE", f"{participants}/{quote(own)}", owner)
            # As the owner one cannot leave; what is nobody's cannot be removed.
            assert (answer.status, answer.error["code"]) == (
                (409, "CONFLICT") if refused == "VALIDATION_ERROR" else (404, refused)
            )
            await a.do("group:transfer", **group, userId=ids[1])
            answer = await request("DELETE", f"{participants}/{quote(own)}", owner)
            if refused == "VALIDATION_ERROR":
                assert (answer.status, answer.body) == (200, {"success": True})
                left = await b.expect("group:member_left")
                assert left["user"]["user_id"] == ids[0]
            else:
                assert answer.status == 404
        # What is no id at all is refused by name.
        for wrong in ("%00", "x" * 65):
            answer = await request("DELETE", f"{participants}/{wrong}", owner)
            assert (answer.status, list(answer.error["fields"])) == (400, ["user_id"])
