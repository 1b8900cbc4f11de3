"""A device whose model follows what it is pushed, and fetches what it must."""

import asyncio
from typing import Any

import aiohttp

from tests.conftest import User
from tests.property.model import Model
from tests.support.resuming import Resuming

# Small pages, so that there are several.
_LIST, _HISTORY = 2, 3


class CutError(Exception):
    """The link dropped before the session was ready."""


class Follower(Resuming):
    """A client that resumes, with a model; one thing at a time."""

    def __init__(self, user: User) -> None:
        super().__init__("", user.token)
        self.user = user
        self.model = Model(user.id)
        self.lock = asyncio.Lock()
        self.server: int | None = None
        # What it said of where it stands when it came the last time.
        self.said = ""
        self._cut: int | None = None
        self._applied = 0

    @property
    def connected(self) -> bool:
        """Whether its link holds."""
        return self._socket is not None and not self._socket.closed and self.server is not None

    async def expect(self, name: str, **fields: Any) -> list[Any]:
        """As it is, but for a link that drops after so many pushes."""
        if name == "session:ready" and self._cut is not None:
            async with self._arrived:
                await asyncio.wait_for(
                    self._arrived.wait_for(
                        lambda: len(self.events) >= (self._cut or 0) or name in self.names()
                    ),
                    10,
                )
            if name not in self.names():
                raise CutError
        return await super().expect(name, **fields)

    async def come_back(self, url: str, server: int, how: str, cut: int | None) -> None:
        """Connect as a client does that has an offset, positions, or nothing; or fetches a snapshot first."""
        await self.hang_up()
        auth: dict[str, Any] = {}
        positions = self.model.positions()
        if how == "since":
            self.pid = None
            auth["since"] = await self._snapshot_by_rest(url)
        elif how == "positions" and positions is not None:
            auth["positions"] = positions
        elif how == "nothing" or self.offset is None:
            self.pid = self.offset = None
            self.model.forget()
        resumes = self.offset is not None and self.pid is not None
        self.model.connecting()
        self._applied, self._cut = 0, cut
        try:
            await self.connect(url, **auth)
        except CutError:
            await self.hang_up()
            if how == "since":
                # What it has fetched is older than the offset of its last session; it keeps neither.
                self.pid = self.offset = None
            return
        self.server = server
        self.said = next(iter(auth), "offset" if resumes else "")
        if auth or resumes:
            assert self.ready["recovered"] is not self.ready["limited"]
            assert self.recovered is (resumes and not self.ready["limited"])
        else:
            await self._load_all()
        await self.settle()

    async def hang_up(self) -> None:
        """The link drops; what had arrived counts."""
        if self._session is not None:
            await self.drop()
        self.server = None
        self.drain()

    def drain(self) -> None:
        """Apply what has come."""
        for name, arguments in self.events[self._applied :]:
            self.model.receive(name, arguments[0])
        self._applied = len(self.events)

    async def settle(self) -> None:
        """Everything pushed before now has arrived, and all that is needed is fetched."""
        await self.do("system:ping")
        self.drain()
        for _ in range(20):
            if not self.model.needs:
                return
            for key in sorted(self.model.needs):
                await self._load(key)
        raise AssertionError(f"never known: {self.model.needs}")

    async def _load(self, key: str) -> None:
        talk = self.model.talks.get(key)
        asked_at = talk.seq if talk else 0
        answer = await self.ask("chat:conversation_get", conversationId=key)
        # A conversation that was followed from its beginning needs no history.
        known = talk is not None and talk.messages is not None
        messages: list[Any] | None = None if known else []
        before: dict[str, int] | None = {}
        while messages is not None and before is not None and answer["success"]:
            page = await self.ask("chat:history", conversationId=key, limit=_HISTORY, **before)
            if not page["success"]:
                answer = page
                break
            messages = page["messages"] + messages
            earlier = page["pagination"]["nextBeforeSeq"]
            before = {"beforeSeq": earlier} if earlier else None
        # An empty conversation is a new one, or hidden.
        listed = (
            not answer["success"]
            or answer["conversation"]["last_message_at"] is not None
            or key in await self._list()
        )
        self.drain()
        if answer["success"]:
            if key in self.model.needs:
                self.model.load(answer["conversation"], messages, listed=listed)
        else:
            assert answer["error"]["code"] == "RESOURCE_NOT_FOUND", answer
            self.model.not_found(key, asked_at)

    async def _load_all(self) -> None:
        listed = await self._list()
        self.drain()
        self.model.needs |= listed - set(self.model.talks)

    async def _list(self) -> set[str]:
        found: set[str] = set()
        offset = 0
        while True:
            page = await self.do("chat:conversation_list", limit=_LIST, offset=offset)
            found |= {card["id"] for card in page["conversations"]}
            offset += _LIST
            if not page["pagination"]["hasMore"]:
                return found

    async def _snapshot_by_rest(self, url: str) -> str:
        """Fetch everything, as a client does before it connects; returns the offset to continue from."""
        self.model.forget()
        async with aiohttp.ClientSession(headers=self.user.auth) as session:
            cards, offset = await fetch_list(session, url)
            for card in cards:
                messages = await fetch_history(session, url, card["id"])
                if messages is not None:
                    self.model.load(card, messages)
        return offset


async def fetch_list(
    session: aiohttp.ClientSession, url: str, limit: int = _LIST
) -> tuple[list[Any], str]:
    """All pages of the conversations, and the first one's offset."""
    cards: dict[str, Any] = {}
    since, at = "", 0
    while True:
        query = {"limit": limit, "offset": at}
        async with session.get(f"{url}/api/conversations", params=query) as response:
            page = await response.json()
        assert response.status == 200, page
        since = since or page["offset"]
        for card in page["conversations"]:
            cards.setdefault(card["id"], card)
        at += limit
        if not page["pagination"]["hasMore"]:
            return list(cards.values()), since


async def fetch_history(
    session: aiohttp.ClientSession, url: str, key: str, limit: int = _HISTORY
) -> list[Any] | None:
    """All pages of a history; None where the person is no member any more."""
    messages: list[Any] = []
    at = 0
    while True:
        query = {"limit": limit, "offset": at}
        async with session.get(f"{url}/api/messages/{key}", params=query) as response:
            page = await response.json()
        if response.status == 404:
            return None
        assert response.status == 200, page
        known = {message["id"] for message in messages}
        messages = [m for m in page["messages"] if m["id"] not in known] + messages
        at += limit
        if not page["pagination"]["hasMore"]:
            return messages
