"""The marketplace system's STOMP: who is let in, what they are told, and what they may send."""

import asyncio

import orjson
import pytest

from tests.conftest import Connect, User
from tests.doors.marketplace.conftest import LogIn, OpenStomp
from tests.support.marketplace import Trade, asked, send
from tests.support.servers import Server
from tests.support.stomp import NOTIFICATIONS, frame, topic

UNKNOWN = "0199a0e0-0000-7000-8000-000000000000"
SEND = "/app/message.send"
TYPING = "/app/typing.start"


async def _talk(server: Server, traders: Trade) -> str:
    """A conversation of Jane and John."""
    sent = await send(
        server, traders.jane, recipientId=traders.john.id, productId=traders.product, text="Hello"
    )
    found: str = sent["conversationId"]
    return found


@pytest.mark.parametrize("path", ["/marketplace/ws", "/marketplace/ws/websocket"])
@pytest.mark.parametrize("header", ["Authorization", "token", "bare"])
async def test_a_client_connects(
    server: Server, open_stomp: OpenStomp, traders: Trade, path: str, header: str
) -> None:
    """CONNECT with the token in either header is answered with version, heart-beats and the user's id."""
    client = await open_stomp(path=path)
    assert client.socket.protocol == "v12.stomp"
    token = traders.jane.token
    said = {
        "Authorization": {"Authorization": f"Bearer {token}"},
        "token": {"token": token},
        "bare": {"Authorization": token},
    }[header]
    connected = await client.connect(said)
    assert connected.headers == {
        "version": "1.2",
        "heart-beat": "10000,30000",
        "user-name": traders.jane.id,
    }


async def test_versions_are_agreed_on(open_stomp: OpenStomp, traders: Trade) -> None:
    """The newest version that both know is spoken; without any STOMP 1.0; of others ERROR names those known."""
    said = {"token": traders.jane.token}
    for accepted, version in (("1.0,1.1", "1.1"), ("1.1,1.2", "1.2"), (None, "1.0")):
        client = await open_stomp()
        headers = said if accepted is None else {**said, "accept-version": accepted}
        await client.say("STOMP", headers)
        assert (await client.expect("CONNECTED")).headers["version"] == version
    client = await open_stomp()
    await client.say("CONNECT", {**said, "accept-version": "2.0"})
    assert (await client.refused()).headers["version"] == "1.0,1.1,1.2"


async def test_wrong_tokens_are_refused(open_stomp: OpenStomp) -> None:
    """Without a token, or with a wrong one, CONNECT is an ERROR with a code, and the connection ends."""
    for headers, code in (
        ({}, "AUTH_REQUIRED"),
        ({"token": "no.to.ken"}, "AUTH_FAILED"),
        ({"Authorization": "Basic abc"}, "AUTH_REQUIRED"),
    ):
        client = await open_stomp()
        await client.say("CONNECT", {"accept-version": "1.2", **headers})
        error = await client.refused()
        assert error.headers["code"] == code
        assert error.headers["message"]
    client = await open_stomp()
    await client.say("SUBSCRIBE", {"id": "1", "destination": NOTIFICATIONS})
    await client.refused()


async def test_a_message_is_broadcast(server: Server, log_in: LogIn, traders: Trade) -> None:
    """A message is told to the topic's subscribers, its sender among them, and to the recipient's queue."""
    conversation_id = await _talk(server, traders)
    jane, john = [await log_in(user) for user in (traders.jane, traders.john)]
    topics = [await client.subscribe(topic(conversation_id)) for client in (jane, john)]
    queues = [await client.subscribe(NOTIFICATIONS) for client in (jane, john)]
    await john.send(SEND, conversationId=conversation_id, text="Yes")
    told = [
        await jane.told(topics[0]), await john.told(topics[1]), await jane.told(queues[0])
    ]  # fmt: skip
    assert told[0] == told[1] == told[2]
    assert (told[0]["type"], told[0]["conversationId"]) == ("NEW_MESSAGE", conversation_id)
    path = f"/messages?conversationId={conversation_id}"
    assert told[0]["message"] == (await asked(server, "GET", path, traders.jane))[-1]
    # His own queue has nothing of it: what John is told next is Jane's.
    await jane.send(SEND, recipientId=traders.john.id, productId=traders.product, text="Good")
    assert (await john.told(queues[1]))["message"]["text"] == "Good"


