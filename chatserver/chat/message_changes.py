"""Changes messages that exist: edits, deletions, reactions, pins."""

from uuid import UUID

from chatserver.chat.mentions import Mentions
from chatserver.core.caller import Caller
from chatserver.core.crypto import Vault
from chatserver.core.errors import not_found
from chatserver.core.quotas import NO_QUOTAS, Quotas
from chatserver.log import Changes, to_person
from chatserver.resources import MessageReader, context_of_row
from chatserver.schemas.messages import MessageEdit, MessageGiven
from chatserver.schemas.reactions import ReactionSet
from chatserver.store import Database, Queryable, Record


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
        changes: Changes,
        mentions: Mentions,
        quotas: Quotas = NO_QUOTAS,
    ) -> None:
        self._db = db
        self._vault = vault
        self._reader = reader
        self._changes = changes
        self._mentions = mentions
        self._quotas = quotas

    async def edit(self, caller: Caller, cmd: MessageEdit) -> MessageGiven:
        """Replace the text of a message. Returns the message as it is now.

        Raises:
            ChatError: PERMISSION_DENIED for another's message; USER_BLOCKED, EDIT_WINDOW_EXPIRED
            DecryptionError: the body does not open, so its metadata cannot be kept.
        """
        before: Record | None = None

        async def ask(db: Queryable) -> Record | None:
            nonlocal before
            before, row = await self._reword(db, caller, cmd)
            return row

        await self._changes.make(
            caller,
            ask,
            of="message",
            # erase_message finds this answer by the message's id, and deletes it with the message.
            answer=lambda row: {
                "conversationId": str(row["conversation_id"]),
                "messageId": str(cmd.message_id),
            },
        )
        given = await self._given(caller, cmd.message_id)
        if before is not None and given.message is not None and given.message.mentions:
            (old,) = await self._reader.resources([before])
            await self._mentions.tell(caller.user, given.message, old.mentions)
        return given

    async def _given(self, caller: Caller, message_id: UUID) -> MessageGiven:
        """Return the message as it is now, or its id alone to those who may not see it any more."""
        rows = await self._db.all("message_by_id", caller.user_id, message_id)
        found = await self._reader.resources(rows)
        if not found:
            return MessageGiven(message_id=str(message_id), duplicate=True)
        return MessageGiven(message=found[0])

    async def _reword(
        self, queries: Queryable, caller: Caller, cmd: MessageEdit
    ) -> tuple[Record, Record | None]:
        """Edit a message. Returns its row as it was, and what became of the edit.

        Text and metadata are sealed as one, so the new body is made of the old one, without holding a
        lock meanwhile. Where another edit came between them, it is made again: that one has succeeded.
        """
        while True:
            old = await queries.one("message_by_id", caller.user_id, cmd.message_id)
            if old is None:
                raise not_found("message")
            mentions = await self._mentions.find(
                queries, caller, old["conversation_id"], cmd.content
            )
            body = self._reader.edited_body(old, cmd, mentions)
            sealed = self._vault.seal(old["conversation_id"], old["id"], body, context_of_row(old))
            row = await queries.one(
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
        await self._make(caller, "erase_message", message_id)

    async def delete_for_self(self, caller: Caller, message_id: UUID) -> None:
        """Delete a message for the caller alone; doing it twice changes nothing."""
        await self._changes.make(
            caller,
            lambda db: db.one("delete_message_for_self", caller.user_id, message_id),
            of="message",
            appended=lambda row: [to_person(caller.user_id, row["seq"])],
        )

    async def add_reaction(self, caller: Caller, message_id: UUID, reaction: str) -> ReactionSet:
        """Set the caller's reaction, or take it away where it is the same already.

        Raises:
            ChatError: USER_BLOCKED; CONFLICT where as many people have reacted as may
        """
        most = self._quotas.reactions
        made = await self._changes.make(
            caller,
            lambda db: db.one("add_reaction", caller.user_id, message_id, reaction, most),
            of="message",
            answer=lambda row: {"removed": row["verdict"] == "removed"},
        )
        return ReactionSet(reaction=reaction, removed=made.answer["removed"])

    async def remove_reaction(
        self, caller: Caller, message_id: UUID, reaction: str | None = None
    ) -> None:
        """Take the caller's reaction away: any, or only `reaction`. Where there is none, nothing changes.

        Raises:
            ChatError: USER_BLOCKED
        """
        await self._make(caller, "remove_reaction", message_id, reaction)

    async def set_pin(self, caller: Caller, message_id: UUID, *, pinned: bool) -> None:
        """Pin a message, or take its pin away, whoever set it. Doing it twice changes nothing.

        Raises:
            ChatError: PERMISSION_DENIED in a group, but to moderators and up; USER_BLOCKED; CONFLICT where as
                many messages are pinned as may be
        """
        await self._make(caller, "set_pin", message_id, pinned, self._quotas.pins)

    async def _make(self, caller: Caller, query: str, message_id: UUID, *args: object) -> None:
        """Make one change of a message that has no answer of its own."""
        await self._changes.make(
            caller,
            lambda db: db.one(query, caller.user_id, message_id, *args),
            of="message",
        )
