"""Watches sessions: tells that a token expires, takes a new one, and closes what no longer holds.

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

from chatserver.core.agenda import Agenda
from chatserver.core.background import BackgroundTask
from chatserver.core.caller import Caller, Request, Session
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.core.index import Index
from chatserver.core.logging import get_logger
from chatserver.core.times import iso_seconds
from chatserver.delivery import Connection, Frame
from chatserver.schemas.sessions import Expiring, Refreshed
from chatserver.schemas.wire import payload
from chatserver.sessions.auth import Authenticator
from chatserver.sessions.tokens import LEEWAY

_log = get_logger(__name__)

# How many seconds before its end a session is said to expire.
NOTICE = 60.0
_TICK = 1.0
# Connections to tell or to close before others have their turn.
_AT_ONCE = 100

# What a session depends on, beside time.
Ground = Literal["user", "jti"]
HangUp = Callable[[Frame, bool], None]
"""Tells a connection why it ends, and closes it; whether its client is to stay away."""
Announce = Callable[[str, float, str], None]


class SessionConnection(Connection, Protocol):
    """A connection with a session that can be replaced."""

    session: Session


@dataclass(eq=False, slots=True)
class _Watched:
    line: SessionConnection
    hang_up: HangUp
    # Orders a user's connections, on whichever process.
    since: float
    # Whether its ``session:ready`` is out: nothing is said of the expiry before.
    ready: bool = False
    # The request of its latest token.
    refreshed: Request | None = None


class Sessions(BackgroundTask):
    """Watches the connections of this process, by one timer for all of them.

    Args:
        single: a user's new connection closes the older ones.
        announce: tells the other processes that a connection supersedes its user's older ones.
    """

    def __init__(self, authenticator: Authenticator, *, single: bool, announce: Announce) -> None:
        self._authenticator = authenticator
        self._single = single
        self._watched: dict[str, _Watched] = {}
        self._on: Index[tuple[Ground, str]] = Index()
        self._agenda = Agenda()
        self._announce = announce

    # -- connections ------------------------------------------------------------------------------

    def watch(self, line: SessionConnection, hang_up: HangUp) -> None:
        """Watch a connection, which has a session now."""
        watched = _Watched(line, hang_up, time.time())
        self._watched[line.session.connection_id] = watched
        self._index(line.session)
        self._arm(watched)

    def began(self, connection_id: str) -> None:
        """Note that ``session:ready`` was sent to a connection."""
        if watched := self._watched.get(connection_id):
            watched.ready = True
            self._arm(watched)

    def forget(self, connection_id: str) -> None:
        """Forget a connection that is gone."""
        if watched := self._watched.pop(connection_id, None):
            self._agenda.drop(connection_id)
            self._unindex(watched.line.session)

    def grounds(self, ground: Ground) -> list[str]:
        """Return the users who are connected here, or the ids of their tokens."""
        return [which for kind, which in self._on if kind == ground]

    def stand_on(self, ground: Ground, which: str) -> bool:
        """Return whether the session of a connection here depends on this user or token."""
        return bool(self._on.of((ground, which)))

    # -- a newer token ----------------------------------------------------------------------------

    async def refresh(self, caller: Caller, token: str) -> Refreshed:
        """Continue with another token of the same user; one that is refused leaves everything as it was.

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
        if watched := self._watched.get(old.connection_id):
            self._check_repeated(watched, caller)
            self._unindex(watched.line.session)
            watched.line.session = new
            self._index(new)
            self._arm(watched)
        return Refreshed(expires_at=iso_seconds(new.expires_at))

    def _check_repeated(self, watched: _Watched, caller: Caller) -> None:
        """Accept a token twice: nothing need be kept to make that repeatable, and an id is the connection's.

        Raises:
            ChatError: IDEMPOTENCY_CONFLICT
        """
        before, watched.refreshed = watched.refreshed, caller.request
        if (
            before is not None
            and caller.request is not None
            and before.request_id == caller.request.request_id
            and before.body != caller.request.body
        ):
            watched.refreshed = before
            raise ChatError(
                code=ErrorCode.IDEMPOTENCY_CONFLICT,
                fields={"requestId": ["Was used for another payload."]},
            )

    # -- ends -------------------------------------------------------------------------------------

    def end(self, ground: Ground, which: str) -> None:
        """Close every connection that depends on a revoked token or a deleted user."""
        for connection_id in self._on.of((ground, which)):
            self._close(connection_id, _refusal(_WHY[ground]))

    def supersede(self, connection_id: str) -> None:
        """End a user's other connections, here and on every other process, where users have one session alone."""
        watched = self._watched.get(connection_id)
        if self._single and watched:
            user_id = watched.line.session.user.id
            self.superseded(user_id, watched.since, connection_id)
            self._announce(user_id, watched.since, connection_id)

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
        watched.hang_up(Frame("error", error.to_wire()), for_good)

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

    async def _run(self) -> None:
        # Every second, rather than once when the first is due: the clock that tokens go by may be set.
        while True:
            await asyncio.sleep(_TICK)
            try:
                await self.look()
            except Exception:
                _log.exception("sessions could not be looked at")

    async def look(self) -> None:
        """Push ``session:expiring`` where it is due, and close the connections whose time is over."""
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
    """Make the error with which the doors refuse such a token."""
    return ChatError(code=ErrorCode.AUTH_FAILED, details=details)
