"""Counts what one person, one device and one address ask for.

The figures are those of ``messaging-implementation.md``, "Rate Limiting Rules and Thresholds". Every decision is
made at once, from memory (`limits.store`); other processes are told beside it.
"""

from chatserver.core.caller import ASKER, Session
from chatserver.core.crowd import CROWD
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.core.networks import PER_SITE, site_of
from chatserver.limits.store import LimitStore, LocalLimits, RateLimit
from chatserver.schemas.table import Limit

# The window of messages that is documented, and our own of commands (s).
_MINUTE = 60.0
# Characters past which a text counts as long: twice as many of these may be sent.
_LONG = 500
# Events to replay, and conversations to look at, that cost as much as a command does.
_ROWS = 20
# Rows that the database looks through for one command; more of them cost more.
_LOOKED_THROUGH = 200
# How often the bytes of one file may be sent: those whose links are bad try again, and nobody needs more.
_UPLOADS = 20
# A connection that had so many times the commands of a minute refused within one is cut off.
_FLOOD = 10


class Flood(ChatError):  # noqa: N818 - it says what came
    """A refusal after which the connection is closed: no client that heeds the answers gets here."""


class Limiter:
    """Refuses those who ask for too much, before anything is done for them.

    A refusal is RATE_LIMIT_EXCEEDED with the seconds after which the same ask is within the limits, and is not
    counted. 0 is no limit, but for `messages`.

    Args:
        messages: per user and minute.
        client_messages: per connection and minute; counts only below `messages`.
        commands: per user and minute: all commands, those that are unknown, malformed or refused included.
        searches: per user and minute, each page of one.
        requests: REST requests and new connections, per address in `requests_in` seconds; of an IPv6 site
            (a /48), 16 times as many.
        upload_ttl: seconds in which the bytes of a file are taken: 20 times at most.
    """

    def __init__(
        self,
        store: LimitStore,
        *,
        messages: int,
        client_messages: int,
        commands: int,
        searches: int,
        requests: int,
        requests_in: float,
        upload_ttl: float,
    ) -> None:
        self._store = store
        local = LocalLimits()
        self._messages = store.meter(
            RateLimit(name="message", most=messages, seconds=_MINUTE, sharing="always")
        )
        # A connection is one user's, in one process: it needs a meter where it may send less than its user.
        self._client_messages = (
            local.meter(RateLimit(name="client", most=client_messages, seconds=_MINUTE))
            if 0 < client_messages < messages
            else None
        )
        self._commands = (
            store.meter(RateLimit(name="command", most=commands, seconds=_MINUTE, sharing="heavy"))
            if commands
            else None
        )
        self._searches = (
            store.meter(RateLimit(name="search", most=searches, seconds=_MINUTE, sharing="always"))
            if searches
            else None
        )
        self._uploads = store.meter(
            RateLimit(name="upload", most=_UPLOADS, seconds=upload_ttl, sharing="heavy")
        )
        self._refusals = local.meter(
            RateLimit(name="refusal", most=_FLOOD * max(commands, messages), seconds=_MINUTE)
        )
        self._requests = (
            store.meter(RateLimit(name="ip", most=requests, seconds=requests_in, sharing="heavy"))
            if requests
            else None
        )
        self._site_requests = (
            store.meter(
                RateLimit(
                    name="site", most=PER_SITE * requests, seconds=requests_in, sharing="heavy"
                )
            )
            if requests
            else None
        )
        # How many commands, messages and requests were refused.
        self.hits = 0

    @property
    def is_shared(self) -> bool:
        """Whether the limits hold over all processes."""
        return self._store.is_shared

    def expect(self, user_id: str) -> None:
        """Learn what somebody who connects has sent elsewhere, before they send anything here."""
        self._messages.expect(user_id)

    def command(self, session: Session, limit: Limit, count: int = 1) -> None:
        """Count a command, whatever is in it, or what it asks for beyond one.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if limit == "none" or self._commands is None:
            return
        if wait := self._commands.take(session.user.id, count=count):
            raise self._refusal(
                session,
                wait,
                "You are sending commands too quickly. Please wait before sending another one.",
            )

    def come_back(self, session: Session, rows: int) -> None:
        """Count what is read for somebody who connects, before it is: of every 20 rows, as a command.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        count = rows // _ROWS
        if count and self._commands and (wait := self._commands.take(session.user.id, count=count)):
            raise self._refusal(
                session, wait, "You are coming back too often. Please wait before you connect."
            )

    def looked_through(self, rows: int) -> None:
        """Count so many rows that the database looked through for what is asked: a command more for each 200."""
        asker, count = ASKER.get(), rows // _LOOKED_THROUGH
        if count and asker and self._commands:
            self._commands.charge(asker.user.id, count)

    def answered(self, session: Session, count: int) -> None:
        """Count a large answer, which is worth so many commands more."""
        if self._commands is not None:
            self._commands.charge(session.user.id, count)

    def message(self, session: Session, cmd: object, count: int = 1) -> None:
        """Count a command that was understood, as the message that it is, or as several.

        There may be twice as many where the text is long: what counts, of all in the window, is this one's
        length, in characters (of an end-to-end encrypted one's, which is all that can be seen).

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        text = getattr(cmd, "content", None) or getattr(cmd, "content_encrypted", None) or ""
        times = 2 if len(text) > _LONG else 1
        user_id, most = session.user.id, times * self._messages.rule.most
        clients = self._client_messages if session.lasting else None
        if clients is not None and (
            wait := clients.wait(session.connection_id, times * clients.rule.most, count)
        ):
            wait = max(wait, self._messages.wait(user_id, most, count))
        else:
            wait = self._messages.take(user_id, most, count)
        if wait:
            raise self._refusal(
                session,
                wait,
                "You are sending messages too quickly. Please wait before sending another message.",
            )
        if clients is not None:
            clients.take(session.connection_id, times * clients.rule.most, count)

    def search(self, session: Session) -> None:
        """Count a page of a search.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if self._searches and (wait := self._searches.take(session.user.id)):
            raise self._refusal(
                session, wait, "You are searching too often. Please wait before the next search."
            )

    def upload(self, file_id: str) -> None:
        """Count an attempt to upload a file, before anything is asked of anybody.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if wait := self._uploads.take(file_id):
            self.hits += 1
            raise ChatError(
                code=ErrorCode.RATE_LIMIT_EXCEEDED,
                details="This file was sent too often. Please create another one.",
                retry_after=wait,
            )

    def upload_of(self, user_id: str) -> None:
        """Count an attempt to upload a file as a command of the person whose file it is.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if self._commands and (wait := self._commands.take(user_id)):
            self.hits += 1
            raise ChatError(
                code=ErrorCode.RATE_LIMIT_EXCEEDED,
                details="You are uploading too quickly. Please wait before the next file.",
                retry_after=wait,
            )

    def crowd(self, count: int) -> None:
        """Count a push to many connections at once: one message more for each thousand."""
        if asker := ASKER.get():
            self._messages.charge(asker.user.id, count // CROWD)

    def request(self, network: str) -> None:
        """Count a request from a `network_of` an address, or a connection.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if self._requests is None or self._site_requests is None:
            return
        site = site_of(network)
        wait = self._site_requests.wait(site) if site else 0.0
        wait = wait or self._requests.take(network)
        if site and not wait:
            self._site_requests.take(site)
        if wait:
            self.hits += 1
            raise ChatError(
                code=ErrorCode.RATE_LIMIT_EXCEEDED,
                details="Too many requests from your address. Please wait before the next one.",
                retry_after=wait,
            )

    def _refusal(self, session: Session, wait: float, details: str) -> ChatError:
        self.hits += 1
        flood = session.lasting and self._refusals.take(session.connection_id)
        return (Flood if flood else ChatError)(
            code=ErrorCode.RATE_LIMIT_EXCEEDED, details=details, retry_after=wait
        )
