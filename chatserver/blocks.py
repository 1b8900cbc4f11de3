"""Blocks between people; the rows are the directory's."""

from chatserver.directory import Directory
from chatserver.errors import invalid
from chatserver.log import Publisher
from chatserver.requests import Requests
from chatserver.session import Caller


class Blocks:
    """Blocks and unblocks people."""

    def __init__(self, directory: Directory, publisher: Publisher, requests: Requests) -> None:
        self._directory = directory
        self._publisher = publisher
        self._requests = requests

    async def set_user(self, caller: Caller, user_id: str, *, blocked: bool) -> None:
        """Block a person, or take one's own block back; doing it twice changes nothing.

        Raises:
            ChatError: VALIDATION_ERROR for oneself; RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        target = await self._directory.get(user_id)
        if target.id == caller.user_id:
            raise invalid("userId", "Must be somebody else than yourself.")
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return
            row = await work.asks.one("set_user_block", caller.user_id, target.id, blocked)
            await work.keep({})
        if row is not None:
            await self._publisher.person(caller.user_id, row["seq"])
