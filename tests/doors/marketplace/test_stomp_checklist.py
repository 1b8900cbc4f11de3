"""The lines of the document's testing checklist about WebSockets and both: each is a test of its name.

The client is stomp.py, a stock one.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import stomp.exception

from tests.conftest import User
from tests.doors.marketplace import document
from tests.support.http import request
from tests.support.marketplace import API, Trade, asked, market, send
from tests.support.servers import Server
from tests.support.stomp import NOTIFICATIONS, topic
from tests.support.stomp_py import StompPy, stomp_py

Clients = tuple[StompPy, StompPy]


@pytest.fixture
async def clients(server: Server, traders: Trade) -> AsyncIterator[Clients]:
    """Jane's and John's."""
    async with AsyncExitStack() as stack:
        jane = await stack.enter_async_context(stomp_py(server.url, traders.jane))
        john = await stack.enter_async_context(stomp_py(server.url, traders.john, binary_mode=True))
        yield jane, john


@pytest.fixture
async def talk(server: Server, traders: Trade) -> str:
    """A conversation of theirs about the camera."""
    about = {"recipientId": traders.john.id, "productId": traders.product}
    found: str = (await send(server, traders.jane, **about, text="Hello"))["conversationId"]
    return found


def test_every_line_has_its_test() -> None:
    """Each line of the checklist stands here as a test that is named after it."""
    for part in ("### WebSocket Tests", "### Integration Tests"):
        for line in document.checklist(part):
            name = "test_" + re.sub(r"[^a-z0-9]+", "_", line.lower()).strip("_")
            assert name in globals(), line


async def test_client_can_connect_to_ws_endpoint(server: Server, traders: Trade) -> None:
    """A client can connect to /ws, and to the address that Spring gives clients without SockJS."""
    for path in ("/marketplace/ws", "/marketplace/ws/websocket"):
        async with stomp_py(server.url, traders.jane, path) as client:
            await client.subscribe(NOTIFICATIONS)


async def test_client_can_subscribe_to_conversation_topic(clients: Clients, talk: str) -> None:
    """Both people can subscribe to the topic of their conversation."""
    for client in clients:
        await client.subscribe(topic(talk))


async def test_sending_message_via_app_message_send_broadcasts_to_subscribers(
    clients: Clients, talk: str
) -> None:
    """A message sent is told to all who have subscribed to its conversation, the sender among them."""
    for client in clients:
        await client.subscribe(topic(talk))
    await clients[0].send("/app/message.send", conversationId=talk, text="To both")
    told = [await client.expect(topic(talk), type="NEW_MESSAGE") for client in clients]
    assert told[0] == told[1]
    assert told[0]["message"]["text"] == "To both"


async def test_recipient_receives_notification_on_user_queue_notifications(
    clients: Clients, traders: Trade, talk: str
) -> None:
    """The recipient is told of a message at their queue, also where they have not subscribed to its topic."""
    jane, john = clients
    await john.subscribe(NOTIFICATIONS)
    await jane.send("/app/message.send", conversationId=talk, text="To you")
    told = await john.expect(NOTIFICATIONS, type="NEW_MESSAGE")
    assert (told["message"]["text"], told["message"]["senderId"]) == ("To you", traders.jane.id)


async def test_typing_indicator_works(clients: Clients, traders: Trade, talk: str) -> None:
    """Typing is told to the other person."""
    jane, john = clients
    await jane.subscribe(topic(talk))
    await john.send("/app/typing.start", conversationId=talk)
    told = await jane.expect(topic(talk), type="USER_TYPING")
    assert (told["conversationId"], told["userId"]) == (talk, traders.john.id)


async def test_websocket_authentication_works(server: Server) -> None:
    """A client with a wrong token is not let in."""
    with pytest.raises(stomp.exception.ConnectFailedException):
        async with stomp_py(server.url, User("nobody", "no.to.ken")):
            pass


async def test_message_sent_via_websocket_appears_in_rest_get_api_messages(
    server: Server, clients: Clients, traders: Trade, talk: str
) -> None:
    """A message that is receipted is there when the messages are asked for."""
    await clients[0].send("/app/message.send", conversationId=talk, text="Is it there?")
    for user in (traders.jane, traders.john):
        found = await asked(server, "GET", f"/messages?conversationId={talk}", user)
        assert [message["text"] for message in found] == ["Hello", "Is it there?"]


async def test_blocking_conversation_prevents_new_messages(
    server: Server, clients: Clients, traders: Trade, talk: str
) -> None:
    """A message into a blocked conversation is an ERROR over STOMP and 403 over REST, and is not posted."""
    path = f"/conversations/{talk}/block"
    await asked(server, "POST", path, traders.john, json={"block": True})
    await clients[0].say("/app/message.send", conversationId=talk, text="No")
    assert (await clients[0].expect("ERROR"))["code"] == "USER_BLOCKED"
    body = {"conversationId": talk, "text": "No"}
    assert (await market(server, "POST", "/messages", traders.jane, json=body)).status == 403
    found = await asked(server, "GET", f"/messages?conversationId={talk}", traders.john)
    assert [message["text"] for message in found] == ["Hello"]


async def test_unread_count_updates_correctly(
    server: Server, clients: Clients, traders: Trade, talk: str
) -> None:
    """The unread count goes up with each message of the other person, and down with each that is read."""

    async def unread() -> int:
        (found,) = await asked(server, "GET", "/conversations", traders.john)
        count: int = found["unreadCount"]
        return count

    assert await unread() == 1
    await clients[0].send("/app/message.send", conversationId=talk, text="One more")
    await clients[1].send("/app/message.send", conversationId=talk, text="My own")
    assert await unread() == 2
    found = await asked(server, "GET", f"/messages?conversationId={talk}", traders.john)
    for left, message in ((1, found[1]), (0, found[0])):
        body = {"messageIds": [message["id"]]}
        await asked(server, "PATCH", "/messages/mark-read", traders.john, json=body)
        assert await unread() == left


async def test_multiple_conversations_for_same_product_work(
    server: Server, clients: Clients, traders: Trade, talk: str, carol: User
) -> None:
    """Several people talk to the seller about one product, each in a conversation of their own."""
    about = {"recipientId": traders.john.id, "productId": traders.product}
    other = await send(server, carol, **about, text="And to me?")
    assert other["conversationId"] != talk
    found = await asked(server, "GET", "/conversations", traders.john)
    assert [(each["id"], each["productId"]) for each in found] == [
        (other["conversationId"], traders.product),
        (talk, traders.product),
    ]
    jane, john = clients
    for conversation_id in (talk, other["conversationId"]):
        await john.subscribe(topic(conversation_id))
    await jane.send("/app/message.send", **about, text="To me first")
    assert (await john.expect(topic(talk), type="NEW_MESSAGE"))["message"]["text"] == "To me first"


async def test_message_history_pagination_works_if_implemented(
    server: Server, clients: Clients, traders: Trade, talk: str
) -> None:
    """A page of messages says where the one before it is."""
    for number in range(3):
        await clients[0].send("/app/message.send", conversationId=talk, text=str(number))
    url = f"{server.url}{API}/messages"
    answer = await request("GET", f"{url}?conversationId={talk}&limit=2", traders.john)
    assert [message["text"] for message in answer.body] == ["1", "2"]
    link = answer.headers["Link"]
    older = await request("GET", url + link[1 : link.index(">")], traders.john)
    assert [message["text"] for message in older.body] == ["Hello", "0"]
