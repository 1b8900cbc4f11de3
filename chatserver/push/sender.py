"""Sends the notices that are due, by one provider: each at least once, and in the order of each conversation."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import aiohttp

from chatserver.core.background import BackgroundTask
from chatserver.core.crypto import DecryptionError
from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.log import back_off
from chatserver.push.outcome import Fate, Notice, Provider, ProviderName, PushOutcome
from chatserver.push.outside import TIMEOUT
from chatserver.push.shares import Shares
from chatserver.push.targets import DeviceProvider, PushTarget, PushTargets
from chatserver.resources import Directory, MessageReader
from chatserver.store import Database, Record

_log = get_logger(__name__)

# What was not accepted for so long is dropped (s).
_GIVEN_UP_AFTER = 24 * 3600.0
_PREVIEW = 140
_SAY_EVERY = 60.0
# What attempts are counted as.
FATES = (*get_args(Fate), "in focus")
# How long those wait for whom enough is under way; whose service is slow, for about one more answer (s).
_ASIDE, _LONG_ASIDE = 1.0, TIMEOUT
# How long notices that are under way may take when the server stops (s).
_FINISH = 5.0

InFocus = Callable[[Sequence[tuple[str, str]]], Awaitable[set[tuple[str, str]]]]
"""Tells which conversations the people beside them have in front of them."""


class Sender(BackgroundTask):
    """Sends one provider's notices.

    A notice is taken under a lease, and judged as things stand then; it is settled once the provider has accepted
    it. A process that dies in between leaves it to another.

    Args:
        in_focus: tells who need not be told.
        delay: seconds; what comes while a notice is under way is another burst.
        content: whether notices say who wrote what.
        at_once: notices under way in this process.
        pause: seconds between two looks.
        lease: seconds; longer than an attempt may take.
    """

    def __init__(
        self,
        name: ProviderName,
        provider: Provider,
        db: Database,
        targets: PushTargets,
        reader: MessageReader,
        directory: Directory,
        in_focus: InFocus,
        *,
        delay: float,
        content: bool,
        at_once: int,
        pause: float = 1.0,
        lease: float = 10.0,
    ) -> None:
        self.name = name
        self._provider = provider
        self._db = db
        self._targets = targets
        self._reader = reader
        self._directory = directory
        self._in_focus = in_focus
        self._delay = timedelta(seconds=delay)
        self._content = content
        self._at_once = at_once
        self._pause = pause
        self._lease = timedelta(seconds=lease)
        self._under_way: set[asyncio.Task[None]] = set()
        self._shares = Shares()
        self._said_at = -_SAY_EVERY
        # How many attempts had which end.
        self.tally: Counter[str] = Counter()

    @property
    def under_way(self) -> int:
        """How many notices wait for the provider's answer."""
        return len(self._under_way)

    async def stop(self) -> None:
        """Take no more notices, and finish those under way."""
        await super().stop()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_FINISH)
        for task in self._under_way:
            task.cancel()
        await self._provider.close()

    async def _run(self) -> None:
        while True:
            taken = put_off = 0
            try:
                taken, put_off = await self._turn(self._at_once - self.under_way)
            except ChatError:
                pass  # the database said so in the log already
            except Exception:
                _log.exception("notices could not be taken", provider=self.name)
            if taken and self.under_way >= self._at_once:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            elif not put_off:  # else others may have been behind those
                await asyncio.sleep(self._pause * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    async def _turn(self, free: int) -> tuple[int, int]:
        """Take as many notices as there is room for, and begin to send them.

        Returns:
            How many were taken, and how many of them were put off.
        """
        if free <= 0:
            return 0, 0
        # By the time of the question, the leases end no later than is thought here.
        taken_at = time.monotonic()
        rows = await self._db.all("claim_notices", self.name, free, self._lease)
        pairs = [(row["user_id"], str(row["conversation_id"])) for row in rows]
        focused = await self._in_focus(pairs) if pairs else set()
        put_off: list[Record] = []
        for row, pair in zip(rows, pairs, strict=True):
            if pair in focused:
                work = self._pass_over(row)
            elif row["seq"] is not None and (
                row["target"] == "hook" or self._shares.take(row["user_id"])
            ):
                work = self._attempt_in_turn(row, taken_at)
            else:
                put_off.append(row)
                continue
            task = asyncio.create_task(self._guarded(work))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        for user_id in {row["user_id"] for row in put_off}:
            await self._put_off([row for row in put_off if row["user_id"] == user_id])
        return len(rows), len(put_off)

    async def _put_off(self, rows: Sequence[Record]) -> None:
        """Have a person's notices wait, with all others for the same devices: who comes next is somebody else."""
        is_slow = self._shares.is_slow(rows[0]["user_id"])
        wait = timedelta(seconds=_LONG_ASIDE if is_slow else _ASIDE)
        names = ("target", "user_id", "conversation_id", "claim")
        await self._db.all(
            "put_off_notices", *([row[name] for row in rows] for name in names), wait
        )
        for row in {row["target"]: row for row in rows}.values():
            # Of no claim: only the others of its device.
            await self._db.one(
                "defer_notice", row["target"], row["user_id"], row["conversation_id"], -1, wait
            )

    async def _attempt_in_turn(self, row: Record, taken_at: float) -> None:
        try:
            await self._attempt(row, taken_at)
        finally:
            if row["target"] != "hook":
                self._shares.leave(row["user_id"])

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ChatError:
            pass  # the lease ends by itself
        except Exception:
            _log.exception("a notice crashed", provider=self.name)

    async def _pass_over(self, row: Record) -> None:
        self.tally["in focus"] += 1
        await self._settle(row, row["to_seq"])

    async def _attempt(self, row: Record, taken_at: float) -> None:
        if _is_old(row):
            # It was not tried for so long: its provider was not configured for a while.
            self.tally["refused"] += 1
            await self._settle(row, row["seq"])
            return
        notice = await self._notice(row)
        if time.monotonic() - taken_at + TIMEOUT > self._lease.total_seconds():
            # Another process may be sending it, and what comes after it, before this attempt would end.
            # No service has seen it: it is given back as untried.
            keys = [row["target"]], [row["user_id"]], [row["conversation_id"]], [row["claim"]]
            await self._db.all("put_off_notices", *keys, timedelta(seconds=_ASIDE))
            return
        outcome = await self._sent(notice)
        if outcome.fate == "later" and _is_old(row):
            outcome = PushOutcome("refused")
        self.tally[outcome.fate] += 1
        if outcome.fate == "later":
            wait = max(back_off(row["failures"]), outcome.retry_after)
            await self._db.one(
                "defer_notice",
                row["target"],
                row["user_id"],
                row["conversation_id"],
                row["claim"],
                timedelta(seconds=wait),
            )
        elif outcome.fate == "gone":
            known = row["device_id"], row["fingerprint"], row["sealed"]
            await self._db.one("forget_push_device", *known)
            await self._settle(row, row["seq"])
        else:
            await self._settle(row, row["seq"])

    async def _settle(self, row: Record, up_to: int) -> None:
        await self._db.one(
            "settle_notice",
            row["target"],
            row["user_id"],
            row["conversation_id"],
            row["claim"],
            up_to,
            self._delay,
        )

    async def _notice(self, row: Record) -> Notice | None:
        """Return what is sent; None where its device does not open."""
        try:
            target = self._target(row)
        except DecryptionError:
            _log.error("a device does not open", device_id=str(row["device_id"]))
            return None
        return Notice(
            user_id=row["user_id"],
            conversation_id=row["conversation_id"],
            seq=row["seq"],
            said_at=row["said_at"],
            target=target,
            data=await self._data(row),
        )

    async def _sent(self, notice: Notice | None) -> PushOutcome:
        if notice is None:
            return PushOutcome("refused")
        try:
            # Whatever the provider does for it, with a token to be fetched, say.
            with self._shares.timed(notice.user_id):
                async with asyncio.timeout(TIMEOUT):
                    return await self._provider.send(notice)
        except (OSError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._say(type(error).__name__)
            return PushOutcome("later")

    def _target(self, row: Record) -> PushTarget | None:
        if self.name == "hook":
            return None
        provider: DeviceProvider = "fcm" if self.name == "fcm" else "webpush"
        return self._targets.open(row["user_id"], provider, row["sealed"])[0]

    async def _data(self, row: Record) -> dict[str, Any]:
        """Return the payload of a notice, as the contract has it."""
        data: dict[str, Any] = {
            "kind": "mention" if row["is_mention"] else "message",
            "conversationId": str(row["conversation_id"]),
            "messageId": str(row["message_id"]),
            "seq": row["seq"],
            "badge": row["badge"],
        }
        if self._content:
            rows = await self._db.all("messages_of", row["conversation_id"], [row["message_id"]])
            try:
                (message,) = await self._reader.resources(rows)
            except DecryptionError:
                # Its key is not configured: they are told that there is a message, and can read it when it is.
                return data
            names = await self._directory.names([message.sender_id])
            data["sender"] = names[message.sender_id].display_name[:_PREVIEW]
            data["preview"] = " ".join((message.content or "").split())[:_PREVIEW]
        return data

    def _say(self, cause: str) -> None:
        """Say that a provider cannot be reached, once a minute; where it is, only its owner may know."""
        now = time.monotonic()
        if now - self._said_at >= _SAY_EVERY:
            self._said_at = now
            _log.warning("a push service could not be reached", provider=self.name, cause=cause)


def _is_old(row: Record) -> bool:
    begun_at: datetime = row["begun_at"]
    return (datetime.now(UTC) - begun_at).total_seconds() >= _GIVEN_UP_AFTER
