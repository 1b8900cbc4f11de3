"""One STOMP session, the server's end of it: what may be said when, whatever it is about.

A listener decides who may connect, subscribe and send, and writes. Every ERROR ends the session (1.2, "ERROR"):
the stock JavaScript client does not hang up after one. No header of ours holds a colon, a backslash or padding,
since that client mistakes some.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from chatserver.doors.protocols import stomp_beats
from chatserver.doors.protocols.stomp import (
    BadStompFrame,
    FrameReader,
    Headers,
    StompFrame,
    Version,
    encode,
    message_head,
)
from chatserver.doors.protocols.stomp_beats import Beats

# The newest first. The subprotocols of a WebSocket are named after them.
VERSIONS: tuple[Version, ...] = ("1.2", "1.1", "1.0")
SUBPROTOCOLS = ("v12.stomp", "v11.stomp", "v10.stomp")

# What is kept of a subscription has a bound, as their number has.
_MOST_SUBSCRIPTIONS = 1_000
# To one destination: each is sent a copy of what comes there.
_MOST_ALIKE = 16
_LONGEST = 1_024
# After so many frames of a chunk others have their turn.
_FRAMES = 64
# A SEND is counted by those who take it, and a DISCONNECT comes once.
_UNCOUNTED = ("SEND", "DISCONNECT")
_ACKS = ("auto", "client", "client-individual")


class RefusedFrame(Exception):  # noqa: N818 - it says what became of a frame
    """A frame is refused, and the session ends with an ERROR.

    Args:
        message: a short description, for the header of that name.
        detail: more of it, for the body.
        headers: more of the ERROR frame.
    """

    def __init__(self, message: str, detail: str = "", headers: Headers = ()) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.headers = tuple(headers)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription. ``id`` is the client's, None where 1.0 has none; ``head`` begins each MESSAGE for it."""

    id: str | None
    destination: str
    head: bytes


Receipt = Callable[[], None]


class StompListener(Protocol):
    """What a session asks about a client, and writes by."""

    async def connect(self, frame: StompFrame) -> Headers:
        """Let a client in; returns more headers for its CONNECTED. Raises RefusedFrame."""

    def count(self) -> None:
        """Count a frame that posts nothing. Raises RefusedFrame where it is one too many."""

    def connected(self, session: "StompSession") -> None:
        """Begin, since CONNECTED is written; `StompSession.version` and `StompSession.beats` hold."""

    async def subscribe(self, subscription: Subscription) -> None:
        """Allow a subscription. Raises RefusedFrame."""

    def subscribed(self, subscription: Subscription) -> None:
        """Begin to write the messages of a subscription."""

    def unsubscribed(self, subscription: Subscription) -> None:
        """Forget a subscription that has ended."""

    async def send(self, frame: StompFrame, receipt: Receipt) -> None:
        """Take a SEND. Raises RefusedFrame.

        The next frame is read when this returns. `receipt` is to be called once what was sent is done: it writes a
        RECEIPT where one is asked for. What fails later is told by `StompSession.refuse`.
        """

    def write(self, data: bytes) -> None:
        """Write octets."""

    def close(self, last: bytes) -> None:
        """Write the last frame, or nothing, behind what is still to be answered; then close."""


