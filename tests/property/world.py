"""What the people of one example do: an operation is its name and three numbers that choose."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import aiohttp

from tests.conftest import User
from tests.property.cluster import Cluster
from tests.property.device import Follower
from tests.support.files import put

Op = tuple[str, int, int, int]

# Each as often as it is worth; the first is what a failing example shrinks to.
NAMES = (
    "rest", "open", "send", "send", "send", "send", "send", "file", "file", "reply", "edit", "edit",
    "delete", "remove_own", "hide", "hide", "mark_unread", "pin", "pin", "unpin",
    "react", "react", "unreact", "block", "unblock", "unblock", "ban", "unban", "unban", "create", "add",
    "add", "add", "remove", "remove", "leave", "rename", "promote", "promote", "demote", "transfer",
    "permit", "announce", "end", "read", "read", "read_one", "read_one", "delivered",
    "delivered", "drop", "drop", "connect", "connect", "connect", "connect", "let_go",
    "log", "settle", "restart",
)  # fmt: skip
HOW = ("offset", "positions", "since", "nothing")
# Why a command may be refused here: the numbers choose without looking.
_REFUSED = {
    "USER_BLOCKED",
    "PERMISSION_DENIED",
    "RESOURCE_NOT_FOUND",
    "CONFLICT",
    "VALIDATION_ERROR",
}


class World:
    """The people, their devices, and what there is to do something with."""

    def __init__(self, cluster: Cluster, people: Sequence[User], owners: Sequence[int]) -> None:
        self.cluster = cluster
        self.people = people
        self.devices = [Follower(people[owner]) for owner in owners]
        self.conversations: list[str] = []
        # Who may have something to say in each: that is who is chosen from.
        self.circles: dict[str, list[int]] = {}
        self.groups: list[str] = []
        self.messages: list[tuple[str, str, int]] = []
        self._http: list[aiohttp.ClientSession] = []
        # Who has marked which conversation as unread, ever.
        self.marks: set[tuple[str, str]] = set()
        self._texts = 0

    async def begin(self, fates: Sequence[str]) -> None:
        """Everybody is here, on both servers; `fates` is what becomes of the rings between them, in turn."""
        self._http = [aiohttp.ClientSession(headers=person.auth) for person in self.people]
        for number, device in enumerate(self.devices):
            server = number % 2
            await device.come_back(self.cluster.url(server), server, "nothing", None)
            # Nothing has happened yet, so nothing is unknown.
            device.model.personal_seq, device.model.blocked = 0, set()
        self.cluster.fates = itertools.cycle(fates)
        # Something to do something with: two conversations, a group, and words in each.
        await self.play(("open", 0, 1, 0))
        await self.play(("open", 2, 0, 1))
        await self.play(("create", 0, 0b1110, 0))
        for n in range(6):
            await self.play(("send", n, n, n))

    async def end(self) -> None:
        """Everybody goes."""
        for device in self.devices:
            await device.drop()
        for session in self._http:
            await session.close()

    async def play(self, op: Op) -> None:
        """One operation."""
        name, *numbers = op
        await getattr(self, f"_{name}")(*numbers)

    async def play_at_once(self, ops: Sequence[Op]) -> None:
        """Operations that race; but a server is not asked while it stops."""
        if any(op[0] == "restart" for op in ops):
            for op in ops:
                await self.play(op)
        else:
            ended = await asyncio.gather(*(self.play(op) for op in ops), return_exceptions=True)
            for error in ended:
                if error is not None:
                    raise error

    async def settle(self) -> None:
        """Nothing is under way any more, and every connected device knows what there is to know."""
        self.cluster.let_go()
        await self.cluster.look_at_files()
        # What was committed while the first reading was on its way is in the second.
        await self.cluster.read()
        await self.cluster.read()
        self.cluster.tell_receipts()
        for device in self.devices:
            if device.connected:
                await device.settle()

    # -- asking -----------------------------------------------------------------------------------

    async def _do(self, who: int, how: int, name: str, /, **payload: Any) -> dict[str, Any] | None:
        """A command by one of the person's devices, or by REST; None where it was refused."""
        person = self.people[who % len(self.people)]
        device = next((d for d in self.devices if d.user is person and d.connected), None)
        if device and how % 3 == 2:
            async with device.lock:
                if device.connected:
                    ack = await device.ask(name, **payload)
                    return self._accepted(ack)
        url = f"{self.cluster.url(how % 2)}/api/commands/{name}"
        async with self._http[who % len(self.people)].post(url, json=payload) as response:
            return self._accepted(await response.json())

    @staticmethod
    def _accepted(answer: dict[str, Any]) -> dict[str, Any] | None:
        if "error" in answer:
            assert answer["error"]["code"] in _REFUSED, answer
            return None
        return answer

    def _person(self, number: int) -> str:
        return self.people[number % len(self.people)].id

    def _message(self, number: int) -> tuple[str, str, int] | None:
        """The newest first: what happens to recent messages is what races."""
        return self.messages[-1 - number % len(self.messages)] if self.messages else None

    def _known(self, answer: dict[str, Any] | None, circle: Sequence[int]) -> None:
        if answer and (key := answer["conversation"]["id"]) not in self.conversations:
            self.conversations.append(key)
            self.circles[key] = list(circle)
            if answer["conversation"]["type"] == "group":
                self.groups.append(key)

    def _one_of(self, key: str, number: int) -> int:
        return self.circles[key][number % len(self.circles[key])]

    # -- what can be done -------------------------------------------------------------------------

    async def _open(self, who: int, whom: int, how: int) -> None:
        opened = await self._do(who, how, "chat:conversation_open", recipientId=self._person(whom))
        self._known(opened, [n % len(self.people) for n in (who, whom)])

    async def _create(self, who: int, others: int, how: int) -> None:
        chosen = [p.id for n, p in enumerate(self.people) if others >> n & 1]
        title = f"group {len(self.conversations)}"
        created = await self._do(who, how, "group:create", title=title, participantIds=chosen)
        self._known(created, range(len(self.people)))

    async def _send(self, who: int, where: int, how: int, **more: Any) -> None:
        if not self.conversations:
            return
        key = self.conversations[where % len(self.conversations)]
        self._texts += 1
        sent = await self._do(
            self._one_of(key, who),
            how,
            "chat:message_send",
            conversationId=key,
            content=f"text {self._texts} @{self._person(self._texts)}",
            clientMessageId=f"c{self._texts}",
            metadata={"n": self._texts},
            **more,
        )
        if sent:
            self.messages.append((sent["messageId"], key, sent["message"]["seq"]))

    async def _file(self, who: int, where: int, how: int) -> None:
        """A file that is uploaded at one server, completed at the other, and sent while it is looked at."""
        if not self.conversations:
            return
        key = self.conversations[where % len(self.conversations)]
        who = self._one_of(key, who)
        data = b"%d bytes" % where
        created = await self._do(
            who, how, "file:create", conversationId=key, name="a", size=len(data), type=""
        )
        if created is None:
            return
        file_id = created["file"]["id"]
        served = await put(self.cluster.url(how % 2), created, data)
        # Its owner may be no member any more.
        if served.status != 200:
            assert served.status == 404
            return
        await self._do(who, how + 1, "file:complete", fileId=file_id)
        circle = self.circles[key]
        await self._send(circle.index(who), where, how, fileIds=[file_id])

    async def _reply(self, who: int, which: int, how: int) -> None:
        if message := self._message(which):
            where = self.conversations.index(message[1])
            await self._send(who, where, how, replyToMessageId=message[0])

    async def _about(self, who: int, which: int, how: int, name: str, **payload: Any) -> None:
        if message := self._message(which):
            await self._do(
                self._one_of(message[1], who), how, name, messageId=message[0], **payload
            )

    async def _edit(self, who: int, which: int, how: int) -> None:
        self._texts += 1
        await self._about(who, which, how, "chat:message_edit", content=f"edit {self._texts}")

    async def _delete(self, who: int, which: int, how: int) -> None:
        await self._about(who, which, how, "chat:message_delete")

    async def _remove_own(self, who: int, which: int, how: int) -> None:
        await self._about(who, which, how, "chat:message_delete", deleteForEveryone=False)

    async def _pin(self, who: int, which: int, how: int) -> None:
        await self._about(who, which, how, "chat:message_pin")

    async def _unpin(self, who: int, which: int, how: int) -> None:
        await self._about(who, which, how, "chat:message_unpin")

    async def _hide(self, who: int, where: int, how: int) -> None:
        if self.conversations:
            key = self.conversations[where % len(self.conversations)]
            await self._do(
                self._one_of(key, who), how, "chat:conversation_delete", conversationId=key
            )

    async def _mark_unread(self, who: int, where: int, how: int) -> None:
        if self.conversations:
            key = self.conversations[where % len(self.conversations)]
            who = self._one_of(key, who)
            self.marks.add((self._person(who), key))
            await self._do(who, how, "chat:conversation_mark_unread", conversationId=key)

    async def _react(self, who: int, which: int, how: int) -> None:
        await self._about(who, which, how, "chat:reaction_add", reaction="👍❤️"[how % 2])

    async def _unreact(self, who: int, which: int, how: int) -> None:
        await self._about(who, which, how, "chat:reaction_remove")

    async def _read_one(self, who: int, which: int, how: int) -> None:
        await self._about(who, which, how, "chat:message_read")

    async def _up_to(self, who: int, which: int, how: int, name: str) -> None:
        if message := self._message(which):
            _, key, seq = message
            await self._do(self._one_of(key, who), how, name, conversationId=key, upToSeq=seq)

    async def _read(self, who: int, which: int, how: int) -> None:
        await self._up_to(who, which, how, "chat:message_read")

    async def _delivered(self, who: int, which: int, how: int) -> None:
        await self._up_to(who, which, how, "chat:message_delivered")

    async def _block(self, who: int, where: int, how: int, *, block: bool = True) -> None:
        if self.conversations:
            key = self.conversations[where % len(self.conversations)]
            who = self._one_of(key, who)
            await self._do(who, how, "chat:conversation_block", conversationId=key, block=block)

    async def _unblock(self, who: int, where: int, how: int) -> None:
        await self._block(who, where, how, block=False)

    async def _ban(self, who: int, whom: int, how: int) -> None:
        await self._do(who, how, "user:block", userId=self._person(whom))

    async def _unban(self, who: int, whom: int, how: int) -> None:
        await self._do(who, how, "user:unblock", userId=self._person(whom))

    async def _member(self, who: int, whom: int, how: int, name: str, **more: Any) -> None:
        if self.groups:
            key = self.groups[whom // len(self.people) % len(self.groups)]
            await self._do(who, how, name, conversationId=key, userId=self._person(whom), **more)

    async def _add(self, who: int, whom: int, how: int) -> None:
        await self._member(who, whom, how, "group:member_add")

    async def _remove(self, who: int, whom: int, how: int) -> None:
        await self._member(who, whom, how, "group:member_remove")

    async def _of_group(self, who: int, which: int, how: int, name: str, **payload: Any) -> None:
        if self.groups:
            key = self.groups[which % len(self.groups)]
            await self._do(who, how, name, conversationId=key, **payload)

    async def _rename(self, who: int, which: int, how: int) -> None:
        self._texts += 1
        await self._of_group(who, which, how, "group:update", title=f"title {self._texts}")

    async def _promote(self, who: int, whom: int, how: int) -> None:
        await self._member(who, whom, how, "group:promote", role=("admin", "moderator")[how % 2])

    async def _demote(self, who: int, whom: int, how: int) -> None:
        await self._member(who, whom, how, "group:demote", role=("member", "moderator")[how % 2])

    async def _permit(self, who: int, whom: int, how: int) -> None:
        await self._member(who, whom, how, "group:permit", canAddMembers=how % 2 == 0)

    async def _transfer(self, who: int, whom: int, how: int) -> None:
        await self._member(who, whom, how, "group:transfer")

    async def _announce(self, who: int, which: int, how: int) -> None:
        if self.groups:
            key = self.groups[which % len(self.groups)]
            self._texts += 1
            said = {"conversationId": key, "content": f"@all: news {self._texts}"}
            sent = await self._do(who, how, "group:announce", **said)
            if sent:
                self.messages.append((sent["messageId"], key, sent["message"]["seq"]))

    async def _end(self, who: int, which: int, how: int) -> None:
        await self._of_group(who, which, how, "group:delete")

    async def _leave(self, who: int, which: int, how: int) -> None:
        await self._of_group(who, which, how, "group:leave")

    # -- faults -----------------------------------------------------------------------------------

    async def _drop(self, which: int, _a: int, _b: int) -> None:
        device = self.devices[which % len(self.devices)]
        async with device.lock:
            await device.hang_up()

    async def _connect(self, which: int, how: int, cut: int) -> None:
        device = self.devices[which % len(self.devices)]
        server = how // len(HOW) % 2
        async with device.lock:
            after = cut - 3 if cut > 3 else None
            await device.come_back(self.cluster.url(server), server, HOW[how % len(HOW)], after)

    async def _let_go(self, _a: int, _b: int, _c: int) -> None:
        self.cluster.let_go()

    async def _log(self, _a: int, _b: int, _c: int) -> None:
        await self.cluster.read()

    async def _settle(self, which: int, _a: int, _b: int) -> None:
        device = self.devices[which % len(self.devices)]
        async with device.lock:
            if device.connected:
                await device.settle()

    async def _rest(self, _a: int, _b: int, _c: int) -> None:
        pass

    async def _restart(self, number: int, _a: int, _b: int) -> None:
        if number > 1:
            return  # it costs more than a dozen others
        for device in self.devices:
            if device.server == number:
                await device.hang_up()
        await self.cluster.restart(number)
