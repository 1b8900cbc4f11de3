"""What the REST routes refuse, and how they say so."""

from uuid import uuid4

import asyncpg
import pytest

from tests.conftest import User, token_for
from tests.support.http import ok, open_direct, post, request
from tests.support.servers import Server, local_server


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=1.5", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=", "limit"),
        ("limit=9223372036854775808", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("offset=-1", "offset"),
        ("offset=1&before_seq=1", "before_seq"),
        ("before_seq=1&after_seq=1", "after_seq"),
        ("colour=blue", "colour"),
    ],
)
async def test_queries_that_are_wrong(
    query: str, field: str, server: Server, alice: User, bob: User
) -> None:
    """A query parameter that is wrong, or that nobody knows, is 400 and named in snake_case."""
    conversation_id = await open_direct(server, alice, bob)
    answer = await request("GET", f"{server.url}/api/messages/{conversation_id}?{query}", alice)
    assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
    assert list(answer.error["fields"]) == [field]


async def test_what_is_not_ones_own_does_not_exist(
    server: Server, alice: User, bob: User, carol: User
) -> None:
    """Another's conversation or message is answered exactly like one that does not exist."""
    theirs = await open_direct(server, alice, bob)
    message = await post(server, alice, theirs, "hello")
    nobodys = str(uuid4())
    for method, path, body in (
        ("GET", "/api/conversations/{conversation}", None),
        ("GET", "/api/messages/{conversation}", None),
        ("GET", "/api/messages/{conversation}?after_seq=0", None),
        ("POST", "/api/messages", {"conversation_id": "{conversation}", "content": "hi"}),
        ("POST", "/api/messages/{message}/status", {"status_type": "read"}),
        (
            "POST",
            "/api/commands/chat:typing",
            {"conversationId": "{conversation}", "isTyping": True},
        ),
        ("POST", "/api/commands/chat:sync", {"conversationId": "{conversation}", "afterSeq": 0}),
        (
            "POST",
            "/api/commands/chat:message_read",
            {"conversationId": "{conversation}", "upToSeq": 1},
        ),
    ):
        answers = []
        for conversation_id, message_id in ((theirs, message["id"]), (nobodys, nobodys)):
            at = path.format(conversation=conversation_id, message=message_id)
            asked = body and {
                key: conversation_id if value == "{conversation}" else value
                for key, value in body.items()
            }
            answers.append(await request(method, server.url + at, carol, json=asked))
        assert [answer.status for answer in answers] == [404, 404], path
        assert answers[0].error["code"] == "RESOURCE_NOT_FOUND"
        assert answers[0].body == answers[1].body, path


async def test_ids_that_are_no_uuids(server: Server, alice: User) -> None:
    """An id in the path or the body that is no UUID is 400 naming its field in snake_case."""
    for wrong in ("1", "not-a-uuid", uuid4().hex, f"{uuid4()}%00", "%F0%9F%92%A9"):
        for method, path, body, field in (
            ("GET", f"/api/conversations/{wrong}", None, "conversation_id"),
            ("GET", f"/api/messages/{wrong}", None, "conversation_id"),
            ("POST", f"/api/messages/{wrong}/status", {"status_type": "read"}, "message_id"),
            (
                "POST",
                "/api/messages",
                {"conversation_id": wrong, "content": "x"},
                "conversation_id",
            ),
        ):
            answer = await request(method, server.url + path, alice, json=body)
            assert answer.status == 400, (path, answer.body)
            assert answer.error["fields"] == {field: ["Must be a UUID."]}


async def test_a_block_is_403(server: Server, alice: User, bob: User) -> None:
    """Between people with a block, sending and opening are 403 USER_BLOCKED for both."""
    conversation_id = await open_direct(server, alice, bob)
    await ok("POST", f"{server.url}/api/commands/user:block", bob, json={"user_id": alice.id})
    for user, other in ((alice, bob), (bob, alice)):
        for path, body in (
            ("/api/messages", {"conversation_id": conversation_id, "content": "hi"}),
            ("/api/conversations/direct", {"user_id": other.id, "product_id": "new"}),
        ):
            answer = await request("POST", server.url + path, user, json=body)
            assert (answer.status, answer.error["code"]) == (403, "USER_BLOCKED")
            assert answer.error["retryable"] is False
    await ok("POST", f"{server.url}/api/commands/user:unblock", bob, json={"userId": alice.id})
    await post(server, alice, conversation_id, "again")


async def test_a_person_who_is_nobody_or_oneself(server: Server, alice: User) -> None:
    """Opening with nobody is 404, with oneself 400 naming user_id as the guide has it."""
    url = f"{server.url}/api/conversations/direct"
    answer = await request("POST", url, alice, json={"user_id": "nobody"})
    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    for body, fields in (
        ({"user_id": alice.id}, ["user_id"]),
        ({}, ["user_id"]),
        ({"user_id": 5}, ["user_id"]),
        ({"user_id": alice.id, "userId": "other"}, ["user_id"]),
        ({"user_id": alice.id, "recipient_id": "other"}, ["user_id"]),
        ({"user_id": "x", "product_id": ""}, ["product_id"]),
    ):
        answer = await request("POST", url, alice, json=body)
        assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR"), body
        assert list(answer.error["fields"]) == fields, body