class StompSession:
    """Reads what one client sends.

    Args:
        max_body: of a frame, in octets.
        beats: what we offer.
    """

    def __init__(self, listener: StompListener, *, max_body: int, beats: Beats) -> None:
        self._listener = listener
        self._reader = FrameReader(max_body=max_body)
        self._offered = beats
        # What was agreed on; there is no version until the client is connected.
        self.beats = Beats(0, 0)
        self.over = False
        # By id, or by destination where they have none; and by destination.
        self._subscriptions: dict[tuple[str | None, str], Subscription] = {}
        self._to: dict[str, dict[tuple[str | None, str], Subscription]] = {}

    @property
    def version(self) -> Version | None:
        """The version that was agreed on; None until the client is connected."""
        return self._reader.version

    @property
    def subscriptions(self) -> Collection[Subscription]:
        """All subscriptions that there are, in the order in which they were made."""
        return self._subscriptions.values()

    def to(self, destination: str) -> Collection[Subscription]:
        """Return the subscriptions to a destination."""
        same = self._to.get(destination)
        return same.values() if same else ()

    # -- reading ----------------------------------------------------------------------------------

    async def receive(self, data: bytes) -> None:
        """Take octets, and all frames that they complete, one after the other."""
        if not self.over:
            self._reader.feed(data)
        number = 0
        while not self.over:
            number += 1
            if number % _FRAMES == 0:
                await asyncio.sleep(0)
            try:
                frame = self._reader.read()
            except BadStompFrame as error:
                self.refuse(RefusedFrame(error.reason))
                return
            if frame is None:
                return
            try:
                await self._take(frame)
            except BadStompFrame as error:
                self.refuse(RefusedFrame(error.reason), frame)
            except RefusedFrame as refused:
                self.refuse(refused, frame)

    async def _take(self, frame: StompFrame) -> None:
        command = frame.command
        if command in ("CONNECT", "STOMP"):
            await self._connect(frame)
            return
        if self.version is None:
            raise RefusedFrame("the first frame is CONNECT or STOMP")
        take = _COMMANDS.get(command)
        if take is None:
            raise RefusedFrame("no such command")
        if command not in _UNCOUNTED:
            self._listener.count()
        await take(self, frame)

    async def _connect(self, frame: StompFrame) -> None:
        if self.version is not None:
            raise RefusedFrame("connected already")
        version = _agreed(frame.headers.get("accept-version"))
        beats = stomp_beats.agreed(
            self._offered, stomp_beats.parse(frame.headers.get("heart-beat"))
        )
        more = await self._listener.connect(frame)
        if self.over:
            return
        self._reader.version, self.beats = version, beats
        headers = [("version", version), ("heart-beat", str(self._offered)), *more]
        self._listener.write(encode("CONNECTED", headers, version=version))
        self._listener.connected(self)

    async def _subscribe(self, frame: StompFrame) -> None:
        destination, key = self._named(frame, needs_destination=True)
        if frame.headers.get("ack", "auto") not in _ACKS:
            raise RefusedFrame(f"ack is one of {', '.join(_ACKS)}")
        had = self._subscriptions.get(key)
        if had is None:
            if len(self._subscriptions) >= _MOST_SUBSCRIPTIONS:
                raise RefusedFrame(f"a connection has at most {_MOST_SUBSCRIPTIONS} subscriptions")
            if len(self.to(destination)) >= _MOST_ALIKE:
                raise RefusedFrame(f"a destination has at most {_MOST_ALIKE} subscriptions")
            assert self.version is not None  # asked by _take
            made = Subscription(key[0], destination, message_head(key[0], self.version))
            await self._listener.subscribe(made)
            if self.over:
                return
            self._subscriptions[key] = made
            self._to.setdefault(destination, {})[key] = made
            self._listener.subscribed(made)
        elif had.destination != destination:
            raise RefusedFrame("the subscription with this id has another destination")
        self._receipt(frame)

    async def _unsubscribe(self, frame: StompFrame) -> None:
        _, key = self._named(frame, needs_destination=False)
        subscription = self._subscriptions.pop(key, None)
        if subscription is not None:
            same = self._to[subscription.destination]
            del same[key]
            if not same:
                del self._to[subscription.destination]
            self._listener.unsubscribed(subscription)
        self._receipt(frame)

    def _named(
        self, frame: StompFrame, *, needs_destination: bool
    ) -> tuple[str, tuple[str | None, str]]:
        """Return the destination that a frame names, and the key of its subscription."""
        named, destination = frame.headers.get("id"), frame.headers.get("destination", "")
        if named is None and self.version != "1.0":
            raise RefusedFrame("id is missing")
        if not destination and (needs_destination or named is None):
            raise RefusedFrame("destination is missing")
        if max(len(named or ""), len(destination)) > _LONGEST:
            raise RefusedFrame(f"id and destination have at most {_LONGEST} characters")
        return destination, (None, destination) if named is None else (named, "")

    async def _send(self, frame: StompFrame) -> None:
        if not frame.headers.get("destination"):
            raise RefusedFrame("destination is missing")
        if "transaction" in frame.headers:
            raise RefusedFrame("there are no transactions")
        await self._listener.send(frame, lambda: self._receipt(frame))

    async def _acknowledge(self, frame: StompFrame) -> None:
        """Answer an ACK or NACK: everything counts as acknowledged when it is sent."""
        self._receipt(frame)

    async def _transact(self, frame: StompFrame) -> None:
        raise RefusedFrame("there are no transactions")

    async def _disconnect(self, frame: StompFrame) -> None:
        receipt = self._receipt_of(frame)
        self.over = True
        self._listener.close(receipt)

    # -- answering --------------------------------------------------------------------------------

    def _receipt_of(self, frame: StompFrame) -> bytes:
        """Return the RECEIPT that a frame asks for; empty where it asks for none."""
        asked = frame.headers.get("receipt")
        if asked is None or self.version is None:
            return b""
        return encode("RECEIPT", [("receipt-id", asked)], version=self.version)

    def _receipt(self, frame: StompFrame) -> None:
        # Also where the session is over meanwhile: what was done is told before its last frame.
        if receipt := self._receipt_of(frame):
            self._listener.write(receipt)

    def refuse(self, refused: RefusedFrame, frame: StompFrame | None = None) -> None:
        """End the session with an ERROR, because of a frame or by itself; not if it is over already."""
        if self.over:
            return
        self.over = True
        headers = [("message", refused.message), *refused.headers]
        if frame is not None and (asked := frame.headers.get("receipt")) is not None:
            headers.append(("receipt-id", asked))
        body = refused.detail.encode()
        if body:
            headers.append(("content-type", "text/plain"))
        self._listener.close(encode("ERROR", headers, body, version=self.version or "1.0"))


_COMMANDS: Mapping[str, Callable[[StompSession, StompFrame], Awaitable[None]]] = {
    "SUBSCRIBE": StompSession._subscribe,
    "UNSUBSCRIBE": StompSession._unsubscribe,
    "SEND": StompSession._send,
    "ACK": StompSession._acknowledge,
    "NACK": StompSession._acknowledge,
    "BEGIN": StompSession._transact,
    "COMMIT": StompSession._transact,
    "ABORT": StompSession._transact,
    "DISCONNECT": StompSession._disconnect,
}


def _agreed(accepted: str | None) -> Version:
    """Return the newest version that both know (1.2, "Protocol Negotiation"); 1.0 where none is named.

    Raises:
        RefusedFrame: there is none.
    """
    offered = {"1.0"} if accepted is None else {name.strip() for name in accepted.split(",")}
    for version in VERSIONS:
        if version in offered:
            return version
    known = ",".join(reversed(VERSIONS))
    raise RefusedFrame(
        "version not supported",
        f"Supported protocol versions are {known}",
        [("version", known)],
    )
