"""Somebody at the main door."""

from typing import Any

from tests.support.device import Device
from tests.support.people.person import Person


class AtMain(Person):
    """At the main door, by the stock client."""

    async def arrive(self) -> None:
        """See `Person`."""
        self.device = Device(self.server.url, self.user.token)
        await self.device.connect()

    async def go(self) -> None:
        """See `Person`."""
        await self.device.close()

    async def say(self, text: str) -> str:
        """See `Person`."""
        ack = await self.device.do("chat:message_send", conversationId=self.talk.id, content=text)
        own = await self.device.expect("chat:message_received")
        assert own["id"] == ack["messageId"]
        message_id: str = own["id"]
        return message_id

    async def hear(self, text: str) -> str:
        """See `Person`."""
        told = await self.device.expect("chat:message_received")
        assert (told["content"], told["sender_id"]) == (text, self.other.id)
        assert told["conversationId"] == self.talk.id
        message_id: str = told["id"]
        return message_id

    async def read(self, message_id: str) -> None:
        """See `Person`."""
        await self.device.do("chat:message_read", messageId=message_id)

    async def hear_read(self, message_id: str) -> None:
        """See `Person`."""
        told = await self.device.expect(
            "chat:message_status_updated",
            lambda m: m["status"] == "read" and m["userId"] == self.other.id,
        )
        assert told["messageIds"] == [message_id]

    async def type(self) -> None:
        """See `Person`."""
        await self.device.do("chat:typing", conversationId=self.talk.id, isTyping=True)

    async def hear_typing(self) -> None:
        """See `Person`."""
        told = await self.device.expect("chat:user_typing", lambda m: m["isTyping"] is True)
        assert (told["userId"], told["conversationId"]) == (self.other.id, self.talk.id)

    async def edit(self, message_id: str, text: str) -> None:
        """See `Person`."""
        await self.device.do("chat:message_edit", messageId=message_id, content=text)
        await self.device.expect("chat:message_edited")

    async def hear_edit(self, message_id: str, text: str) -> None:
        """See `Person`."""
        told = await self.device.expect("chat:message_edited")
        assert (told["messageId"], told["message"]["content"]) == (message_id, text)

    async def erase(self, message_id: str) -> None:
        """See `Person`."""
        await self.device.do("chat:message_delete", messageId=message_id)
        await self.device.expect("chat:message_deleted")

    async def hear_erased(self, message_id: str) -> None:
        """See `Person`."""
        told = await self.device.expect("chat:message_deleted")
        assert (told["messageId"], told["deleteForEveryone"]) == (message_id, True)

    async def heard_twice(self) -> list[Any]:
        """See `Person`."""
        await self.device.settled()
        names = ("chat:message_received", "chat:message_edited", "chat:message_deleted")
        return [data for name in names for data in self.device.seen(name)]
