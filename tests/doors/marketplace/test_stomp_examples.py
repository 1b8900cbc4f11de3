"""The examples of the document's WebSocket API are taken and told, field by field."""

from pathlib import Path
from typing import Any

import orjson

from tests.doors.marketplace import document
from tests.doors.marketplace.conftest import LogIn
from tests.support.marketplace import Trade, asked, send
from tests.support.servers import Server
from tests.support.stomp import NOTIFICATIONS, topic


def test_every_example_is_played() -> None:
    """The examples stand under the headings that are played here and among those of REST, and nowhere else."""
    folder = Path(__file__).parent
    played = [
        (folder / name).read_text("utf-8")
        for name in ("test_rest_examples.py", "test_stomp_examples.py")
    ]
    for heading in document.headings():
        assert any(f'"{heading}"' in text for text in played), heading
    assert len(document.headings()) == 10


def _shown(example: Any, places: dict[str, Any]) -> Any:
    return document.timeless(document.real(example, places))


async def test_the_topic_of_a_conversation(server: Server, log_in: LogIn, traders: Trade) -> None:
    """A message is told to its topic as the document shows it."""
    (example,) = document.examples("#### 1. Subscribe to Conversation Updates")
    about = {"recipientId": traders.john.id, "productId": traders.product}
    talk = (await send(server, traders.jane, **about, text="Hello"))["conversationId"]
    jane = await log_in(traders.jane)
    heard = await jane.subscribe(topic(talk))
    text = example["message"]["text"]
    sent = await send(server, traders.john, conversationId=talk, text=text)
    places = {**traders.places, "conv-uuid-1": talk, "msg-uuid-1": sent["id"]}
    assert document.timeless(await jane.told(heard)) == _shown(example, places)


async def test_the_notifications_of_a_user(server: Server, log_in: LogIn, traders: Trade) -> None:
    """A user is notified of messages, of reading and of typing as the document shows it.

    Of a message there is the whole, not the preview that the document shows.
    """
    new, read, typing = document.examples("#### 2. Subscribe to User-Specific Notifications")
    jane, john = [await log_in(user) for user in (traders.jane, traders.john)]
    notified = await jane.subscribe(NOTIFICATIONS)
    text = new["message"]["text"]
    sent = await send(server, traders.john, recipientId=traders.jane.id, text=text)
    places: dict[str, Any] = {**traders.places, "conv-uuid-1": sent["conversationId"]}
    told = await jane.told(notified)
    assert told["message"] == sent
    told["message"] = {name: told["message"][name] for name in new["message"]}
    assert told == document.real(new, places | {"msg-uuid-1": sent["id"]})
    whom = {"conversationId": sent["conversationId"]}
    mine = [await send(server, traders.jane, **whom, text=text) for text in "ab"]
    ids = [message["id"] for message in mine]
    for message_id in ids:
        body = {"messageIds": [message_id]}
        await asked(server, "PATCH", "/messages/mark-read", traders.john, json=body)
        expected = document.real({**read, "messageIds": [message_id]}, places)
        assert await jane.told(notified) == expected
    await john.send("/app/typing.start", **whom)
    assert await jane.told(notified) == document.real(typing, places)


async def test_what_is_sent(server: Server, log_in: LogIn, traders: Trade) -> None:
    """The document's SENDs are taken as they are."""
    (message,) = document.examples("#### 1. Send Message via WebSocket")
    (typing,) = document.examples("#### 2. Send Typing Indicator (Optional)")
    about = {"recipientId": traders.john.id, "productId": traders.product}
    talk = (await send(server, traders.jane, **about, text="Hello"))["conversationId"]
    places = {**traders.places, "conv-uuid-1": talk}
    jane, john = [await log_in(user) for user in (traders.jane, traders.john)]
    heard = await john.subscribe(topic(talk))
    for destination, example in (("/app/message.send", message), ("/app/typing.start", typing)):
        body = orjson.dumps(document.real(example, places))
        await jane.done("SEND", {"destination": destination}, body)
    told = await john.told(heard, "NEW_MESSAGE")
    assert told["message"]["text"] == message["text"]
    assert (await john.told(heard, "USER_TYPING"))["userId"] == traders.jane.id
