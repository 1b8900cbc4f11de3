"""Blocks between people; the rows are the directory's."""

from chatserver.delivery import Delivery, Event, user_room
from chatserver.directory import Directory
from chatserver.errors import invalid
from chatserver.requests import Requests
from chatserver.session import Caller
from schemas.user import UserBlocked
from schemas.wire import payload


class Blocks:
    """Blocks and unblocks people."""

    def __init__(self, directory: Directory, delivery: Delivery, requests: Requests) -> None:
        self._directory = directory
        self._delivery = delivery
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
            self._delivery.publish(
                Event(
                    room=user_room(caller.user_id),
                    seq=row["seq"],
                    name="user:blocked" if blocked else "user:unblocked",
                    payload=payload(UserBlocked(user_id=target.id, personal_seq=row["seq"])),
                )
            )
