"""Mentions: ``@username``, ``@everyone`` and ``@all`` in what is said in groups."""

from collections.abc import Collection
from uuid import UUID

from chatserver.delivery import Delivery
from chatserver.errors import ChatError
from chatserver.logs import get_logger
from chatserver.pushes import conversation_room, user_room
from chatserver.requests import Asks
from chatserver.session import Caller, User
from chatserver.store import Database, Record
from schemas.messages import Mentioned
from schemas.resources import Mention, Message
from schemas.wire import payload

_log = get_logger(__name__)

# A message mentions no more than this; what it names after that is only text.
MOST = 50
# In groups of more members than this, everyone is mentioned by moderators and up alone.
SMALL_GROUP = 100
_MAY_MENTION_ALL = ("moderator", "admin", "owner")

_EVERYONE = ("everyone", "all")
# Inside a name, and not at its end: "@ann." is Ann at the end of a sentence.
_JOINTS = ".-"
_LONGEST = 64
# Before an "@" these make it part of something else: an address, a path, another name.
_BINDING = "_-+/@"


def names_in(text: str) -> list[tuple[str, ...]]:
    """What follows each ``@`` of a text, once each: the ways to read it as a name, the longest first.

    ``@ann-marie.`` may be "ann-marie" or "ann". At most `MOST`. One walk over the text, whatever is in it.
    """
    found: dict[str, tuple[str, ...]] = {}
    at = text.find("@")
    while at >= 0 and len(found) < MOST:
        end = at + 1
        while end < len(text) and _is_in_name(text[end]):
            end += 1
        name = text[at + 1 : end].rstrip(_JOINTS)
        free = at == 0 or not (text[at - 1].isalnum() or text[at - 1] in _BINDING)
        if free and 0 < len(name) <= _LONGEST:
            found.setdefault(name.lower(), _readings(name))
        at = text.find("@", end)
    return list(found.values())


def _is_in_name(character: str) -> bool:
    # Letters, digits, underscores and the marks on letters, of any script (UAX #31, XID_Continue).
    return character in _JOINTS or f"_{character}".isidentifier()


def _readings(name: str) -> tuple[str, ...]:
    cuts = [cut for cut, character in enumerate(name) if character in _JOINTS]
    shorter = (name[:cut].rstrip(_JOINTS) for cut in reversed(cuts))
    return tuple(dict.fromkeys(reading for reading in (name, *shorter) if reading))


def _means_everyone(readings: tuple[str, ...]) -> bool:
    return readings[0].lower() in _EVERYONE


class Mentions:
    """Finds out whom a text mentions, and tells them."""

    def __init__(self, db: Database, delivery: Delivery) -> None:
        self._db = db
        self._delivery = delivery

    async def find(
        self, asks: Asks, caller: Caller, conversation_id: UUID, content: str | None
    ) -> tuple[Mention, ...]:
        """Whom a text of the caller's mentions: present members of a group, in the text's order.

        Nobody is mentioned in a direct conversation, or by end-to-end ciphertext (then `content` is None).
        A text without a name after an ``@`` asks nothing of the database.

        Raises:
            ChatError: UNAVAILABLE
        """
        written = names_in(content) if content and "@" in content else []
        if not written:
            return ()
        names = [name for readings in written if not _means_everyone(readings) for name in readings]
        rows = await asks.all("mentionable", caller.user_id, conversation_id, names)
        if not rows:
            return ()
        all_of_them = rows[0]["member_count"] <= SMALL_GROUP or rows[0]["role"] in _MAY_MENTION_ALL
        members: dict[str, list[Record]] = {}
        for row in rows:
            members.setdefault(row["name"], []).append(row)
        # By the person; by None, everyone.
        found: dict[str | None, Mention] = {}
        for readings in written:
            if _means_everyone(readings):
                if all_of_them:
                    found[None] = Mention(type="everyone", user_id=None, username=None)
                continue
            name = next((reading for reading in readings if reading in members), None)
            for row in members[name] if name else ():
                found[row["user_id"]] = Mention(
                    type="user", user_id=row["user_id"], username=row["username"]
                )
        return tuple(found.values())[:MOST]

    async def tell(self, sender: User, message: Message, before: Collection[Mention] = ()) -> None:
        """Tell those whom a committed message mentions, but for its sender and those mentioned `before`.

        A courtesy: the message itself reaches everybody, whatever becomes of this.
        """
        told = {mention.user_id for mention in before}
        fresh = [m.user_id for m in message.mentions if m.user_id not in told]
        if not fresh or None in told:
            return
        push = Mentioned(
            conversation_id=message.conversation_id,
            message_id=message.id,
            mentioned_by=sender.id,
            mentioned_by_username=sender.username,
            message=message,
        )
        if None in fresh:
            rooms = [conversation_room(message.conversation_id)]
        else:
            rooms = await self._rooms(message, fresh)
        if rooms:
            self._delivery.tell(rooms, "chat:mentioned", payload(push), skip_user=sender.id)

    async def _rooms(self, message: Message, people: Collection[str | None]) -> list[str]:
        """The rooms of those who are members still: somebody may have been removed before it was committed."""
        try:
            rows = await self._db.all("members_among", UUID(message.conversation_id), list(people))
        except ChatError:
            _log.info("nobody was told of their mention", message_id=message.id)
            return []
        return [user_room(row["user_id"]) for row in rows]
