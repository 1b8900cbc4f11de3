"""Somebody at the marketplace system's door."""

from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.conftest import User
from tests.support.people.person import Person
from tests.support.stomp import NOTIFICATIONS, PATH, SUBPROTOCOLS, Stomp, topic


class AtMarketplace(Person):
    """At the marketplace system's STOMP; what that has no word for is asked by REST."""

    async def arrive(self) -> None:
        """See `Person`."""
        self._session = aiohttp.ClientSession()
        socket = await self._session.ws_connect(
            f"{self.server.url}{PATH}", protocols=SUBPROTOCOLS, max_msg_size=0
        )
        self.client = await Stomp(socket).log_in(self.user)
        self._topic = await self.client.subscribe(topic(self.talk.id))
        self._queue = await self.client.subscribe(NOTIFICATIONS)

    async def go(self) -> None:
        """See `Person`."""
        await self.client.close()
        await self._session.close()

    def _is_message(self, told: Mapping[str, Any], text: str, sender: User) -> str:
        message_id: str = told["message"]["id"]
        assert told == {
            "type": "NEW_MESSAGE",
            "conversationId": self.talk.id,
            "message": {
                "id": message_id,
                "conversationId": self.talk.id,
                "senderId": sender.id,
                "recipientId": self.talk.other(sender).id,
                "productId": self.talk.product,
                "text": text,
                "createdAt": told["message"]["createdAt"],
                "read": False,
                "senderName": sender.id.partition("-")[0].capitalize(),
                "senderEmail": f"{sender.id}@example.com",
            },
        }
        return message_id

    async def say(self, text: str) -> str:
        """See `Person`."""
        await self.client.send("/app/message.send", conversationId=self.talk.id, text=text)
        return self._is_message(await self.client.told(self._topic), text, self.user)

    async def hear(self, text: str) -> str:
        """See `Person`: by the topic, and by the own queue."""
        told = await self.client.told(self._topic)
        assert await self.client.told(self._queue) == told
        return self._is_message(told, text, self.other)

    async def read(self, message_id: str) -> None:
        """See `Person`."""
        done = await self.by_rest(
            "PATCH", "/marketplace/api/messages/mark-read", {"messageIds": [message_id]}
        )
        assert done == {"updatedCount": 1}

    async def hear_read(self, message_id: str) -> None:
        """See `Person`."""
        assert await self.client.told(self._queue) == {
            "type": "MESSAGE_READ",
            "conversationId": self.talk.id,
            "messageIds": [message_id],
            "userId": self.other.id,
        }

    async def type(self) -> None:
        """See `Person`."""
        await self.client.send("/app/typing.start", conversationId=self.talk.id)

    async def hear_typing(self) -> None:
        """See `Person`."""
        for subscription in (self._topic, self._queue):
            assert await self.client.told(subscription) == {
                "type": "USER_TYPING",
                "conversationId": self.talk.id,
                "userId": self.other.id,
            }

    async def _shown(self, message_id: str) -> Any:
        """A message as it is shown by REST; None where it is not."""
        found = await self.by_rest(
            "GET", f"/marketplace/api/messages?conversationId={self.talk.id}"
        )
        return next((message for message in found if message["id"] == message_id), None)

    async def edit(self, message_id: str, text: str) -> None:
        """See `Person`."""
        await self.by_rest("PATCH", f"/api/messages/{message_id}", {"content": text})

    async def hear_edit(self, message_id: str, text: str) -> None:
        """See `Person`."""
        assert (await self._shown(message_id))["text"] == text

    async def erase(self, message_id: str) -> None:
        """See `Person`."""
        await self.by_rest("DELETE", f"/api/messages/{message_id}")

    async def hear_erased(self, message_id: str) -> None:
        """See `Person`."""
        assert await self._shown(message_id) is None

    async def heard_twice(self) -> list[Any]:
        """See `Person`."""
        await self.client.done("UNSUBSCRIBE", {"id": self._queue})
        return [frame.data for frame in self.client.kept("MESSAGE")]
