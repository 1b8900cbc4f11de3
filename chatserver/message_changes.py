"""What happens to messages that stand already: edits, deletions, reactions, pins."""

from uuid import UUID

from chatserver.crypto import Vault
from chatserver.errors import ChatError, ErrorCode, denied, not_found
from chatserver.log import Publisher
from chatserver.mentions import Mentions
from chatserver.messages import MessageReader
from chatserver.requests import Asks, Requests
from chatserver.session import Caller
from chatserver.store import Database, Record
from schemas.messages import MessageEdit, MessageGiven, ReactionSet


class MessageChanges:
    """Changes messages: each committed with its event, then handed on.

    Raises (all methods):
        ChatError: RESOURCE_NOT_FOUND for a message that the caller may not see or that is erased;
            IDEMPOTENCY_CONFLICT, UNAVAILABLE
    """

    def __init__(
        self,
        db: Database,
        vault: Vault,
        reader: MessageReader,
        publisher: Publisher,
        requests: Requests,
        mentions: Mentions,
    ) -> None:
        self._db = db
        self._vault = vault
        self._reader = reader
        self._publisher = publisher
        self._requests = requests
        self._mentions = mentions

    async def edit(self, caller: Caller, cmd: MessageEdit) -> MessageGiven:
        """Put another wording in the place of a message's; answers with the message as it is now.

        Raises:
            ChatError: PERMISSION_DENIED for another's message; USER_BLOCKED, EDIT_WINDOW_EXPIRED
            DecryptionError: the body does not open, so its metadata cannot be kept.
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return await self._given(UUID(work.kept["conversationId"]), cmd.message_id)
            old, verdict = await self._reworded(work.asks, caller, cmd)
            row = _allowed(verdict)
            conversation_id: UUID = row["conversation_id"]
            # By the message's id, erase_message finds this answer, and forgets it with the message.
            await work.keep(
                {"conversationId": str(conversation_id), "messageId": str(cmd.message_id)}
            )
        await self._publisher.conversation(conversation_id, row["seq"])
        given = await self._given(conversation_id, cmd.message_id)
        if given.message.mentions:
            (before,) = await self._reader.resources([old])
            await self._mentions.tell(caller.user, given.message, before.mentions)
        return given

    async def _given(self, conversation_id: UUID, message_id: UUID) -> MessageGiven:
        rows = await self._db.all("messages_of", conversation_id, [message_id])
        (message,) = await self._reader.resources(rows)
        return MessageGiven(message=message)

    async def _reworded(
        self, asks: Asks, caller: Caller, cmd: MessageEdit
    ) -> tuple[Record, Record | None]:
        """The row of the message as it was, and what became of the edit.

        Text and metadata are sealed as one, so the new body is made of the old one, without holding a
        lock meanwhile. Where another edit came between them, it is made again: that one has succeeded.
        """
        while True:
            old = await asks.one("message_by_id", caller.user_id, cmd.message_id)
            if old is None:
                raise not_found("message")
            mentions = await self._mentions.find(asks, caller, old["conversation_id"], cmd.content)
            body = self._reader.edited_body(old, cmd, mentions)
            sealed = self._vault.seal(old["conversation_id"], old["id"], body)
            row = await asks.one(
                "edit_message",
                caller.user_id,
                cmd.message_id,
                old["nonce"],
                sealed.version,
                sealed.key_id,
                sealed.nonce,
                sealed.ciphertext,
            )
            if row is None or row["verdict"] != "stale":
                return old, row

    async def erase(self, caller: Caller, message_id: UUID) -> None:
        """Erase a message for everyone.

        Raises:
            ChatError: PERMISSION_DENIED for another's message, but to a group's moderators and up.
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return
            row = _allowed(await work.asks.one("erase_message", caller.user_id, message_id))
            await work.keep({})
        await self._publisher.conversation(row["conversation_id"], row["seq"])

    async def delete_for_self(self, caller: Caller, message_id: UUID) -> None:
        """Delete a message for the caller alone; doing it twice changes nothing."""
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return
            row = _allowed(
                await work.asks.one("delete_message_for_self", caller.user_id, message_id)
            )
            await work.keep({})
        if row["seq"] is not None:
            await self._publisher.person(caller.user_id, row["seq"])

    async def add_reaction(self, caller: Caller, message_id: UUID, reaction: str) -> ReactionSet:
        """Set the caller's reaction, or take it away where it is the same already.

        Raises:
            ChatError: USER_BLOCKED
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return ReactionSet(reaction=reaction, removed=work.kept["removed"])
            row = _allowed(
                await work.asks.one("add_reaction", caller.user_id, message_id, reaction)
            )
            removed = row["verdict"] == "removed"
            await work.keep({"removed": removed})
        await self._publisher.conversation(row["conversation_id"], row["seq"])
        return ReactionSet(reaction=reaction, removed=removed)

    async def remove_reaction(
        self, caller: Caller, message_id: UUID, reaction: str | None = None
    ) -> None:
        """Take the caller's reaction away: whichever it is, or only `reaction`. None there is done already.

        Raises:
            ChatError: USER_BLOCKED
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return
            row = _allowed(
                await work.asks.one("remove_reaction", caller.user_id, message_id, reaction)
            )
            await work.keep({})
        if row["seq"] is not None:
            await self._publisher.conversation(row["conversation_id"], row["seq"])

    async def set_pin(self, caller: Caller, message_id: UUID, *, pinned: bool) -> None:
        """Pin a message, or take its pin away, whoever set it. What stands so already is done.

        Raises:
            ChatError: PERMISSION_DENIED in a group, but to moderators and up; USER_BLOCKED
        """
        async with self._requests.once(caller) as work:
            if work.kept is not None:
                return
            row = _allowed(await work.asks.one("set_pin", caller.user_id, message_id, pinned))
            await work.keep({})
        if row["seq"] is not None:
            await self._publisher.conversation(row["conversation_id"], row["seq"])


def _allowed(row: Record | None) -> Record:
    """The row of a change that was made.

    Raises:
        ChatError: the change was refused, and this is why.
    """
    assert row is not None  # each of these functions answers one row
    match row["verdict"]:
        case "not_found":
            raise not_found("message")
        case "denied":
            raise denied()
        case "blocked":
            raise ChatError(
                code=ErrorCode.USER_BLOCKED, details="You cannot exchange messages with this user."
            )
        case "expired":
            raise ChatError(
                code=ErrorCode.EDIT_WINDOW_EXPIRED,
                details="Messages can only be edited within 5 minutes of sending.",
            )
    return row
