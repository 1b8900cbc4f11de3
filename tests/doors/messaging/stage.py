"""The people of the document's examples, and how an example is played by them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.conftest import User
from tests.doors.messaging import document
from tests.doors.messaging.document import Example
from tests.support.messaging import MessagingClient, Told

# Fields that answers and pushes have beyond the document's examples, as the reference says.
BEYOND = {
    "addedBy", "clientId", "code", "conversationId", "deletedBy", "expiresAt", "fields", "group",
    "groupId", "hasMore", "isAnnouncement", "isPinned", "message", "messageId", "nextCursor", "pagination",
    "pinnedBy", "reactions", "readBy", "replyToMessageId", "requiresAuth", "unpinnedBy", "unreadCount",
}  # fmt: skip


def judge(example: Any, found: Told, places: Mapping[str, Any]) -> None:
    """Fail unless something is what an example says, but for fields that are known to be ours."""
    wanted = document.real(example, places)
    assert document.differences(wanted, found) == [], found
    assert document.more(wanted, found) <= BEYOND, found


@dataclass(slots=True)
class Stage:
    """John (123), Jane (456), somebody else (789) and a newcomer (999), of whom three are connected.

    ``places`` has what is real, by the document's placeholders.
    """

    users: dict[str, User]
    john: MessagingClient
    jane: MessagingClient
    third: MessagingClient
    places: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = {"123": "john_doe", "456": "jane_doe", "999": "new_member"}
        for number, user in self.users.items():
            self.places[number] = user.id
            if number in names:
                self.places[names[number]] = user.id
        self.places["John Doe"] = "John"
        people = sorted(user.id for user in (self.users["123"], self.users["456"]))
        self.places["conv_123_456"] = "conv_" + "_".join(people)

    async def cleared(self) -> None:
        """Forget what they were told so far."""
        for client in (self.john, self.jane, self.third):
            await client.settled()
            client.told.clear()

    def id(self, number: str) -> str:
        """The id of one of them."""
        return self.users[number].id

    async def said(self, client: MessagingClient, to: str, text: str = "Hello!") -> str:
        """The id of a message that somebody has just sent to another of them."""
        sent = await client.ask(
            "send_private_message", "message_sent", recipientId=self.id(to), content=text
        )
        return str(sent["messageId"])

    async def group(self, *members: str, name: str = "Project Team") -> str:
        """A new group of John's, which its members have heard of."""
        created = await self.john.ask(
            "create_group",
            "group_created",
            groupName=name,
            groupDescription="Team chat",
            initialMembers=[self.id(number) for number in members],
        )
        return str(created["group"]["groupId"])

    async def play(
        self,
        heading: str,
        who: MessagingClient,
        *,
        given: Mapping[str, Any] | None = None,
        others: Mapping[str, MessagingClient] | None = None,
        new: str | None = None,
        apart: tuple[str, ...] = (),
    ) -> Told:
        """Send the request under a heading, and judge all that comes of it; returns the first answer.

        Args:
            given: what is real beside the people.
            others: who gets what is not the answer, by the document's label.
            new: the placeholder of what is new.
            apart: labels that another play is about.
        """
        places = {**self.places, **(given or {})}
        found: Told | None = None
        blocks = [example for example in document.EXAMPLES if example.heading == heading]
        for example in (e for e in blocks if e.label not in apart):
            if example.label == "Request":
                await who.text(json.dumps(document.real(example.body, places)))
                continue
            client = (others or {}).get(example.label, who)
            told = await self._heard(client, example, places)
            found = found or told
            if new is not None and new not in places:
                places[new] = _new_id(told)
            judge(example.body, told, places)
        assert found is not None, heading
        return found

    async def _heard(
        self, client: MessagingClient, example: Example, places: Mapping[str, Any]
    ) -> Told:
        """What an example is about, by the ids that are known already."""
        named = document.real(example.body, places)
        known = {
            name: named[name]
            for name in ("messageId", "groupId")
            if named.get(name) in places.values()
        }
        return await client.expect(
            example.body["type"],
            lambda told: all(told.get(name) == value for name, value in known.items()),
        )


def _new_id(told: Told) -> Any:
    group = told.get("group")
    if isinstance(group, dict):
        return group["groupId"]
    return told.get("messageId") or told["message"]["id"]


def unknown_id() -> str:
    """The id of nothing."""
    return str(uuid4())
