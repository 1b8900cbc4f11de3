"""Seals what is known of a file, and opens it."""

from typing import Any, NamedTuple
from uuid import UUID

import orjson

from chatserver.core.crypto import Sealed, Vault
from chatserver.resources import Entry
from chatserver.store import Record


class FileRow(NamedTuple):
    """A row of ``files``, opened."""

    id: UUID
    conversation_id: UUID
    owner_id: str
    nonce: bytes
    entry: Entry


class FileRows:
    """Seals and opens rows of ``files``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, file_id: UUID, conversation_id: UUID, owner_id: str, entry: Entry) -> Sealed:
        """Seal what is known of a file, for its owner's row alone."""
        return self._vault.seal(conversation_id, file_id, orjson.dumps(entry), _context(owner_id))

    def open(self, row: Record) -> FileRow:
        """Open a row.

        Raises:
            DecryptionError: its key is not known, or it was altered.
        """
        sealed = (row["version"], row["key_id"], row["nonce"], row["about"])
        text = self._vault.open(
            row["conversation_id"], row["id"], sealed, _context(row["owner_id"])
        )
        entry: dict[str, Any] = orjson.loads(text)
        return FileRow(row["id"], row["conversation_id"], row["owner_id"], row["nonce"], entry)


def _context(owner_id: str) -> bytes:
    return b"file\0" + owner_id.encode()
