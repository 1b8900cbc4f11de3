"""Reads where a client says that it stands: the ``auth`` of its CONNECT packet, checked like any payload."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chatserver.core.slices import in_slices
from chatserver.log.offset import Offset, Pids, parse_offset

# The conversations that positions may name.
MOST_POSITIONS = 20_000
_OTHER_KEYS = ("epoch", "me")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE)
# Any text: another history may have been named in another way.
_EPOCH = re.compile(r"[!-~]{1,100}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePoint:
    """Where a client says that it stands. What is malformed or somebody else's counts as not said."""

    pid: str | None = None
    since: Offset | None = None
    # By conversation id, in its one spelling, and ``me``.
    positions: Mapping[str, int] | None = None
    # What the client knows is useless: it comes from another history (a restored database), or cannot be read.
    forgets: bool = False
    wants_offsets: bool = True

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing of where the client stands."""
        return self.since is None and self.positions is None and not self.forgets


async def understand(auth: Mapping[str, Any], user_id: str, pids: Pids, epoch: str) -> ResumePoint:
    """Read ``pid``, ``offset``, ``since``, ``positions`` and ``recovery``."""
    own = pids.belongs(auth.get("pid"), user_id)
    offset = parse_offset(auth.get("offset")) if own else None
    since = offset or parse_offset(auth.get("since"))
    positions, theirs = await _positions(auth.get("positions"))
    forgets = any(e not in (None, epoch) for e in (theirs, since and since.epoch))
    return ResumePoint(
        pid=auth["pid"] if own and offset else None,
        since=since,
        positions=positions,
        # Exact positions count before a snapshot, even before one that is too long to be looked at.
        forgets=forgets or (positions is None and since is not None and since.is_too_long),
        wants_offsets=auth.get("recovery") is not False,
    )


async def _positions(given: object) -> tuple[dict[str, int] | None, str | None]:
    """Return the positions by key, and their epoch; (None, None) where anything about them is wrong."""
    if not isinstance(given, dict) or len(given) > MOST_POSITIONS + len(_OTHER_KEYS):
        return None, None
    epoch = given.get("epoch")
    if not isinstance(epoch, str) or not _EPOCH.match(epoch):
        return None, None
    positions: dict[str, int] = {}
    async for part in in_slices(given.items()):
        for key, seq in part:
            if key == "epoch":
                continue
            if type(seq) is not int or not 0 <= seq < 2**63:
                return None, None
            if key != "me":
                if not _ID.match(key):
                    return None, None
                # An id may come in two spellings; of two positions, the earlier one counts.
                key = key.lower()
            positions[key] = min(seq, positions.get(key, seq))
    return positions, epoch
