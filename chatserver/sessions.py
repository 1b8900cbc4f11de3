"""Sessions while they last: told that their token expires, given a new one, and closed when it no longer holds.

A connection is told ``session:expiring`` a minute before its token's ``exp``, or at once where less is left. It
is closed when any door would refuse the token: at ``exp`` and the leeway (`tokens.LEEWAY`), or a second later. The
push ``error`` says why before; and its client may come back by itself, to be let in with a newer token or to be
refused with a code. One that was superseded is told to stay away: two devices would close each other for ever.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from chatserver.agenda import Agenda
from chatserver.auth import Authenticator
from chatserver.errors import ChatError, ErrorCode
from chatserver.index import Index
from chatserver.logs import get_logger
from chatserver.pushes import Connection, Frame
from chatserver.requests import Requests
from chatserver.session import Caller, Session
from chatserver.times import iso_seconds
from chatserver.tokens import LEEWAY
from schemas.session import Expiring, Refreshed
from schemas.wire import payload

_log = get_logger(__name__)

# Seconds before the expiry.
NOTICE = 60.0
_TICK = 1.0
# Connections to tell or to close before others have their turn.
_AT_ONCE = 100

# What a session stands on, beside time.
Ground = Literal["user", "jti"]
HangUp = Callable[[bool], None]
"""Closes a connection, once what is queued for it has gone out; whether its client is to stay away."""
Announce = Callable[[str, float, str], None]


class Line(Connection, Protocol):
    """A connection with a session that can be replaced."""

    session: Session


@dataclass(eq=False, slots=True)
class _Watched:
    line: Line
    hang_up: HangUp
    # Orders a user's connections, on whichever process.
    since: float
    # Whether its ``session:ready`` is out: nothing is said of the expiry before.
    ready: bool = False


class Sessions:
    """Watches the connections of this process, by one timer for all of them.

    Args:
        single: a user's new connection closes the older ones.
    """

    def __init__(self, authenticator: Authenticator, requests: Requests, *, single: bool) -> None:
        self._authenticator = authenticator
        self._requests = requests
        self._single = single
        self._watched: dict[str, _Watched] = {}
        self._on: Index[tuple[Ground, str]] = Index()
        self._agenda = Agenda()
        self._task: asyncio.Task[None] | None = None
        # Tells the other processes that a connection supersedes its user's older ones.
        self.announce: Announce = lambda _user_id, _since, _connection_id: None

    def start(self) -> None:
        """Begin to look at the clock."""
        self._task = asyncio.create_task(self._look_for_ever())

    async def stop(self) -> None:
        """Look no longer."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # -- connections ------------------------------------------------------------------------------

    def watch(self, line: Line, hang_up: HangUp) -> None:
        """A connection has a session."""
        watched = _Watched(line, hang_up, time.time())
        self._watched[line.session.connection_id] = watched
        self._index(line.session)
        self._arm(watched)

    def began(self, connection_id: str) -> None:
        """``session:ready`` is out."""
        if watched := self._watched.get(connection_id):
            watched.ready = True
            self._arm(watched)

    def forget(self, connection_id: str) -> None:
        """A connection is gone."""
        if watched := self._watched.pop(connection_id, None):
            self._agenda.drop(connection_id)
            self._unindex(watched.line.session)

    def grounds(self, ground: Ground) -> list[str]:
        """The users who are connected here, or the ids of their tokens."""
        return [which for kind, which in self._on if kind == ground]

    # -- a newer token ----------------------------------------------------------------------------

    async def refresh(self, caller: Caller, token: str) -> Refreshed:
        """Go on with another token of the same user; one that is refused leaves everything as it was.

        A single REST request has nothing to go on with: it is told whether the token holds, and until when.

        Raises:
            ChatError: AUTH_FAILED, IDEMPOTENCY_CONFLICT, UNAVAILABLE
        """
        old = caller.session
        new = await self._authenticator.authenticate(token, old.connection_id, lasting=old.lasting)
        if new.user.id != old.user.id:
            raise ChatError(
                code=ErrorCode.AUTH_FAILED, details="The token is of another user than the session."
            )
        async with self._requests.once(caller) as work:
            if work.kept is None:
                await work.keep({})
        if watched := self._watched.get(old.connection_id):
            self._unindex(watched.line.session)
            watched.line.session = new
            self._index(new)
            self._arm(watched)
        return Refreshed(expires_at=iso_seconds(new.expires_at))

    # -- ends -------------------------------------------------------------------------------------

    def end(self, ground: Ground, which: str) -> None:
        """A token was revoked, or a user is gone: every connection that stands on it is closed."""
        for connection_id in self._on.of((ground, which)):
            self._close(connection_id, _refusal(_WHY[ground]))

    def supersede(self, connection_id: str) -> None:
        """Where a user has one session alone, this connection is it: here, and on every other process."""
        watched = self._watched.get(connection_id)
        if self._single and watched:
            user_id = watched.line.session.user.id
            self.superseded(user_id, watched.since, connection_id)
            self.announce(user_id, watched.since, connection_id)

    def superseded(self, user_id: str, since: float, by: str) -> None:
        """Close the user's connections that are older than `by`, which began at `since` (seconds since 1970).

        The clocks of the processes decide which of two is older; two that began at the same moment
        agree by their ids.
        """
        for connection_id in self._on.of(("user", user_id)):
            if (self._watched[connection_id].since, connection_id) < (since, by):
                error = ChatError(
                    code=ErrorCode.CONFLICT, message="Another session of yours has begun"
                )
                self._close(connection_id, error, for_good=True)

    def _close(self, connection_id: str, error: ChatError, *, for_good: bool = False) -> None:
        watched = self._watched[connection_id]
        self.forget(connection_id)
        reason = error.details or error.message
        _log.info("a session ends", user=watched.line.session.user.id, reason=reason)
        watched.line.send(Frame("error", error.to_wire()))
        watched.hang_up(for_good)

    # -- time -------------------------------------------------------------------------------------

    def _arm(self, watched: _Watched) -> None:
        """Tell a connection of its expiry, if it is time to, and note when to look at it next."""
        session = watched.line.session
        expires_at = session.expires_at
        due = expires_at + LEEWAY
        if watched.ready and time.time() < expires_at - NOTICE:
            due = expires_at - NOTICE
        elif watched.ready:
            told = Expiring(expires_at=iso_seconds(expires_at))
            watched.line.send(Frame("session:expiring", payload(told)))
        self._agenda.set(session.connection_id, due)

    async def _look_for_ever(self) -> None:
        # Every second, rather than once when the first is due: the clock that tokens go by may be set.
        while True:
            await asyncio.sleep(_TICK)
            try:
                await self.look()
            except Exception:
                _log.exception("sessions could not be looked at")

    async def look(self) -> None:
        """Tell those who are to be told by now, and close those whose time is over."""
        for number, connection_id in enumerate(self._agenda.take(time.time()), start=1):
            watched = self._watched[connection_id]
            if time.time() < watched.line.session.expires_at + LEEWAY:
                self._arm(watched)
            else:
                self._close(connection_id, _refusal("Session expired. Please log in again."))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    # -- what sessions stand on -------------------------------------------------------------------

    def _index(self, session: Session) -> None:
        for ground in _grounds(session):
            self._on.add(ground, session.connection_id)

    def _unindex(self, session: Session) -> None:
        for ground in _grounds(session):
            self._on.discard(ground, session.connection_id)


_WHY: dict[Ground, str] = {
    "user": "The user does not exist.",
    "jti": "Session revoked. Please log in again.",
}


def _grounds(session: Session) -> list[tuple[Ground, str]]:
    found: list[tuple[Ground, str]] = [("user", session.user.id)]
    if session.jti is not None:
        found.append(("jti", session.jti))
    return found


def _refusal(details: str) -> ChatError:
    """As the doors refuse such a token."""
    return ChatError(code=ErrorCode.AUTH_FAILED, details=details)