async def test_a_message_has_the_headers_of_its_system(
    server: Server, log_in: LogIn, traders: Trade
) -> None:
    """A MESSAGE has its destination as it was subscribed to, and an id that is the same in every copy."""
    conversation_id = await _talk(server, traders)
    jane = await log_in(traders.jane)
    named = {
        topic(conversation_id): await jane.subscribe(topic(conversation_id)),
        NOTIFICATIONS: await jane.subscribe(NOTIFICATIONS),
    }
    await send(server, traders.john, conversationId=conversation_id, text="50% off, naïve ✓")
    for destination, subscription in named.items():
        message = await jane.expect("MESSAGE", subscription=subscription)
        assert message.headers == {
            "subscription": subscription,
            "destination": destination,
            # The conversation's third event: it was created, and Jane said hello.
            "message-id": f"{conversation_id}.3",
            "content-type": "application/json",
            "content-length": str(len(message.body)),
        }
        assert message.data["message"]["text"] == "50% off, naïve ✓"


async def test_reading_is_told_to_the_writer(server: Server, log_in: LogIn, traders: Trade) -> None:
    """MESSAGE_READ comes to the queue of who wrote the messages, and to nobody else's."""
    conversation_id = await _talk(server, traders)
    jane, john = [await log_in(user) for user in (traders.jane, traders.john)]
    queues = [await client.subscribe(NOTIFICATIONS) for client in (jane, john)]
    path = f"/messages?conversationId={conversation_id}"
    (message,) = await asked(server, "GET", path, traders.john)
    body = {"messageIds": [message["id"]]}
    await asked(server, "PATCH", "/messages/mark-read", traders.john, json=body)
    assert await jane.told(queues[0]) == {
        "type": "MESSAGE_READ",
        "conversationId": conversation_id,
        "messageIds": [message["id"]],
        "userId": traders.john.id,
    }
    await jane.send(SEND, conversationId=conversation_id, text="Ah")
    assert (await john.told(queues[1]))["type"] == "NEW_MESSAGE"


async def test_very_many_are_read_at_once(
    server: Server, log_in: LogIn, connect: Connect, traders: Trade
) -> None:
    """MESSAGE_READ names the messages also where they are more than the main door's push names."""
    device, reader = await connect(traders.jane), await connect(traders.john)
    jane = await log_in(traders.jane)
    queue = await jane.subscribe(NOTIFICATIONS)
    sent = [
        (await device.do("chat:message_send", recipientId=traders.john.id, content="x"))["message"]
        for _ in range(201)
    ]
    up_to = {"conversationId": sent[-1]["conversation_id"], "upToSeq": sent[-1]["seq"]}
    await reader.do("chat:message_read", **up_to)
    told = await jane.told(queue, "MESSAGE_READ")
    assert told["messageIds"] == [message["id"] for message in sent]


async def test_typing_is_told(server: Server, log_in: LogIn, traders: Trade) -> None:
    """USER_TYPING comes to the topic and to the queue of the other person."""
    conversation_id = await _talk(server, traders)
    jane, john = [await log_in(user) for user in (traders.jane, traders.john)]
    subscriptions = [
        await jane.subscribe(topic(conversation_id)), await jane.subscribe(NOTIFICATIONS)
    ]  # fmt: skip
    await john.send(TYPING, conversationId=conversation_id)
    for subscription in subscriptions:
        assert await jane.told(subscription) == {
            "type": "USER_TYPING",
            "conversationId": conversation_id,
            "userId": traders.john.id,
        }


async def test_a_topic_of_others_is_refused(
    server: Server, log_in: LogIn, connect: Connect, traders: Trade, carol: User
) -> None:
    """A topic of others, of a group, of nothing, and any other destination is refused, and the connection ends."""
    conversation_id = await _talk(server, traders)
    device = await connect(carol)
    group = (await device.do("group:create", title="Buyers"))["conversation"]["id"]
    for destination, code in (
        (topic(conversation_id), "PERMISSION_DENIED"),
        (topic(UNKNOWN), "RESOURCE_NOT_FOUND"),
        (topic(group), "RESOURCE_NOT_FOUND"),
        (topic("no-id"), "VALIDATION_ERROR"),
        (topic(conversation_id.upper()), None),
        ("/queue/notifications", None),
        (f"/user/{traders.jane.id}/queue/notifications", None),
    ):
        client = await log_in(carol)
        await client.say("SUBSCRIBE", {"id": "1", "destination": destination, "receipt": "r"})
        error = await client.refused()
        assert error.headers.get("code") == code, destination
        assert error.headers["receipt-id"] == "r"
        assert client.kept("RECEIPT") == []


