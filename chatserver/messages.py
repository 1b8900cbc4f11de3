"""Messages between the database's rows, which are sealed, and the wire's resource."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson

from chatserver.crypto import Sealed, Vault
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
        """The messages of rows of the view ``message_rows``, in their order.

        Raises:
            DecryptionError: a row that no known key opens; there is no plaintext fallback.
            ChatError: UNAVAILABLE
        """
        names = await self._directory.names(_people(rows))
        return tuple(self._resource(row, names) for row in rows)

    def edited_body(self, row: Record, cmd: MessageEdit, mentions: Sequence[Mention] = ()) -> bytes:
        """The body of a row of ``message_rows`` in another wording; what else was sealed with it stays.

        Raises:
            DecryptionError: as `resources`.
        """
        body = self._open(row)
        for wording in ("content", "content_encrypted", "mentions"):
            body.pop(wording, None)
        if mentions:
            body["mentions"] = mentions
        return orjson.dumps(body | _wording(cmd), option=orjson.OPT_SORT_KEYS)

    def _resource(self, row: Record, names: dict[str, User]) -> Message:
        body = self._open(row)
        return Message(
            id=str(row["id"]),
            conversation_id=str(row["conversation_id"]),
            seq=row["seq"],
            sender_id=row["sender_id"],
            sender_username=names[row["sender_id"]].username,
            recipient_id=row["recipient_id"],
            content=body.get("content"),
            content_encrypted=body.get("content_encrypted"),
            message_type=row["message_type"],
            client_message_id=row["client_message_id"],
            reply_to_message_id=str(row["reply_to_message_id"])
            if row["reply_to_message_id"]
            else None,
            mentions=tuple(Mention(**mention) for mention in body["mentions"])
            if "mentions" in body
            else (),
            reactions=_reactions(row["reactions"], names) if row["reactions"] else (),
            metadata=body.get("metadata", {}),
            is_announcement=row["is_announcement"],
            is_pinned=row["is_pinned"],
            is_edited=row["edited_at"] is not None,
            is_deleted=row["deleted_at"] is not None,
            created_at=iso(row["created_at"]),
            edited_at=iso(row["edited_at"]) if row["edited_at"] else None,
            status=row["status"],
        )

    def _open(self, row: Record) -> dict[str, Any]:
        if row["ciphertext"] is None:
            return {}
        sealed = Sealed(row["version"], row["key_id"], row["nonce"], row["ciphertext"])
        plaintext = self._vault.open(row["conversation_id"], row["id"], sealed)
        if row["version"] == 1:
            # The existing messaging system sealed the text alone.
            return {"content": plaintext.decode()}
        body: dict[str, Any] = orjson.loads(plaintext)
        return body


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
