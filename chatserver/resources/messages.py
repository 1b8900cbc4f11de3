"""Turns sealed rows of messages into the wire's resource, and back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import orjson

from chatserver.core.caller import User
from chatserver.core.crypto import LEGACY_VERSION, AlteredError, SealedText, Vault
from chatserver.core.logging import get_logger
from chatserver.core.times import iso
from chatserver.resources.directory import Directory
from chatserver.resources.files import Entry, shown_file
from chatserver.schemas.messages import MessageEdit, MessageSend, SentType
from chatserver.schemas.resources import Mention, Message, Reaction
from chatserver.store import Record

_log = get_logger(__name__)


def body_of(
    cmd: MessageSend, mentions: Sequence[Mention] = (), files: Sequence[Entry] = ()
) -> bytes:
    """Return what is sealed of a message, as JSON: everything that a person wrote, whom it mentions, its files."""
    body = _wording(cmd)
    if cmd.metadata:
        body["metadata"] = cmd.metadata
    if mentions:
        body["mentions"] = mentions
    if files:
        body["files"] = files
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _wording(cmd: MessageSend | MessageEdit) -> dict[str, Any]:
    if cmd.content is not None:
        return {"content": cmd.content}
    return {"content_encrypted": cmd.content_encrypted}


def context_of(
    sender_id: str, message_type: str, *, is_announcement: bool, reply_to: UUID | None
) -> bytes:
    """Return what binds a body to its message: who says it, as what, and in answer to what.

    So a row that is changed in the database opens as nobody else's. (PostgreSQL stores no id with NUL in it.)
    """
    return f"{sender_id}\0{message_type}\0{is_announcement:d}\0{reply_to or ''}".encode()


class MessageReader:
    """Opens sealed rows and puts names to ids."""

    def __init__(self, vault: Vault, directory: Directory) -> None:
        self._vault = vault
        self._directory = directory

    async def resources(self, rows: Sequence[Record]) -> tuple[Message, ...]:
        """Return the messages of rows of ``shown_rows_of``, in their order.

        Raises:
            DecryptionError: a row whose key is not known. One that was altered is shown without a text; there is
                no plaintext fallback.
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
            updated_seq,
        ) in map(pick, rows):
            body: dict[str, Any] = {}
            if ciphertext is not None:
                sealed = (version, key_id, nonce, ciphertext)
                context = context_of(
                    sender_id,
                    message_type,
                    is_announcement=is_announcement,
                    reply_to=reply_to_message_id,
                )
                try:
                    body = self._open(conversation_id, message_id, sealed, context)
                except AlteredError:
                    # It says nothing, by anybody. The others of its conversation are none the worse for it.
                    _log.error("a message was altered in the database", message_id=str(message_id))
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
                updated_seq=updated_seq,
                files=tuple(map(shown_file, body["files"])) if "files" in body else (),
                status=status,
            )
            messages.append(message)
        return tuple(messages)

    def text_of(self, row: Record) -> str | None:
        """Return the text of a row of ``messages``; None where there is none to be read here.

        Such are an erased message, an end-to-end encrypted one, and one that was altered in the database.
        It may be called in any thread.

        Raises:
            DecryptionError: as `resources`.
        """
        if row["ciphertext"] is None:
            return None
        sealed = (row["version"], row["key_id"], row["nonce"], row["ciphertext"])
        try:
            body = self._open(row["conversation_id"], row["id"], sealed, context_of_row(row))
        except AlteredError:
            return None
        text: str | None = body.get("content")
        return text

    def edited_body(self, row: Record, cmd: MessageEdit, mentions: Sequence[Mention] = ()) -> bytes:
        """Return the body of a row of ``shown_rows_of`` in another wording; what else was sealed with it stays.

        Raises:
            DecryptionError: as `resources`.
        """
        body = self._body(row)
        for wording in ("content", "content_encrypted", "mentions"):
            body.pop(wording, None)
        if mentions:
            body["mentions"] = mentions
        return orjson.dumps(body | _wording(cmd), option=orjson.OPT_SORT_KEYS)

    def body_with_file(self, row: Record, file: Entry) -> bytes:
        """Return the body of a row of ``shown_rows_of`` with one of its files as it is now.

        Raises:
            DecryptionError: as `resources`.
        """
        body = self._body(row)
        files = [file if one["id"] == file["id"] else one for one in body.get("files", ())]
        return orjson.dumps(body | {"files": files}, option=orjson.OPT_SORT_KEYS)

    def _body(self, row: Record) -> dict[str, Any]:
        if row["ciphertext"] is None:
            return {}
        sealed = (row["version"], row["key_id"], row["nonce"], row["ciphertext"])
        return self._open(row["conversation_id"], row["id"], sealed, context_of_row(row))

    def _open(
        self, conversation_id: UUID, message_id: UUID, sealed: SealedText, context: bytes
    ) -> dict[str, Any]:
        plaintext = self._vault.open(conversation_id, message_id, sealed, context)
        if sealed[0] == LEGACY_VERSION:
            # The existing messaging system sealed the text alone.
            return {"content": plaintext.decode()}
        body: dict[str, Any] = orjson.loads(plaintext)
        return body


def context_of_row(row: Record) -> bytes:
    """Return `context_of` a row of ``shown_rows_of``."""
    return context_of(
        row["sender_id"],
        row["message_type"],
        is_announcement=row["is_announcement"],
        reply_to=row["reply_to_message_id"],
    )


# What a message is shown from, of the columns of ``shown_rows_of``.
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
    "updated_seq",
)


@cache
def _picker(names: tuple[str, ...]) -> Callable[[Record], tuple[Any, ...]]:
    """Make what takes `_COLUMNS` out of rows of these columns; each is looked for once, not in every row."""
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
    message_type: SentType,
    mentions: tuple[Mention, ...] = (),
    files: Sequence[Entry] = (),
    *,
    is_announcement: bool = False,
) -> Message:
    """Return the resource of a message that was posted just now, from the row that ``post_message`` returned."""
    return Message(
        id=str(row["message_id"]),
        conversation_id=str(conversation_id),
        seq=row["seq"],
        sender_id=sender.id,
        sender_username=sender.username,
        recipient_id=row["recipient_id"],
        content=cmd.content,
        content_encrypted=cmd.content_encrypted,
        message_type=message_type,
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
        updated_seq=row["seq"],
        files=tuple(map(shown_file, files)) if files else (),
        status="sent",
    )
