"""Somebody at the messaging system's door."""

from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.conftest import User
from tests.support.messaging import PATH, MessagingClient
from tests.support.people.person import Person


class AtMessaging(Person):
    """At the messaging system's WebSocket."""

    @property
    def _conversation(self) -> str:
        """Its name, where its two people alone name it."""
        low, high = sorted((self.user.id, self.other.id))
        return self.talk.id if self.talk.product else f"conv_{low}_{high}"

    async def arrive(self) -> None:
        """See `Person`."""
        self._session = aiohttp.ClientSession()
        socket = await self._session.ws_connect(f"{self.server.url}{PATH}", max_msg_size=0)
        self.client = MessagingClient(socket)
        await self.client.authenticate(self.user)

    async def go(self) -> None:
        """See `Person`."""
        await self.client.close()
        await self._session.close()

    def _is_message(self, message: Mapping[str, Any], text: str, sender: User) -> str:
        message_id: str = message["id"]
        assert message == {
            "id": message_id,
            "conversationId": self._conversation,
            "senderId": sender.id,
            "recipientId": self.talk.other(sender).id,
            "username": sender.id,
            "content": text,
            "timestamp": message["timestamp"],
            "isRead": False,
            "replyToMessageId": None,
        }
        return message_id

    async def say(self, text: str) -> str:
        """See `Person`."""
        told = await self.client.ask(
            "send_private_message", "message_sent", conversationId=self._conversation, content=text
        )
        assert set(told) == {"type", "messageId", "message", "timestamp"}
        return self._is_message(told["message"], text, self.user)

    async def hear(self, text: str) -> str:
        """See `Person`."""
        told = await self.client.expect("new_private_message")
        message_id = self._is_message(told["message"], text, self.other)
        assert told == {
            "type": "new_private_message",
            "message": told["message"],
            "messageId": message_id,
            "conversationId": self._conversation,
            "timestamp": told["message"]["timestamp"],
        }
        return message_id

    async def read(self, message_id: str) -> None:
        """See `Person`."""
        await self.client.ask(
            "mark_message_read",
            "message_read",
            messageId=message_id,
            conversationId=self._conversation,
        )

    async def hear_read(self, message_id: str) -> None:
        """See `Person`."""
        told = await self.client.expect("message_read")
        assert told == {
            "type": "message_read",
            "messageId": message_id,
            "conversationId": self._conversation,
            "readBy": self.other.id,
            "timestamp": told["timestamp"],
        }

    @property
    def types(self) -> bool:
        """See `Person`: who types names a person, with whom there may be talk of several products."""
        return self.talk.product is None

    async def type(self) -> None:
        """See `Person`."""
        await self.client.say("typing", recipientId=self.other.id, isTyping=True)

    async def hear_typing(self) -> None:
        """See `Person`."""
        told = await self.client.expect("user_typing", lambda m: m["isTyping"] is True)
        assert told == {
            "type": "user_typing",
            "userId": self.other.id,
            "username": self.other.id,
            "isTyping": True,
            "conversationId": self._conversation,
            "timestamp": told["timestamp"],
        }

    async def edit(self, message_id: str, text: str) -> None:
        """See `Person`."""
        told = await self.client.ask(
            "edit_message",
            "message_edited",
            messageId=message_id,
            content=text,
            conversationId=self._conversation,
        )
        assert told["message"]["content"] == text

    async def hear_edit(self, message_id: str, text: str) -> None:
        """See `Person`."""
        told = await self.client.expect("message_edited")
        at = told["timestamp"]
        assert told["message"] == {"id": message_id, "content": text, "editedAt": at}
        assert (told["messageId"], told["conversationId"]) == (message_id, self._conversation)

    async def erase(self, message_id: str) -> None:
        """See `Person`."""
        await self.client.ask(
            "delete_message",
            "message_deleted",
            messageId=message_id,
            conversationId=self._conversation,
        )

    async def hear_erased(self, message_id: str) -> None:
        """See `Person`."""
        told = await self.client.expect("message_deleted")
        assert told == {
            "type": "message_deleted",
            "messageId": message_id,
            "conversationId": self._conversation,
            "deleteForEveryone": True,
            "deletedBy": self.other.id,
            "timestamp": told["timestamp"],
        }

    async def heard_twice(self) -> list[Any]:
        """See `Person`."""
        await self.client.settled()
        kinds = ("new_private_message", "message_sent", "message_edited", "message_deleted")
        return [told for kind in kinds for told in self.client.seen(kind)]
