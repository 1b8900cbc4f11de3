"""Ids of what was moved in from another chat system: the same old id always gives the same new one.

An id that is a UUID, alone or behind the old system's prefix (``group_<uuid>``), stays that UUID. Any other
becomes a UUID of version 5 (RFC 9562, section 5.5). So an id that an old client has kept is found without a table.
"""

from __future__ import annotations

import re
from typing import Literal
from uuid import UUID, uuid5

System = Literal["messaging", "marketplace"]
Noun = Literal["conversation", "group", "message"]

# Chosen once. Another value would import everything a second time.
_NAMESPACE = UUID("a2f3f1f0-6c0b-5d0e-9a8e-2f6d8f0b7c41")
_PREFIXES: dict[Noun, str] = {"conversation": "conv_", "group": "group_", "message": "msg_"}
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def imported_id(system: System, noun: Noun, old_id: str) -> UUID:
    """Return the id under which an object of another system is kept here.

    Args:
        system: whose id it is.
        noun: what the id names. Ids of different nouns may be equal there.
        old_id: the id as the old system writes it: an integer's digits, a UUID, or any text.
    """
    text = old_id.removeprefix(_PREFIXES[noun])
    if _UUID.fullmatch(text):
        return UUID(text)
    return uuid5(_NAMESPACE, f"{system}\0{noun}\0{old_id}")


def imported_direct_id(system: System, low: str, high: str, product: str) -> UUID:
    """Return the id of the direct conversation of two people that was moved in.

    Args:
        system: where it comes from.
        low: the id of the lower of the two, compared byte by byte.
        high: the id of the higher one.
        product: the product that it is about, or an empty text.
    """
    return uuid5(_NAMESPACE, f"{system}\0direct\0{low}\0{high}\0{product}")
