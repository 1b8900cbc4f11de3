"""Finds ``@username``, ``@everyone`` and ``@all`` in what is said in groups, and tells those who are mentioned."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from chatserver.chat.mention_names import EVERYONE, MOST, fold, may_name, names_in
from chatserver.core.about import About
from chatserver.core.caller import Caller, User
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.delivery import Delivery, conversation_room, user_room
from chatserver.schemas.mentions import Mentioned
from chatserver.schemas.resources import Mention, Message
from chatserver.schemas.wire import payload
from chatserver.store import Database, Queryable

_log = get_logger(__name__)

# In groups of more members than this, everyone is mentioned by moderators and up alone.
SMALL_GROUP = 100
_MAY_MENTION_ALL = ("moderator", "admin", "owner")


def by_name(people: Iterable[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return people by their names as mentions are compared with them; each is (user id, username)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for user_id, username in people:
        found.setdefault(fold(username), []).append((user_id, username))
    return found


def mentions_in(
    content: str, members: Mapping[str, Sequence[tuple[str, str]]]
) -> tuple[Mention, ...]:
    """Return whom a text mentions of a group whose members are known, `by_name`; anybody mentions everyone."""
    written = names_in(content) if may_name(content) else []
    return _meant(written, members, everyone=True) if written else ()


def _meant(
    written: Iterable[Sequence[str]],
    members: Mapping[str, Sequence[tuple[str, str]]],
    *,
    everyone: bool,
) -> tuple[Mention, ...]:
    """Return those who are meant by what follows each ``@``, in the text's order."""
    # By the person; by None, everyone.
    found: dict[str | None, Mention] = {}
    for readings in written:
        name = next((r for r in readings if r in members or r in EVERYONE), None)
        if name in EVERYONE:
            if everyone:
                found[None] = Mention(type="everyone", user_id=None, username=None)
            continue
        for user_id, username in members[name] if name else ():
            found[user_id] = Mention(type="user", user_id=user_id, username=username)
    return tuple(found.values())[:MOST]


class Mentions:
    """Finds out whom a text mentions, and tells them."""

    def __init__(self, db: Database, delivery: Delivery) -> None:
        self._db = db
        self._delivery = delivery

    async def find(
        self, queries: Queryable, caller: Caller, conversation_id: UUID, content: str | None
    ) -> tuple[Mention, ...]:
        """Return those whom a text of the caller's mentions: present members of a group, in the text's order.

        Nobody is mentioned in a direct conversation, or by end-to-end ciphertext (then `content` is None).
        A text without a name after an ``@`` asks nothing of the database.

        Raises:
            ChatError: UNAVAILABLE
        """
        written = names_in(content) if content and may_name(content) else []
        if not written:
            return ()
        names = {name for readings in written for name in readings if name not in EVERYONE}
        rows = await queries.all("mentionable", caller.user_id, conversation_id, list(names))
        if not rows:
            return ()
        all_of_them = rows[0]["member_count"] <= SMALL_GROUP or rows[0]["role"] in _MAY_MENTION_ALL
        members: dict[str, list[tuple[str, str]]] = {}
        for row in rows:
            members.setdefault(row["name"], []).append((row["user_id"], row["username"]))
        return _meant(written, members, everyone=all_of_them)

    async def tell(self, sender: User, message: Message, before: Collection[Mention] = ()) -> None:
        """Tell those whom a committed message mentions, but for its sender and those who were mentioned `before`.

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
            self._delivery.tell(
                rooms,
                "chat:mentioned",
                payload(push),
                skip_user=sender.id,
                about=About("group", actor=sender),
            )

    async def _rooms(self, message: Message, people: Collection[str | None]) -> list[str]:
        """Return the rooms of those who are still members: some may have been removed before the commit."""
        try:
            rows = await self._db.all("members_among", UUID(message.conversation_id), list(people))
        except ChatError:
            _log.info("nobody was told of their mention", message_id=message.id)
            return []
        return [user_room(row["user_id"]) for row in rows]
