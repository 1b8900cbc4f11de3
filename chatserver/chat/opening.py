"""Opens direct conversations: finds or creates them, and finds the one that a message to a person goes to."""

from collections.abc import Iterable
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.core.errors import ChatError, invalid, not_found
from chatserver.core.ids import uuid7
from chatserver.core.logging import get_logger
from chatserver.core.quotas import NO_QUOTAS, Quotas
from chatserver.log import Appended, Changes, to_conversation
from chatserver.resources import Conversations, Directory
from chatserver.schemas.messages import MessageSend
from chatserver.store import Database, Record

_log = get_logger(__name__)


class Opening:
    """Opens direct conversations.

    Args:
        quotas: `conversations_per_hour` and `conversations` of them.

    Raises (all methods):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        directory: Directory,
        conversations: Conversations,
        changes: Changes,
        quotas: Quotas = NO_QUOTAS,
    ) -> None:
        self._db = db
        self._directory = directory
        self._conversations = conversations
        self._changes = changes
        self._quotas = quotas

    async def open_direct(self, caller: Caller, recipient_id: str, product_id: str | None) -> UUID:
        """Return the direct conversation with a person (about a product), found or created.

        Raises:
            ChatError: VALIDATION_ERROR for oneself; RESOURCE_NOT_FOUND, USER_BLOCKED, IDEMPOTENCY_CONFLICT;
                for a new one CONFLICT where the caller has too many, RATE_LIMIT_EXCEEDED where too many of
                them are of late.
        """
        recipient = await self._recipient(caller, recipient_id)
        return await self._open(caller, recipient, product_id)

    async def find_direct(
        self, caller: Caller, recipient_id: str, product_id: str | None
    ) -> UUID | None:
        """Return the direct conversation with a person (about a product); None where there is none."""
        recipient = await self._directory.find(recipient_id)
        if recipient is None:
            return None
        return await self._find(caller, recipient.id, product_id)

    async def find_addressee(self, caller: Caller, cmd: MessageSend) -> UUID:
        """Return the conversation that a message to a person goes to: the one named too, or the direct one.

        Whether the caller may post there is checked under the conversation's lock, as it is written.

        Raises:
            ChatError: VALIDATION_ERROR, RESOURCE_NOT_FOUND, USER_BLOCKED; for a new conversation also as
                `open_direct`
        """
        assert cmd.recipient_id is not None  # asked by the caller
        if cmd.conversation_id is not None:
            await self._check_recipient(caller, cmd.conversation_id, cmd.recipient_id)
            return cmd.conversation_id
        recipient = await self._recipient(caller, cmd.recipient_id)
        found = await self._find(caller, recipient, cmd.product_id)
        if found is not None:
            return found
        if cmd.reply_to_message_id is not None:
            # A reply needs a message, and a new conversation has none; do not create it in vain.
            raise not_found("message", field="replyToMessageId")
        return await self._open(caller, recipient, cmd.product_id)

    async def _find(self, caller: Caller, recipient: str, product_id: str | None) -> UUID | None:
        row = await self._db.one("find_direct", caller.user_id, recipient, product_id or "")
        return row["id"] if row else None

    async def _open(self, caller: Caller, recipient: str, product_id: str | None) -> UUID:
        made = await self._changes.make(
            caller,
            lambda db: db.one(
                "open_direct",
                uuid7(),
                caller.user_id,
                recipient,
                product_id or "",
                self._quotas.conversations_per_hour,
                self._quotas.conversations,
            ),
            of="new conversation",
            answer=lambda row: {"conversationId": str(row["conversation_id"])},
            appended=_creation,
        )
        conversation_id = UUID(made.answer["conversationId"])
        if made.row is not None and made.row["verdict"] == "created":
            await self._check_follows(caller.user_id, recipient, conversation_id)
        return conversation_id

    async def _check_follows(self, one: str, other: str, conversation_id: UUID) -> None:
        """Warn, in the log alone, where neither follows the other; clients see ``either_follows``."""
        try:
            row = await self._db.one("nobody_follows", one, other)
        except ChatError:
            return  # a check that forbids nothing may not fail anything
        if row is not None and row["so"]:
            _log.warning(
                "neither person follows the other",
                conversation=str(conversation_id),
                users=[one, other],
            )

    async def _recipient(self, caller: Caller, recipient_id: str) -> str:
        recipient = await self._directory.get(recipient_id)
        if recipient.id == caller.user_id:
            raise invalid("recipientId", "Must be somebody else than yourself.")
        return recipient.id

    async def _check_recipient(
        self, caller: Caller, conversation_id: UUID, recipient_id: str
    ) -> None:
        """Check that the conversation and the recipient agree where both are given, as the marketplace does."""
        row = await self._db.one("direct_counterpart", caller.user_id, conversation_id)
        if row is None or row["user_id"] != recipient_id:
            await self._conversations.check_member(caller.user_id, conversation_id)
            named = await self._directory.find(recipient_id)
            if row is not None and named is not None and row["user_id"] == named.id:
                return  # the same id in another spelling
            raise invalid("recipientId", "Is not the other person of this conversation.")


def _creation(row: Record) -> Iterable[Appended]:
    """Return where the first event of the conversation is, if it is new."""
    seq = 1 if row["verdict"] == "created" else None
    return (to_conversation(row["conversation_id"], seq),)