@pytest.mark.parametrize(
    ("destination", "body", "code"),
    [
        ("/topic/conversation.{talk}", b'{"text":"Hello"}', None),
        ("/queue/notifications", b"{}", None),
        ("/app/message.delete", b"{}", None),
        (SEND, b'{"conversationId":"{talk}"}', "VALIDATION_ERROR"),
        (SEND, b'{"conversationId":"{talk}","text":" "}', "VALIDATION_ERROR"),
        (SEND, b'{"text":"Hello"}', "VALIDATION_ERROR"),
        (SEND, b'{"conversationId":"{talk}","text":', "VALIDATION_ERROR"),
        (SEND, b"[]", "VALIDATION_ERROR"),
        (SEND, b"", "VALIDATION_ERROR"),
        (SEND, b'{"recipientId":"nobody","text":"Hello"}', "RESOURCE_NOT_FOUND"),
        (TYPING, b"{}", "VALIDATION_ERROR"),
    ],
)
async def test_what_cannot_be_sent_is_an_error(
    server: Server,
    log_in: LogIn,
    traders: Trade,
    destination: str,
    body: bytes,
    code: str | None,
) -> None:
    """What is wrong is an ERROR that ends the connection, and nobody gets it."""
    conversation_id = await _talk(server, traders)
    jane, john = [await log_in(user) for user in (traders.jane, traders.john)]
    heard = await john.subscribe(topic(conversation_id))
    await jane.say(
        "SEND",
        {"destination": destination.replace("{talk}", conversation_id), "receipt": "r"},
        body.replace(b"{talk}", conversation_id.encode()),
    )
    error = await jane.refused()
    assert (error.headers.get("code"), error.headers["receipt-id"]) == (code, "r")
    await send(server, traders.jane, conversationId=conversation_id, text="After all")
    assert (await john.told(heard))["message"]["text"] == "After all"


async def test_groups_take_no_message(
    server: Server, log_in: LogIn, connect: Connect, traders: Trade
) -> None:
    """A SEND to a group of one's own is refused as one to nothing."""
    device = await connect(traders.jane)
    group = (await device.do("group:create", title="Buyers"))["conversation"]["id"]
    for destination, message in ((SEND, {"text": "To all"}), (TYPING, {})):
        jane = await log_in(traders.jane)
        body = orjson.dumps({"conversationId": group, **message})
        await jane.say("SEND", {"destination": destination}, body)
        assert (await jane.refused()).headers["code"] == "RESOURCE_NOT_FOUND"
    history = await device.do("chat:history", conversationId=group)
    assert history["messages"] == []


async def test_sends_are_done_in_order(server: Server, log_in: LogIn, traders: Trade) -> None:
    """Two hundred SENDs in one message are posted in their order, and each is receipted after its commit."""
    conversation_id = await _talk(server, traders)
    jane, john = [await log_in(user) for user in (traders.jane, traders.john)]
    heard = await john.subscribe(topic(conversation_id))
    await jane.write(
        *(
            frame(
                "SEND",
                {"destination": SEND, "receipt": str(number)},
                f'{{"conversationId":"{conversation_id}","text":"{number}"}}'.encode(),
            )
            for number in range(200)
        )
    )
    found = [(await john.told(heard))["message"]["text"] for _ in range(200)]
    assert found == [str(number) for number in range(200)]
    receipts = [(await jane.expect("RECEIPT")).headers["receipt-id"] for _ in range(200)]
    assert receipts == found


