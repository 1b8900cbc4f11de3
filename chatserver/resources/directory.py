"""Finds people, in the main back end's tables or our own."""

import time
from collections import OrderedDict
from collections.abc import Iterable

from chatserver.core.caller import User
from chatserver.core.errors import not_found
from chatserver.store import Database, Record

_CACHED_USERS = 10_000
_CACHED_SECONDS = 30.0


def user_of(row: Record) -> User:
    """Return the person of a row of ``directory_users``."""
    return User(
        id=row["user_id"],
        username=row["username"],
        display_name=row["display_name"],
        email=row["email"],
        avatar_url=row["avatar_url"],
    )


class Directory:
    """Looks people up. Names for display may be `_CACHED_SECONDS` old; existence is asked afresh."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cache: OrderedDict[str, tuple[float, User]] = OrderedDict()

    async def find(self, user_id: str) -> User | None:
        """Return the person; None where there is none."""
        row = await self._db.one("users", [user_id])
        return self._remember(user_of(row)) if row else None

    async def get(self, user_id: str) -> User:
        """Return the person.

        Raises:
            ChatError: RESOURCE_NOT_FOUND
        """
        user = await self.find(user_id)
        if user is None:
            raise not_found("user")
        return user

    async def names(self, user_ids: Iterable[str]) -> dict[str, User]:
        """Return people for display, by id. Somebody who is gone shows their id as their name."""
        now = time.monotonic()
        found: dict[str, User] = {}
        missing: list[str] = []
        for user_id in set(user_ids):
            cached = self._cache.get(user_id)
            if cached and now - cached[0] < _CACHED_SECONDS:
                found[user_id] = cached[1]
            else:
                missing.append(user_id)
        if missing:
            for row in await self._db.all("users", missing):
                user = self._remember(user_of(row))
                found[user.id] = user
            for user_id in missing:
                found.setdefault(user_id, User(id=user_id, username=user_id, display_name=user_id))
        return found

    async def avatars(self, user_ids: Iterable[str]) -> dict[str, str | None]:
        """Return the pictures' URLs of people, by the ids that were asked for; asked afresh.

        Raises:
            ChatError: UNAVAILABLE
        """
        rows = await self._db.all("avatars", list(set(user_ids)))
        return {row["id"]: row["avatar_url"] for row in rows}

    def _remember(self, user: User) -> User:
        self._cache[user.id] = (time.monotonic(), user)
        self._cache.move_to_end(user.id)
        while len(self._cache) > _CACHED_USERS:
            self._cache.popitem(last=False)
        return user
