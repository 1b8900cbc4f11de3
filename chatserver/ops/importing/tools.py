"""What the conversion of every conversation needs, and where one is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from chatserver.core.crypto import Vault
from chatserver.core.imported_ids import System, imported_id
from chatserver.ops.importing.old_texts import OldTexts
from chatserver.ops.importing.streams import Row
from chatserver.ops.importing.undelivered import Undelivered


class Place(NamedTuple):
    """Where a conversation is written: its id here, and how far it reaches already."""

    id: UUID
    is_new: bool
    last_seq: int
    last_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every conversion needs.

    Args:
        system: where the rows come from.
        tables: the source's tables by the names of `Queries`.
        vault: seals.
        texts: opens what the source has encrypted.
        undelivered: what waits for people.
        has_read_times: whether members say until when they have read.
    """

    system: System
    tables: Mapping[str, str]
    vault: Vault
    texts: OldTexts
    undelivered: Undelivered
    has_read_times: bool

    def message_id(self, old_id: str | None) -> UUID:
        """Return the id that a message has here."""
        return imported_id(self.system, "message", old_id or "")

    def message_ids(self, rows: Sequence[Row]) -> list[UUID]:
        """Return the ids that messages of the source have here."""
        return [self.message_id(row["id"]) for row in rows]
