"""The conversations of devices that speak other systems' words."""

from typing import Any

from tests.conftest import User
from tests.support.http import request
from tests.support.servers import Server


class Talks:
    """The direct conversations that were opened, by the main door: every door knows its name of one."""

    def __init__(self) -> None:
        self._people: dict[str, tuple[str, str]] = {}

    async def opened(self, server: Server, user: User, fields: dict[str, Any]) -> dict[str, Any]:
        """The ack of opening one."""
        url = f"{server.url}/api/commands/chat:conversation_open"
        answer = await request("POST", url, user, json=fields)
        assert answer.status == 200, answer.body
        self._people[answer.body["conversation"]["id"]] = (user.id, fields["recipientId"])
        return {"success": True, **answer.body}

    def other(self, conversation_id: str, user: User) -> str:
        """The id of the one with whom a user talks there."""
        people = self._people[conversation_id]
        return people[1] if people[0] == user.id else people[0]
