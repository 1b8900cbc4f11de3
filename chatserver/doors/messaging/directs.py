"""Finds the conversations that these clients name by their two people."""

from collections import OrderedDict

from chatserver.core.caller import Session
from chatserver.gate import Gate
from chatserver.schemas.conversations import ConversationFound

# Some 300 bytes each.
_MOST_KNOWN = 20_000


class Directs:
    """Knows which direct conversation, about no product, two people have: it never changes once there is one."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def find(self, session: Session, person: str) -> str | None:
        """Return the id of the caller's conversation with a person; None where they have none.

        Raises:
            ChatError: what ``chat:conversation_find`` is refused with.
        """
        pair = session.user.id, person
        known = self._known.get(pair)
        if known is not None:
            self._known.move_to_end(pair)
            return known
        answer = await self._gate.answer(session, "chat:conversation_find", {"recipientId": person})
        if answer.error is not None:
            raise answer.error
        assert isinstance(answer.value, ConversationFound)  # the command's
        found = answer.value.conversation_id
        if found is not None:
            self._known[pair] = found
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return found
