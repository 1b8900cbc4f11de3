"""Ids as the messaging system spells them: ``conv_<a>_<b>`` and ``group_<uuid>`` (messaging-api.md).

A direct conversation about no product is named by its two people, the lower id first. Where an id has an
underscore the two could not be told apart, and a conversation about a product has the same two people: these are
named by their UUID, which is understood everywhere. Messages have our UUIDs; one that was moved in is also found
by the name that it had (``msg_…``).
"""

import re
from functools import lru_cache
from typing import TypeGuard

from chatserver.core.imported_ids import imported_id
from chatserver.schemas.fields import UserId

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE)
_DIRECT = "conv_"
_GROUP = "group_"
_MESSAGE = "msg_"
_LONGEST = 255
# What is longer is nobody's id. It would be kept in memory, and Python reads no number of thousands of digits.
_LONGEST_PERSON = UserId().high


@lru_cache(10_000)
def direct_id(one: str, other: str) -> str | None:
    """Return the name of the product-less direct conversation of two people; None where it has only its UUID."""
    if "_" in one or "_" in other:
        return None
    low, high = sorted((one, other), key=_order)
    return f"{_DIRECT}{low}_{high}"


def _order(user_id: str) -> tuple[bool, int, str]:
    """Return how ids are ordered: numbers first, by their value, as most ids of the main back end are."""
    is_number = user_id.isascii() and user_id.isdigit()
    return not is_number, int(user_id) if is_number else 0, user_id


def group_id(conversation_id: str) -> str:
    """Return the name of a group."""
    return f"{_GROUP}{conversation_id}"


def is_uuid(given: object) -> TypeGuard[str]:
    """Return whether an id is a UUID in its canonical form."""
    return isinstance(given, str) and _UUID.match(given) is not None


def ungrouped(given: object) -> object:
    """Return a group's UUID from its name. What is no group's name stays as it is, for the command to judge."""
    if isinstance(given, str) and given.startswith(_GROUP) and is_uuid(given[len(_GROUP) :]):
        return given[len(_GROUP) :]
    return given


def message_id(given: object) -> object:
    """A message's UUID from its name in the old system. What is no such name stays, for the command to judge."""
    if isinstance(given, str) and given.startswith(_MESSAGE) and len(given) <= _LONGEST:
        try:
            return str(imported_id("messaging", "message", given))
        except UnicodeEncodeError:
            # It has lone surrogates, which no name had.
            return given
    return given


def other_person(given: object, user_id: str) -> str | None:
    """Return with whom a user shares the direct conversation of that name; None where it is none of theirs."""
    if not isinstance(given, str) or not given.startswith(_DIRECT):
        return None
    one, _, other = given[len(_DIRECT) :].partition("_")
    if user_id not in (one, other) or not one or not other or "_" in other:
        return None
    person = other if one == user_id else one
    return person if len(person) <= _LONGEST_PERSON else None


def is_direct_name(given: object) -> bool:
    """Return whether an id claims to be the name of a direct conversation."""
    return isinstance(given, str) and given.startswith(_DIRECT)


def spelled(given: object, user_id: str) -> str | None:
    """Return an id as we spell it, of a conversation that a user may name; None where it is none."""
    if person := other_person(given, user_id):
        return direct_id(user_id, person)
    bare = ungrouped(given)
    if not is_uuid(bare):
        return None
    return bare.lower() if bare is given else group_id(bare.lower())