async def test_no_token_is_401(server: Server) -> None:
    """Every route without a token is 401 AUTH_REQUIRED with WWW-Authenticate."""
    for method, path, body in (
        ("GET", "/api/conversations", None),
        ("GET", f"/api/conversations/{uuid4()}", None),
        ("GET", f"/api/messages/{uuid4()}", None),
        ("POST", "/api/conversations/direct", {"user_id": "x"}),
        ("POST", "/api/messages", {"conversation_id": str(uuid4()), "content": "x"}),
        ("POST", f"/api/messages/{uuid4()}/status", {"status_type": "read"}),
        ("POST", "/api/commands/system:ping", {}),
        ("POST", "/api/commands/no:such", {}),
    ):
        answer = await request(method, server.url + path, json=body)
        assert (answer.status, answer.error["code"]) == (401, "AUTH_REQUIRED"), path
        assert answer.error["retryable"] is False
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_unknown_commands_are_404(server: Server, alice: User) -> None:
    """POST /api/commands/:name of a command that is none is 404 UNKNOWN_COMMAND."""
    for name in ("no:such", "chat:message", "CHAT:TYPING", "__init__", "%00", "chat:typing%20"):
        answer = await request("POST", f"{server.url}/api/commands/{name}", alice, json={})
        assert (answer.status, answer.error["code"]) == (404, "UNKNOWN_COMMAND"), name


async def test_the_idempotency_key(server: Server, alice: User, bob: User) -> None:
    """The header Idempotency-Key is the message's client id: the same again is the same message, and says so."""
    conversation_id = await open_direct(server, alice, bob)
    body = {"conversation_id": conversation_id, "content": "once"}
    command = f"{server.url}/api/commands/chat:message_send"
    url, key = f"{server.url}/api/messages", {"Idempotency-Key": "key-1"}
    first = await request("POST", url, alice, json=body, headers=key)
    assert first.status == 201
    assert first.body["client_message_id"] == "key-1"
    assert "Idempotency-Replayed" not in first.headers
    for asked, headers in (
        (body, key),
        ({**body, "client_message_id": "key-1"}, {}),
        ({**body, "clientMessageId": "key-1"}, key),
    ):
        again = await request("POST", url, alice, json=asked, headers=headers)
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
    again = await request("POST", command, alice, json=body, headers=key)
    assert (again.status, again.body["message"]) == (200, first.body)
    assert again.body["duplicate"] is True
    assert again.headers["Idempotency-Replayed"] == "true"
    for path in (url, command):
        other = await request("POST", path, alice, json={**body, "content": "two"}, headers=key)
        assert (other.status, other.error["code"]) == (409, "IDEMPOTENCY_CONFLICT")
        assert list(other.error["fields"]) == ["client_message_id"]
    page = await ok("GET", f"{server.url}/api/messages/{conversation_id}", alice)
    assert page["total"] == 1


async def test_the_idempotency_key_of_other_changes(
    server: Server, alice: User, bob: User, carol: User
) -> None:
    """On every other change the header is its requestId: another payload under it is 409."""
    conversation_id = await open_direct(server, alice, bob)
    message = await post(server, bob, conversation_id, "hello")
    key = {"Idempotency-Key": "key-1"}
    for path, body, other in (
        ("/api/conversations/direct", {"user_id": bob.id}, {"user_id": carol.id}),
        ("/api/commands/user:block", {"user_id": carol.id}, {"user_id": bob.id}),
    ):
        first, again = [
            await ok("POST", server.url + path, alice, json=body, headers=key) for _ in range(2)
        ]
        assert first == again
        answer = await request("POST", server.url + path, alice, json=other, headers=key)
        assert (answer.status, answer.error["code"]) == (409, "IDEMPOTENCY_CONFLICT"), path
        assert list(answer.error["fields"]) == ["request_id"]
    second = await post(server, bob, conversation_id, "again")
    statuses = []
    for sent in (message, message, second):
        url = f"{server.url}/api/messages/{sent['id']}/status"
        body = {"status_type": "read"}
        statuses.append((await request("POST", url, alice, json=body, headers=key)).status)
    assert statuses == [200, 200, 409]


async def test_a_key_that_differs_or_is_none(server: Server, alice: User, bob: User) -> None:
    """A header that differs from the body's own id, is empty, too long or not text is 400 naming the field."""
    conversation_id = await open_direct(server, alice, bob)
    body = {"conversation_id": conversation_id, "content": "hi"}
    for mine, key in (
        ({"client_message_id": "a"}, "b"),
        ({"clientMessageId": "a"}, "b"),
        ({"client_message_id": 1}, "1"),
        ({}, ""),
        ({}, "k" * 65),
        ({}, "\udcff"),
    ):
        answer = await request(
            "POST",
            f"{server.url}/api/messages",
            alice,
            json=body | mine,
            headers={"Idempotency-Key": key},
        )
        assert answer.status == 400, (mine, key)
        assert list(answer.error["fields"]) == ["client_message_id"]


async def test_too_slow_is_503(fresh_dsn: str) -> None:
    """A command that takes too long is 503 UNAVAILABLE, retryable, with Retry-After."""
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await connection.execute(
            "INSERT INTO chat_users (user_id, username) VALUES ('a', 'a'), ('b', 'b')"
        )
        a, b = User("a", token_for("a")), User("b", token_for("b"))
        async with local_server(fresh_dsn) as patient:
            conversation_id = await open_direct(patient, a, b)
        async with local_server(fresh_dsn, COMMAND_TIMEOUT="2500") as server:
            body = {"conversation_id": conversation_id, "content": "x", "client_message_id": "1"}
            url = f"{server.url}/api/messages"
            async with connection.transaction():
                await connection.execute("SELECT FROM conversations FOR UPDATE")
                answer = await request("POST", url, a, json=body)
                assert (answer.status, answer.error["code"]) == (503, "UNAVAILABLE")
                assert answer.error["retryable"] is True
                assert answer.headers["Retry-After"] == str(answer.error["retryAfter"]) == "1"
            await ok("POST", url, a, status=201, json=body)
            page = await ok("GET", f"{server.url}/api/messages/{conversation_id}", a)
            assert page["total"] == 1
    finally:
        await connection.close()