async def test_what_was_sent_is_receipted_before_the_end(
    server: Server, log_in: LogIn, traders: Trade
) -> None:
    """What was done is receipted before the end, be that a DISCONNECT or the ERROR of another SEND."""
    conversation_id = await _talk(server, traders)

    def sends(*texts: str) -> list[bytes]:
        return [
            frame(
                "SEND",
                {"destination": SEND, "receipt": f"of {text}"},
                orjson.dumps({"conversationId": conversation_id, "text": text}),
            )
            for text in texts
        ]

    jane = await log_in(traders.jane)
    await jane.write(*sends("a", "b"), frame("DISCONNECT", {"receipt": "end"}))
    for receipt in ("of a", "of b", "end"):
        assert (await jane.expect("RECEIPT")).headers["receipt-id"] == receipt
    assert await jane.closed() == 1000
    jane = await log_in(traders.jane)
    await jane.write(*sends("c", " ", "d"))
    await jane.refused()
    assert [each.headers["receipt-id"] for each in jane.kept("RECEIPT")] == ["of c", "of d"]


async def test_subscriptions_in_one_write(server: Server, log_in: LogIn, traders: Trade) -> None:
    """SUBSCRIBE, UNSUBSCRIBE and SUBSCRIBE in one write leave one copy; so does the same SUBSCRIBE twice."""
    conversation_id = await _talk(server, traders)
    jane = await log_in(traders.jane)
    one = {"id": "1", "destination": topic(conversation_id)}
    await jane.write(
        frame("SUBSCRIBE", one),
        frame("UNSUBSCRIBE", {"id": "1"}),
        frame("SUBSCRIBE", one),
        frame("SUBSCRIBE", {**one, "receipt": "r"}),
    )
    await jane.expect("RECEIPT", receipt_id="r")
    for text in ("once", "twice"):
        await send(server, traders.john, conversationId=conversation_id, text=text)
        assert (await jane.told("1"))["message"]["text"] == text
    await jane.done("UNSUBSCRIBE", {"id": "unknown"})
    await jane.done("UNSUBSCRIBE", {"id": "1"})
    await send(server, traders.john, conversationId=conversation_id, text="not heard")
    heard = await jane.subscribe(NOTIFICATIONS, "2")
    await send(server, traders.john, conversationId=conversation_id, text="heard")
    assert (await jane.told(heard))["message"]["text"] == "heard"
    assert jane.kept("MESSAGE") == []
    await jane.say("SUBSCRIBE", {"id": "2", "destination": topic(conversation_id)})
    await jane.refused()


async def test_nothing_is_missed_after_the_receipt(
    server: Server, log_in: LogIn, traders: Trade
) -> None:
    """Whatever is posted once SUBSCRIBE is receipted is told, however many subscribe while others post."""
    conversation_id = await _talk(server, traders)

    async def hears(number: int) -> None:
        client = await log_in(traders.jane)
        heard = await client.subscribe(topic(conversation_id))
        text = f"for {number}"
        await send(server, traders.john, conversationId=conversation_id, text=text)
        while (await client.told(heard))["message"]["text"] != text:
            pass

    await asyncio.gather(*map(hears, range(10)))


async def test_a_conversation_is_subscribed_to_at_once(
    server: Server, log_in: LogIn, traders: Trade
) -> None:
    """The topic of a conversation that was created a moment ago is there for both people."""
    clients = [await log_in(user) for user in (traders.jane, traders.john)]
    conversation_id = await _talk(server, traders)
    heard = [await client.subscribe(topic(conversation_id)) for client in clients]
    await clients[0].send(SEND, conversationId=conversation_id, text="Again")
    for client, subscription in zip(clients, heard, strict=True):
        assert (await client.told(subscription))["message"]["text"] == "Again"


async def test_transactions_are_refused_and_acknowledgements_receipted(
    log_in: LogIn, traders: Trade
) -> None:
    """ACK and NACK do nothing and are receipted; BEGIN, COMMIT and ABORT are ERRORs."""
    jane = await log_in(traders.jane)
    await jane.done("ACK", {"id": "1"})
    await jane.done("NACK", {"id": "1"})
    await jane.done("DISCONNECT")
    assert await jane.closed() == 1000
    for command in ("BEGIN", "COMMIT", "ABORT", "MESSAGE", "connect"):
        jane = await log_in(traders.jane)
        await jane.say(command, {"transaction": "1"})
        await jane.refused()
