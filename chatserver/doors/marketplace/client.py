"""A client of the marketplace system: what its STOMP session asks about it, and what it is written."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aiohttp import WSCloseCode

from chatserver.core import encoding
from chatserver.core.caller import Session
from chatserver.core.errors import ChatError, invalid
from chatserver.doors.connection import Asking, WebSocketLine
from chatserver.doors.marketplace.choices import Choices
from chatserver.doors.marketplace.device import StompDevice
from chatserver.doors.marketplace.own import OwnConversation
from chatserver.doors.marketplace.told import Packing
from chatserver.doors.marketplace.words import ASKS, NOTIFICATIONS, TOPIC, in_their_words, payload
from chatserver.doors.protocols import Pulse, Pulses
from chatserver.doors.protocols.stomp import Headers, StompFrame
from chatserver.doors.protocols.stomp_beats import Beats
from chatserver.doors.protocols.stomp_session import (
    Receipt,
    RefusedFrame,
    StompSession,
    Subscription,
)
from chatserver.doors.words import Ask
from chatserver.gate import Answer, LatePayload
from chatserver.resources import Abouts

# What we offer: a beat every 10 s, and to be content with one every 30 s.
BEATS = Beats(10_000, 30_000)
# So many messages count as a command beside what they hold, which may be nothing. Beats are some six a minute.
_HEARD = 60


class Host(Protocol):
    """What the clients of the door share."""

    asking: Asking
    abouts: Abouts
    choices: Choices
    pulses: Pulses
    max_body: int

    def count(self, session: Session) -> None:
        """Count what is no command as one.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """

    async def let_in(self, client: "StompClient", token: str | None) -> None:
        """Have a client let in, or refused."""


class StompClient:
    """Hears one STOMP session (see `stomp_session.StompListener`).

    Args:
        cookie: the token of the page, where the client says none.
        packing: how octets go out over the client's transport.
        on_beats: told that beats are sent, so that others need not be.
    """

    def __init__(
        self,
        host: Host,
        line: WebSocketLine,
        cookie: str | None,
        packing: Packing,
        on_beats: Callable[[], None],
    ) -> None:
        self.line = line
        self.session = StompSession(self, max_body=host.max_body, beats=BEATS)
        self._host = host
        self._cookie = cookie
        self._packing = packing
        self._on_beats = on_beats
        self._device: StompDevice | None = None
        self._pulse: Pulse | None = None
        self._heard = 0
        # With which code it is closed after an ERROR.
        self._why = WSCloseCode.PROTOCOL_ERROR
        # Whether it is let in.
        self._entrance: asyncio.Future[None] | None = None

    # -- connecting -------------------------------------------------------------------------------

    async def connect(self, frame: StompFrame) -> Headers:
        """See `StompListener`."""
        self._entrance = asyncio.get_running_loop().create_future()
        await self._host.let_in(self, _token(frame) or self._cookie)
        await self._entrance
        assert self._device is not None  # it is let in
        return [("user-name", self._device.user_id)]

    def let_in(self, device: StompDevice) -> None:
        """Note that the session is on."""
        self._device = device
        if self._entrance is not None and not self._entrance.done():
            self._entrance.set_result(None)

    def turn_away(self, error: ChatError) -> None:
        """Tell the client that it is not let in."""
        if self._entrance is not None and not self._entrance.done():
            self._entrance.set_exception(refusal(error))

    def gone(self) -> None:
        """Note that nothing is written to the client any more, but for what is queued."""
        if self._pulse is not None:
            self._pulse.stop()
        if self._entrance is not None and not self._entrance.done():
            self._entrance.set_exception(RefusedFrame("the connection is closed"))

    def connected(self, session: StompSession) -> None:
        """See `StompListener`."""
        self.line.connect_accepted()
        beats = session.beats
        if beats.send:
            self._on_beats()
        self._pulse = self._host.pulses.start(
            self._beat if beats.send else None, self.line.abort if beats.hear else None
        )

    def _beat(self) -> None:
        self.write(b"\n")

    def hear(self) -> None:
        """Note that something came: a message, which may be a beat or a part of a frame, or a pong."""
        if self._pulse is not None:
            self._pulse.hear()
        self._heard += 1
        if self._heard % _HEARD == 0 and self._device is not None:
            try:
                self.count()
            except RefusedFrame as refused:
                self.session.refuse(refused)

    def count(self) -> None:
        """See `StompListener`: it counts as a command, as a SEND does by itself."""
        assert self._device is not None  # it is let in
        try:
            self._host.count(self._device.session)
        except ChatError as error:
            raise refusal(error) from None

    # -- subscriptions ----------------------------------------------------------------------------

    async def subscribe(self, subscription: Subscription) -> None:
        """See `StompListener`: memory knows whose a conversation is, or else the database is asked."""
        destination = subscription.destination
        if destination == NOTIFICATIONS:
            return
        if not destination.startswith(TOPIC):
            raise RefusedFrame("no such destination")
        named = destination[len(TOPIC) :]
        if named != named.lower():
            raise RefusedFrame("no such destination", "The ids of conversations are in lower case.")
        try:
            await self._own({"conversationId": named}).found()
        except ChatError as error:
            raise refusal(error) from None

    def _own(self, given: dict[str, Any]) -> OwnConversation:
        assert self._device is not None  # it is let in
        return OwnConversation(self._host.abouts, self._device.user_id, given)

    def subscribed(self, subscription: Subscription) -> None:
        """See `StompListener`."""
        self._choose()

    def unsubscribed(self, subscription: Subscription) -> None:
        """See `StompListener`."""
        self._choose()

    def _choose(self) -> None:
        device = self._device
        assert device is not None  # it is let in
        device.choose(self._host.choices.of(device.user_id, self._packing, self.session))

    # -- sending ----------------------------------------------------------------------------------

    async def send(self, frame: StompFrame, receipt: Receipt) -> None:
        """See `StompListener`."""
        ask = ASKS.find(frame.headers["destination"])
        if ask is None:
            raise RefusedFrame("nothing can be sent to this destination")
        try:
            text = frame.body.decode()
        except UnicodeDecodeError:
            raise RefusedFrame("the body is not UTF-8") from None
        assert self._device is not None  # it is let in
        sent = Sent(self, ask, frame, text, receipt)
        asking = self._host.asking
        if not asking.take(self._device, sent):
            await asking.receive(self._device, sent)

    def late(self, given: dict[str, Any]) -> dict[str, Any] | LatePayload:
        """Return a payload whose conversation is checked to be the client's own when the command's turn comes.

        A payload that names no conversation is returned as it is.
        """
        return self._own(given) if "conversationId" in given else given

    # -- writing ----------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """See `StompListener`."""
        self.line.push(self._packing.packet(data))

    def close(self, last: bytes) -> None:
        """See `StompListener`."""
        line = self.line
        if line.closing:
            return
        if last:
            line.last_word = self._packing.packet(last)
        if last.startswith(b"ERROR"):
            line.close_with(self._why)
        else:
            line.leave(drop=False)

    def end(self, error: Mapping[str, Any]) -> None:
        """Say why the session ends, in an ERROR."""
        self._why = WSCloseCode.POLICY_VIOLATION
        detail = str(error.get("details", ""))
        self.session.refuse(
            RefusedFrame(str(error["message"]), detail, [("code", str(error["code"]))])
        )


class Sent:
    """A SEND as the command that it asks: see `Incoming`."""

    __slots__ = ("_ask", "_client", "_frame", "_receipt", "json")

    def __init__(
        self, client: StompClient, ask: Ask, frame: StompFrame, text: str, receipt: Receipt
    ) -> None:
        self._client = client
        self._ask = ask
        self._frame = frame
        self._receipt = receipt
        self.json = text

    @property
    def id(self) -> "Sent":
        """It is answered under itself."""
        return self

    def command(self) -> tuple[object, object]:
        """See `Incoming`."""
        try:
            message = encoding.loads(self.json)
        except ValueError as error:
            raise invalid("body", encoding.what_is_wrong(error)) from None
        if not isinstance(message, dict):
            raise invalid("body", "Must be an object.")
        return self._ask.command, self._client.late(payload(self._ask, message))

    def answered(self, answer: Answer) -> None:
        """Say that it is done, where that is asked for; or end the session."""
        if answer.error is None:
            self._receipt()
        else:
            self._client.session.refuse(refusal(in_their_words(answer.error)), self._frame)


def refusal(error: ChatError) -> RefusedFrame:
    """Return an error as the ERROR that says so: its code, what is wrong, and when to try again."""
    headers = [("code", str(error.code))]
    if error.retry_after_seconds is not None:
        headers.append(("retry-after", str(error.retry_after_seconds)))
    said = [f"{name}: {' '.join(why)}" for name, why in (error.fields or {}).items()]
    return RefusedFrame(error.message, "\n".join(said) or error.details or "", headers)


def _token(frame: StompFrame) -> str | None:
    """Return the token that CONNECT has: as HTTP has it, or by itself."""
    scheme, _, token = frame.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    # Some write it there by itself.
    return frame.headers.get("token", scheme if scheme and not token else None)
