"""The examples of REST in the document are what the server answers, field by field."""

from typing import Any

import pytest

from chatserver.reference import openapi
from tests.doors.marketplace import document
from tests.support.marketplace import Trade, asked, send
from tests.support.servers import Server

TEXT = "Is this still available?"


def _shown(example: Any, places: dict[str, str]) -> Any:
    return document.timeless(document.real(example, places))


async def _three_from_john(server: Server, traders: Trade) -> list[dict[str, Any]]:
    """Three messages to Jane, the last of which is the document's."""
    about: dict[str, Any] = {"recipientId": traders.jane.id, "productId": traders.product}
    return [
        await send(server, traders.john, **about, text=text) for text in ("Hello", "Hello?", TEXT)
    ]


@pytest.mark.parametrize("heading", [h for h in document.headings() if h.startswith("### ")])
def test_the_statuses(heading: str) -> None:
    """Each route of the document has each status that the document gives it."""
    method, path = document.endpoint(heading)
    operation = openapi.document()["paths"][f"/marketplace{path}"][method.lower()]
    assert {str(status) for status in document.statuses(heading)} <= operation["responses"].keys()


async def test_the_conversations(server: Server, traders: Trade) -> None:
    """The list of conversations, and one of them, are answered as the document shows them."""
    last = (await _three_from_john(server, traders))[-1]
    places = {**traders.places, "conv-uuid-1": last["conversationId"]}
    for heading in ("### 1. Get User Conversations", "### 2. Get Conversation by ID"):
        (example,) = document.examples(heading)
        method, path = document.endpoint(heading)
        path = path.removeprefix("/api").replace("{conversationId}", last["conversationId"])
        found = await asked(server, method, path, traders.jane)
        assert document.timeless(found) == _shown(example, places)


async def test_the_messages(server: Server, traders: Trade) -> None:
    """The messages of a conversation are answered as the document shows them, by either of its ways."""
    body = {"recipientId": traders.john.id, "productId": traders.product, "text": TEXT}
    sent = await send(server, traders.jane, **body)
    places = {
        **traders.places, "conv-uuid-1": sent["conversationId"], "msg-uuid-1": sent["id"]
    }  # fmt: skip
    heading = "### 3. Get Messages"
    (example,) = document.examples(heading)
    method, path = document.endpoint(heading)
    for query in (
        f"conversationId={sent['conversationId']}",
        f"recipientId={traders.john.id}&productId={traders.product}",
    ):
        found = await asked(server, method, f"{path.removeprefix('/api')}?{query}", traders.jane)
        assert document.timeless(found) == _shown(example, places)


async def test_a_message_is_sent(server: Server, traders: Trade) -> None:
    """The document's body is taken as it is, and answered with the document's message."""
    heading = "### 4. Send Message (REST Fallback)"
    body, example = document.examples(heading)
    method, path = document.endpoint(heading)
    opened = (await _three_from_john(server, traders))[0]["conversationId"]
    places = {**traders.places, "conv-uuid-1": opened}
    sent = await asked(
        server,
        method,
        path.removeprefix("/api"),
        traders.jane,
        status=201,
        json=document.real(body, places),
    )
    assert document.timeless(sent) == _shown(example, places | {"msg-uuid-1": sent["id"]})


async def test_messages_are_marked_as_read(server: Server, traders: Trade) -> None:
    """Marking the three messages of the document's body answers that three were."""
    heading = "### 5. Mark Messages as Read"
    body, example = document.examples(heading)
    method, path = document.endpoint(heading)
    sent = await _three_from_john(server, traders)
    places = {f"msg-uuid-{nth}": message["id"] for nth, message in enumerate(sent, start=1)}
    path = path.removeprefix("/api")
    found = await asked(server, method, path, traders.jane, json=document.real(body, places))
    assert found == example


async def test_a_conversation_is_blocked(server: Server, traders: Trade) -> None:
    """Blocking is answered as the document shows it."""
    heading = "### 6. Block/Unblock Conversation"
    body, example = document.examples(heading)
    method, path = document.endpoint(heading)
    opened = (await _three_from_john(server, traders))[0]["conversationId"]
    path = path.removeprefix("/api").replace("{conversationId}", opened)
    found = await asked(server, method, path, traders.jane, json=body)
    assert found == document.real(example, {**traders.places, "conv-uuid-1": opened})
