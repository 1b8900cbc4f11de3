"""The marketplace system's routes: whom they let see what, their limits, and their pages."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.conftest import Connect, MakeUser, User
from tests.support.http import request
from tests.support.marketplace import API, Trade, asked, market, refusal, send
from tests.support.servers import Server, local_server

UNKNOWN = "0199a0e0-0000-7000-8000-000000000000"
ORIGIN = "https://shop.example"


def _about(conversation_id: str) -> list[tuple[str, str, Any]]:
    """Every route that names a conversation."""
    return [
        ("GET", f"/conversations/{conversation_id}", None),
        ("POST", f"/conversations/{conversation_id}/block", {"block": True}),
        ("GET", f"/messages?conversationId={conversation_id}", None),
        ("POST", "/messages", {"conversationId": conversation_id, "text": "Hello"}),
    ]


async def test_others_are_told_403_and_404_apart(
    server: Server, traders: Trade, carol: User
) -> None:
    """A conversation of others is 403, one that does not exist is 404, and what is no id is 400."""
    sent = await send(server, traders.jane, recipientId=traders.john.id, text="Hello")
    for conversation_id, expected in (
        (sent["conversationId"], (403, "PERMISSION_DENIED")),
        (UNKNOWN, (404, "RESOURCE_NOT_FOUND")),
        ("no-id", (400, "VALIDATION_ERROR")),
    ):
        for method, path, body in _about(conversation_id):
            answer = await market(server, method, path, carol, json=body)
            assert refusal(answer) == expected, (method, path)
    for message_ids, expected in (
        ([sent["id"]], (403, "PERMISSION_DENIED")),
        ([sent["id"], UNKNOWN], (400, "VALIDATION_ERROR")),
        (["no-id"], (400, "VALIDATION_ERROR")),
        (None, (400, "VALIDATION_ERROR")),
    ):
        body = {"messageIds": message_ids}
        answer = await market(server, "PATCH", "/messages/mark-read", carol, json=body)
        assert refusal(answer) == expected


async def test_groups_do_not_appear(server: Server, connect: Connect, traders: Trade) -> None:
    """A group is not listed, cannot be named, and takes no message, for its members either."""
    device = await connect(traders.jane)
    made = await device.do("group:create", title="Buyers", participantIds=[traders.john.id])
    group_id = made["conversation"]["id"]
    await device.do("chat:message_send", conversationId=group_id, content="To all")
    sent = await send(server, traders.jane, recipientId=traders.john.id, text="To you")
    for person in (traders.jane, traders.john):
        found = await asked(server, "GET", "/conversations", person)
        assert [each["id"] for each in found] == [sent["conversationId"]]
        for method, path, body in _about(group_id):
            answer = await market(server, method, path, person, json=body)
            assert refusal(answer) == (404, "RESOURCE_NOT_FOUND"), (method, path)
    # The spelling of the other door does not get round it.
    body = {"conversation_id": group_id, "text": "To all"}
    assert (await market(server, "POST", "/messages", traders.jane, json=body)).status == 404
    history = await device.do("chat:history", conversationId=group_id)
    assert [message["content"] for message in history["messages"]] == ["To all"]


async def test_messages_come_by_the_hundred(server: Server, traders: Trade) -> None:
    """The newest hundred are answered, oldest first; the header Link names the page before them."""
    first = await send(server, traders.jane, recipientId=traders.john.id, text="0")
    conversation_id = first["conversationId"]
    for number in range(1, 103):
        await send(server, traders.jane, conversationId=conversation_id, text=str(number))
    url = f"{server.url}{API}/messages?recipientId={traders.jane.id}"
    answer = await request("GET", url, traders.john)
    assert [m["text"] for m in answer.body] == [str(number) for number in range(3, 103)]
    link = answer.headers["Link"]
    assert link.endswith('; rel="next"')
    older = await request("GET", urljoin(url, link[1 : link.index(">")]), traders.john)
    assert [m["text"] for m in older.body] == ["0", "1", "2"]
    assert "Link" not in older.headers
    page = await request("GET", f"{url}&limit=2&offset=1", traders.john)
    assert [m["text"] for m in page.body] == ["100", "101"]
    for limit in ("0", "101", "many"):
        assert refusal(await request("GET", f"{url}&limit={limit}", traders.john)) == (
            400, "VALIDATION_ERROR",
        )  # fmt: skip


async def test_conversations_have_a_next_page(
    server: Server, traders: Trade, make_user: MakeUser
) -> None:
    """The list says in the header Link where it goes on, and goes on there without a gap."""
    sent = [
        await send(server, traders.jane, recipientId=(await make_user()).id, text="Hello")
        for _ in range(5)
    ]
    url, found = f"{server.url}{API}/conversations?limit=2", []
    while url:
        answer = await request("GET", url, traders.jane)
        found += [each["id"] for each in answer.body]
        link = answer.headers.get("Link", "")
        url = urljoin(url, link[1 : link.index(">")]) if link else ""
    assert found == [message["conversationId"] for message in sent[::-1]]


async def test_a_pair_without_a_conversation_has_no_messages(
    server: Server, traders: Trade
) -> None:
    """GET /api/messages for a pair without a conversation, or for nobody, is empty and creates nothing."""
    for query in (f"recipientId={traders.john.id}", "recipientId=nobody-at-all"):
        assert await asked(server, "GET", f"/messages?{query}&productId=", traders.jane) == []
    assert await asked(server, "GET", "/conversations", traders.jane) == []
    answer = await market(server, "GET", "/messages", traders.jane)
    assert refusal(answer) == (400, "VALIDATION_ERROR")
    assert list(answer.body["fields"]) == ["conversationId"]


@pytest.mark.parametrize(
    ("body", "expected", "field"),
    [
        ({"text": ""}, (400, "VALIDATION_ERROR"), "text"),
        ({"text": " \n"}, (400, "VALIDATION_ERROR"), "text"),
        ({"text": "x" * 10_001}, (400, "VALIDATION_ERROR"), "text"),
        ({"text": None}, (400, "VALIDATION_ERROR"), "text"),
        ({"text": 5}, (400, "VALIDATION_ERROR"), "text"),
        ({"text": "Hello", "recipientId": ""}, (400, "VALIDATION_ERROR"), "conversationId"),
        ({"text": "Hello", "recipientId": "nobody"}, (404, "RESOURCE_NOT_FOUND"), None),
        ({"text": "Hello", "conversationId": 5}, (400, "VALIDATION_ERROR"), "conversationId"),
    ],
)
async def test_wrong_messages_are_refused_by_name(
    server: Server, traders: Trade, body: dict[str, Any], expected: tuple[int, str], field: str
) -> None:
    """A message that is wrong is refused with the document's status, naming the document's field."""
    sent = {"recipientId": traders.john.id, **body}
    answer = await market(server, "POST", "/messages", traders.jane, json=sent)
    assert refusal(answer) == expected
    assert list(answer.body.get("fields", {})) == ([field] if field else [])


async def test_the_same_key_sends_once(server: Server, traders: Trade) -> None:
    """A message sent again under its Idempotency-Key is the same one, and says so."""
    body = {"recipientId": traders.john.id, "text": "Once"}
    answers = [
        await market(
            server, "POST", "/messages", traders.jane, json=body, headers={"Idempotency-Key": "k"}
        )
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    assert [a.headers.get("Idempotency-Replayed") for a in answers] == [None, "true"]
    path = f"/messages?recipientId={traders.john.id}"
    assert len(await asked(server, "GET", path, traders.jane)) == 1
    block = f"/conversations/{answers[0].body['conversationId']}/block"
    for wanted in (True, False, True):
        headers = {"Idempotency-Key": f"block {wanted}"}
        options: dict[str, Any] = {"json": {"block": wanted}, "headers": headers}
        assert (await market(server, "POST", block, traders.jane, **options)).status == 200
    # The last one is the first one again, which has no second effect.
    path = f"/conversations/{answers[0].body['conversationId']}"
    assert (await asked(server, "GET", path, traders.jane))["isBlocked"] is False
    other = {**body, "text": "Twice"}
    answer = await market(
        server, "POST", "/messages", traders.jane, json=other, headers={"Idempotency-Key": "k"}
    )
    assert refusal(answer) == (409, "IDEMPOTENCY_CONFLICT")


async def test_changes_of_other_doors_are_seen(
    server: Server, connect: Connect, traders: Trade
) -> None:
    """An edited message has its new text, an erased one is gone, and an encrypted one has no text."""
    device = await connect(traders.jane)
    whom = {"recipientId": traders.john.id}
    kept, edited, erased = [
        (await device.do("chat:message_send", **whom, content=text))["message"]
        for text in ("kept", "edited", "erased")
    ]
    await device.do("chat:message_send", **whom, contentEncrypted="c2VjcmV0")
    await device.do("chat:message_edit", messageId=edited["id"], content="in other words")
    await device.do("chat:message_delete", messageId=erased["id"])
    path = f"/messages?conversationId={kept['conversation_id']}"
    found = await asked(server, "GET", path, traders.john)
    assert [message["text"] for message in found] == ["kept", "in other words", ""]
    assert [m.get("contentEncrypted") for m in found] == [None, None, "c2VjcmV0"]
    card = await asked(server, "GET", f"/conversations/{kept['conversation_id']}", traders.john)
    assert (card["lastMessage"], card["unreadCount"]) == ("", 3)


async def test_a_cookie_counts_from_a_listed_page(dsn: str, traders: Trade) -> None:
    """The cookie ``token`` counts where a page of a listed origin, or of the server, has sent the request."""
    cookie = {"Cookie": f"other=1; token={traders.jane.token}"}
    async with local_server(dsn, CORS_ALLOWED_ORIGINS=ORIGIN) as server:
        for headers, status in (
            ({"Origin": ORIGIN}, 200),
            ({"Origin": server.url}, 200),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({}, 401),
            ({"Origin": "https://evil.example"}, 401),
            ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 401),
            ({"Sec-Fetch-Site": "same-site"}, 401),
        ):
            answer = await market(server, "GET", "/conversations", headers=cookie | headers)
            assert answer.status == status, headers
            listed = headers.get("Origin") == ORIGIN
            allowed = answer.headers.get("Access-Control-Allow-Origin")
            assert allowed == (ORIGIN if listed else None)
            assert answer.headers.get("Access-Control-Allow-Credentials") == (
                "true" if listed else None
            )
        url = f"{server.url}{API}/messages/mark-read"
        asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH"}
        preflight = await request("OPTIONS", url, headers=asking)
        assert preflight.status == 204
        assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]


async def test_any_origin_is_no_origin_for_cookies(server: Server, traders: Trade) -> None:
    """Where any origin may read answers (CORS_ALLOWED_ORIGINS=*), none may send cookies."""
    headers = {"Cookie": f"token={traders.jane.token}", "Origin": ORIGIN}
    answer = await market(server, "GET", "/conversations", headers=headers)
    assert refusal(answer) == (401, "AUTH_REQUIRED")
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_all_refusals_have_one_form(dsn: str, traders: Trade) -> None:
    """What is refused before a route is asked has the form of what routes refuse."""
    async with local_server(dsn, MAX_PAYLOAD_SIZE="100000", IP_RATE_LIMIT="5") as server:
        for method, path, options, expected in (
            ("GET", "/nothing", {}, (404, "UNKNOWN_COMMAND")),
            ("DELETE", "/messages", {}, (405, "UNKNOWN_COMMAND")),
            ("POST", "/messages", {"data": b"x" * 100_001}, (413, "PAYLOAD_TOO_LARGE")),
            ("POST", "/messages", {"data": b"{"}, (400, "VALIDATION_ERROR")),
            ("GET", "/conversations/no-id", {}, (400, "VALIDATION_ERROR")),
            ("GET", "/conversations", {}, (429, "RATE_LIMIT_EXCEEDED")),
        ):
            answer = await market(server, method, path, traders.jane, **options)
            assert refusal(answer) == expected, (method, path)
            assert answer.body["error"] == HTTPStatus(expected[0]).phrase
            assert answer.headers["Content-Length"] != "0"


async def test_refusals_count(dsn: str, traders: Trade) -> None:
    """What is refused counts as a command, whether it names nothing or something of others."""
    async with local_server(dsn, COMMAND_RATE_LIMIT="4") as server:
        answers = [
            await market(server, "GET", f"/conversations/{UNKNOWN}", traders.jane) for _ in range(5)
        ]
        assert [answer.status for answer in answers] == [404] * 4 + [429]
        assert refusal(answers[-1]) == (429, "RATE_LIMIT_EXCEEDED")
        assert int(answers[-1].headers["Retry-After"]) > 0


async def test_an_answer_is_not_sent_twice(server: Server, traders: Trade) -> None:
    """A page that asks again with the ETag that it has is answered 304."""
    await send(server, traders.jane, recipientId=traders.john.id, text="Hello")
    for path in ("/conversations", f"/messages?recipientId={traders.john.id}"):
        first = await market(server, "GET", path, traders.jane)
        tag = {"If-None-Match": first.headers["ETag"]}
        assert (await market(server, "GET", path, traders.jane, headers=tag)).status == 304
