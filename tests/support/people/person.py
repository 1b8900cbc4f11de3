"""What somebody does and sees who talks in one conversation, at any door."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from tests.conftest import User
from tests.support.http import request
from tests.support.servers import Server


class Talk:
    """A direct conversation, by its UUID, of two people, perhaps about a product."""

    def __init__(self, talk_id: str, people: tuple[User, User], product: str | None) -> None:
        self.id = talk_id
        self.people = people
        self.product = product

    def other(self, user: User) -> User:
        """The one with whom somebody talks."""
        return self.people[1] if user is self.people[0] else self.people[0]


async def opened_by_rest(server: Server, one: User, other: User, product: str | None) -> Talk:
    """A conversation that was opened by the main door's REST."""
    fields = {"recipientId": other.id, **({"productId": product} if product else {})}
    url = f"{server.url}/api/commands/chat:conversation_open"
    answer = await request("POST", url, one, json=fields)
    return Talk(answer.body["conversation"]["id"], (one, other), product)


class Person(ABC):
    """Somebody who talks in one conversation, over one connection."""

    def __init__(self, server: Server, user: User, talk: Talk) -> None:
        self.server = server
        self.user = user
        self.talk = talk
        self.other = talk.other(user)

    @abstractmethod
    async def arrive(self) -> None:
        """Connect."""

    @abstractmethod
    async def go(self) -> None:
        """Hang up."""

    @abstractmethod
    async def say(self, text: str) -> str:
        """Send a message; returns its id."""

    @abstractmethod
    async def hear(self, text: str) -> str:
        """Be told of the other one's next message, which must be this; returns its id."""

    @abstractmethod
    async def read(self, message_id: str) -> None:
        """Say that a message was read."""

    @abstractmethod
    async def hear_read(self, message_id: str) -> None:
        """Be told that the other one has read a message."""

    @property
    def types(self) -> bool:
        """Whether there is a word for typing in this conversation."""
        return True

    @abstractmethod
    async def type(self) -> None:
        """Type."""

    @abstractmethod
    async def hear_typing(self) -> None:
        """Be told that the other one types."""

    @abstractmethod
    async def edit(self, message_id: str, text: str) -> None:
        """Give a message another text."""

    @abstractmethod
    async def hear_edit(self, message_id: str, text: str) -> None:
        """Be told of a message's other text, or find it."""

    @abstractmethod
    async def erase(self, message_id: str) -> None:
        """Erase a message for everyone."""

    @abstractmethod
    async def hear_erased(self, message_id: str) -> None:
        """Be told that a message is erased, or find it so."""

    @abstractmethod
    async def heard_twice(self) -> list[Any]:
        """What was told that nobody expected: everything so far has arrived."""

    async def by_rest(
        self, method: str, path: str, json: Mapping[str, Any] | None = None, status: int = 200
    ) -> Any:
        """The body of a request of theirs that must succeed."""
        answer = await request(method, f"{self.server.url}{path}", self.user, json=json)
        assert answer.status == status, answer.body
        return answer.body
