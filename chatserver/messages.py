"""Messages between the database's rows, which are sealed, and the wire's resource."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson

from chatserver.crypto import LEGACY_VERSION, SealedText, Vault
from chatserver.directory import Directory
from chatserver.session import User
from chatserver.store import Record
from chatserver.times import iso
from schemas.messages import MessageEdit, MessageSend
from schemas.resources import Mention, Message, Reaction


def body_of(cmd: MessageSend, mentions: Sequence[Mention] = ()) -> bytes:
    """What is sealed of a message, as JSON: everything that a person wrote, and whom it mentions."""
    body = _wording(cmd)
    if cmd.metadata:
        body["metadata"] = cmd.metadata
    if mentions:
        body["mentions"] = mentions
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _wording(cmd: MessageSend | MessageEdit) -> dict[str, Any]:
    if cmd.content is not None:
        return {"content": cmd.content}
    return {"content_encrypted": cmd.content_encrypted}


class MessageReader:
    """Opens sealed rows and puts names to ids."""

    def __init__(self, vault: Vault, directory: Directory) -> None:
        self._vault = vault
        self._directory = directory

    async def resources(self, rows: Sequence[Record]) -> tuple[Message, ...]:
        """The messages of rows of the view ``message_rows`` or of ``shown_rows_of``, in their order.

        Raises:
            DecryptionError: a row that no known key opens; there is no plaintext fallback.
            ChatError: UNAVAILABLE
        """
        if not rows:
            return ()
        names = await self._directory.names(_people(rows))
        pick = _picker(tuple(rows[0].keys()))
        messages = []
        # In one loop, and each row by position: calls and names would cost more than the decryption.
        for (
            message_id,
            conversation_id,
            seq,
            sender_id,
            recipient_id,
            message_type,
            client_message_id,
            reply_to_message_id,
            reactions,
            is_announcement,
            is_pinned,
            created_at,
            edited_at,
            deleted_at,
            status,
            version,
            key_id,
            nonce,
            ciphertext,
        ) in map(pick, rows):
            body: dict[str, Any] = {}
            if ciphertext is not None:
                sealed = (version, key_id, nonce, ciphertext)
                body = self._open(conversation_id, message_id, sealed)
            message = Message(
                id=str(message_id),
                conversation_id=str(conversation_id),
                seq=seq,
                sender_id=sender_id,
                sender_username=names[sender_id].username,
                recipient_id=recipient_id,
                content=body.get("content"),
                content_encrypted=body.get("content_encrypted"),
                message_type=message_type,
                client_message_id=client_message_id,
                reply_to_message_id=str(reply_to_message_id) if reply_to_message_id else None,
                mentions=_mentions(body["mentions"]) if "mentions" in body else (),
                reactions=_reactions(reactions, names) if reactions else (),
                metadata=body.get("metadata", {}),
                is_announcement=is_announcement,
                is_pinned=is_pinned,
                is_edited=edited_at is not None,
                is_deleted=deleted_at is not None,
                created_at=created_at if isinstance(created_at, str) else iso(created_at),
                edited_at=iso(edited_at) if edited_at else None,
                status=status,
            )
            messages.append(message)
        return tuple(messages)

    def edited_body(self, row: Record, cmd: MessageEdit, mentions: Sequence[Mention] = ()) -> bytes:
        """The body of a row of ``message_rows`` in another wording; what else was sealed with it stays.

        Raises:
            DecryptionError: as `resources`.
        """
        body: dict[str, Any] = {}
        if row["ciphertext"] is not None:
            sealed = (row["version"], row["key_id"], row["nonce"], row["ciphertext"])
            body = self._open(row["conversation_id"], row["id"], sealed)
        for wording in ("content", "content_encrypted", "mentions"):
            body.pop(wording, None)
        if mentions:
            body["mentions"] = mentions
        return orjson.dumps(body | _wording(cmd), option=orjson.OPT_SORT_KEYS)

    def _open(self, conversation_id: UUID, message_id: UUID, sealed: SealedText) -> dict[str, Any]:
        plaintext = self._vault.open(conversation_id, message_id, sealed)
        if sealed[0] == LEGACY_VERSION:
            # The existing messaging system sealed the text alone.
            return {"content": plaintext.decode()}
        body: dict[str, Any] = orjson.loads(plaintext)
        return body


# What a message is shown from, of the columns of ``message_rows``.
_COLUMNS = (
    "id",
    "conversation_id",
    "seq",
    "sender_id",
    "recipient_id",
    "message_type",
    "client_message_id",
    "reply_to_message_id",
    "reactions",
    "is_announcement",
    "is_pinned",
    "created_at",
    "edited_at",
    "deleted_at",
    "status",
    "version",
    "key_id",
    "nonce",
    "ciphertext",
)


@cache
def _picker(names: tuple[str, ...]) -> Callable[[Record], tuple[Any, ...]]:
    """Takes `_COLUMNS` out of rows of these columns: each is looked for once, and not in every row by its name."""
    return itemgetter(*map(names.index, _COLUMNS))


def _mentions(found: Sequence[Mapping[str, Any]]) -> tuple[Mention, ...]:
    return tuple(Mention(**mention) for mention in found)


def _reactions(found: Sequence[tuple[str, str]], names: dict[str, User]) -> tuple[Reaction, ...]:
    return tuple(
        Reaction(user_id=user_id, username=names[user_id].username, reaction=reaction)
        for user_id, reaction in found
    )


def _people(rows: Iterable[Record]) -> set[str]:
    people = {row["sender_id"] for row in rows}
    for row in rows:
        if row["reactions"]:
            people.update(user_id for user_id, _ in row["reactions"])
    return people


def posted_message(
    sender: User,
    cmd: MessageSend,
    conversation_id: UUID,
    row: Record,
    mentions: tuple[Mention, ...] = (),
    *,
    is_announcement: bool = False,
) -> Message:
    """The resource of a message that was posted just now, from the row that ``post_messages`` returned."""
    return Message(
        id=str(row["message_id"]),
        conversation_id=str(conversation_id),
        seq=row["seq"],
        sender_id=sender.id,
        sender_username=sender.username,
        recipient_id=row["recipient_id"],
        content=cmd.content,
        content_encrypted=cmd.content_encrypted,
        message_type=cmd.message_type,
        client_message_id=cmd.client_message_id,
        reply_to_message_id=str(cmd.reply_to_message_id) if cmd.reply_to_message_id else None,
        mentions=mentions,
        reactions=(),
        metadata=cmd.metadata or {},
        is_announcement=is_announcement,
        is_pinned=False,
        is_edited=False,
        is_deleted=False,
        created_at=iso(row["created_at"]),
        edited_at=None,
        status="sent",
    )
