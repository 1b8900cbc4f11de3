"""Whatever people do, a search finds exactly what a look through all that history shows would find."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatserver.search.folding import fold
from tests.conftest import MakeUser, User
from tests.support.device import Device
from tests.support.searching import built, pages, said_at_once
from tests.support.servers import Server
from tests.support.talks import opened

Pool = asyncpg.Pool

# Small letters and large, those that fold to more than one, marks that compose and those that change their order,
# ligatures, width, joiners, emoji, and scripts without spaces.
_HARD = (
    "aAbBsSßẞİıſfiﬁﬀﬃÅÅéÉe\u0301\u0323\u0307\u0345άΆΐᾳςσΣ　 .,Ａｱﾞ"
    "がｶﾞカKЙи\u0306①½ℌﷺ漢字가각ᄀ\u1161\u11a8\u0bc6\u0bbe"
    "\u200d\u00ad\ufe0f👍🏽🇩🇪👨\u200d👩\u0f71\u0f72\u0f74\U0001d400\U00020000"
)
_CHARACTERS = st.one_of(
    st.sampled_from(_HARD),
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"]),
)
_TEXTS = st.one_of(
    st.text(_CHARACTERS, min_size=1, max_size=12),
    st.lists(
        st.sampled_from(["eins", "Zwei", "DREI", "straße", "ﬁn", "漢字"]), min_size=1, max_size=4
    ).map(" ".join),
).map(lambda text: f"{text}.")

_NUMBERS = st.integers(0, 200)
_DO = st.one_of(
    st.tuples(st.sampled_from(["say"]), _NUMBERS, _NUMBERS, _TEXTS),
    st.tuples(st.sampled_from(["edit"]), _NUMBERS, _NUMBERS, _TEXTS),
    st.tuples(
        st.sampled_from(["say many", "erase", "delete", "hide", "leave", "add", "build"]),
        _NUMBERS,
        _NUMBERS,
        st.just(""),
    ),
)
_CHANGED: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.lower,
    str.swapcase,
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: unicodedata.normalize("NFKC", text),
)
# Which text, from where, how much of it, and how changed.
_QUERIES = st.tuples(_NUMBERS, _NUMBERS, st.sampled_from([2, 3, 4, 7]), st.sampled_from(_CHANGED))


@dataclass(slots=True)
class _World:
    """Three people, two of whom talk alone, and a group of all."""

    server: Server
    db: "Pool[asyncpg.Record]"
    people: list[User]
    devices: list[Device]
    talks: list[str]
    said: list[tuple[int, str]] = field(default_factory=list)

    async def do(self, what: str, first: int, second: int, text: str) -> None:
        """Do something, as far as it may be done."""
        who = first % len(self.people)
        device, talk = self.devices[who], self.talks[second % len(self.talks)]
        sender, message_id = self.said[second % len(self.said)] if self.said else (0, "")
        if what == "say":
            payload = {"conversationId": talk, "content": text}
            ack = await device.ask("chat:message_send", payload)
            if ack["success"]:
                self.said.append((who, ack["messageId"]))
        elif what == "say many":
            # One of the two who are in all of them, and never leave.
            sent = [(self.people[who % 2].id, f"Eins {n}") for n in range(first + 60)]
            await said_at_once(self.db, talk, sent)
        elif what == "edit":
            payload = {"messageId": message_id, "content": text}
            await self.devices[sender].ask("chat:message_edit", payload)
        elif what == "erase":
            await self.devices[sender].ask("chat:message_delete", {"messageId": message_id})
        elif what == "delete":
            alone = {"messageId": message_id, "deleteForEveryone": False}
            await device.ask("chat:message_delete", alone)
        elif what == "hide":
            await device.ask("chat:conversation_delete", {"conversationId": talk})
        elif what == "leave":
            await self.devices[2].ask("group:leave", {"conversationId": self.talks[-1]})
        elif what == "add":
            added = {"conversationId": self.talks[-1], "userId": self.people[2].id}
            await self.devices[0].ask("group:member_add", added)
        elif what == "build":
            await built(self.server, talk)

    async def shown(self, device: Device) -> dict[str, list[dict[str, Any]]]:
        """What history shows somebody: the newest first, by conversation, in the order of their list."""
        listed = await device.do("chat:conversation_list")
        found = {}
        for card in listed["conversations"]:
            messages: list[dict[str, Any]] = []
            before: dict[str, Any] = {}
            while True:
                page = await device.do(
                    "chat:history", conversationId=card["id"], limit=200, **before
                )
                messages = page["messages"] + messages
                if not page["pagination"]["hasMore"]:
                    break
                before = {"beforeSeq": page["pagination"]["nextBeforeSeq"]}
            found[card["id"]] = messages[::-1]
        return found


def _part(text: str, start: int, length: int) -> str:
    start %= len(text)
    return text[start : start + length].strip()


def _is_query(text: str) -> bool:
    plain = text.strip()
    return len(plain) >= 2 and len(plain) <= 100 and fold(plain) != "" and plain.isprintable()


def _check_ranges(result: dict[str, Any], query: str) -> None:
    """Each range holds what was asked for, as the text is shown; they are in order, and apart."""
    units = result["message"]["content"].encode("utf-16-le")
    at = 0
    for begin, end in result["ranges"]:
        assert at <= begin < end
        at = end
        assert fold(query) in fold(units[2 * begin : 2 * end].decode("utf-16-le"))
    assert result["ranges"]


async def _check(world: _World, device: Device, query: str) -> None:
    shown = await world.shown(device)
    meant = [
        message["id"]
        for messages in shown.values()
        for message in messages
        if message["content"] is not None and fold(query) in fold(message["content"])
    ]
    results = [
        result for page in await pages(device, query=query, limit=50) for result in page["results"]
    ]
    assert [result["message"]["id"] for result in results] == meant
    for result in results:
        _check_ranges(result, query)
        assert result["message"] in shown[result["message"]["conversation_id"]]


def _queries(texts: Sequence[str], asked: list[tuple[int, int, int, Any]]) -> Iterable[str]:
    for which, start, length, change in asked:
        query = change(_part(texts[which % len(texts)], start, length))
        if _is_query(query):
            yield query


@given(
    done=st.lists(_DO, min_size=4, max_size=25), asked=st.lists(_QUERIES, min_size=2, max_size=6)
)
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_a_search_is_a_look_through_history(
    server: Server,
    db: "Pool[asyncpg.Record]",
    make_user: MakeUser,
    done: list[tuple[str, int, int, str]],
    asked: list[tuple[int, int, int, Any]],
) -> None:
    """After any changes, everybody finds what history shows them, in its order, each with its places."""
    async with AsyncExitStack() as stack:
        people = [await make_user() for _ in range(3)]
        devices = []
        for user in people:
            devices.append(await Device(server.url, user.token).connect())
            stack.push_async_callback(devices[-1].close)
        talk = await opened(devices[0], people[1])
        others = [user.id for user in people[1:]]
        made = await devices[0].do("group:create", title="All", participantIds=others)
        world = _World(server, db, people, devices, [talk, made["conversation"]["id"]])
        await world.do("say", 0, 0, "straße eins")
        for what, first, second, text in done:
            await world.do(what, first, second, text)
        texts = ["straße eins", *(text for *_, text in done if text)]
        for query in _queries(texts, asked):
            for device in devices:
                await _check(world, device, query)
