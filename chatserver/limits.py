"""What one person, one device and one address may ask for in a while.

The figures are those of ``messaging-implementation.md``, "Rate Limiting Rules and Thresholds". Every decision is
made at once, from memory (`limits_store`); other processes are told beside it.
"""

from chatserver.errors import ChatError, ErrorCode
from chatserver.limits_store import LimitStore, LocalLimits, Rule
from chatserver.session import Session
from schemas.table import Limit

# The documented window of messages, and ours of commands.
_MINUTE = 60.0
# Characters past which a text counts as long: twice as many of these may be sent.
_LONG = 500
# A connection that had so many times the commands of a minute refused within one is cut off.
_FLOOD = 10


class Flood(ChatError):  # noqa: N818 - it says what came
    """A refusal after which the connection is to be closed: no client that listens to the answers gets here."""


class Limiter:
    """Refuses who asks for too much, before anything is done for them.

    A refusal is RATE_LIMIT_EXCEEDED with the seconds after which the same ask is within the limits, and is not
    counted. 0 is no limit, but for `messages`.

    Args:
        messages: per user and minute.
        client_messages: per connection and minute; counts only below `messages`.
        commands: per user and minute: all commands, those that are unknown, malformed or refused included.
        requests: REST requests and new connections, per address in `requests_in` seconds.
    """

    def __init__(
        self,
        store: LimitStore,
        *,
        messages: int,
        client_messages: int,
        commands: int,
        requests: int,
        requests_in: float,
    ) -> None:
        local = LocalLimits()
        self._messages = store.meter(
            Rule(name="message", most=messages, seconds=_MINUTE, sharing="always")
        )
        # A connection is one user's, in one process: it needs a meter where it may send less than its user.
        self._client_messages = (
            local.meter(Rule(name="client", most=client_messages, seconds=_MINUTE))
            if 0 < client_messages < messages
            else None
        )
        self._commands = (
            store.meter(Rule(name="command", most=commands, seconds=_MINUTE, sharing="heavy"))
            if commands
            else None
        )
        self._refusals = local.meter(
            Rule(name="refusal", most=_FLOOD * max(commands, messages), seconds=_MINUTE)
        )
        self._requests = (
            store.meter(Rule(name="ip", most=requests, seconds=requests_in, sharing="heavy"))
            if requests
            else None
        )
        # How often anybody was refused.
        self.hits = 0

    def expect(self, user_id: str) -> None:
        """Somebody connects: what they sent elsewhere is known before they send anything here."""
        self._messages.expect(user_id)

    def command(self, session: Session, limit: Limit) -> None:
        """Count a command, whatever is in it.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if limit == "none" or self._commands is None:
            return
        if wait := self._commands.take(session.user.id):
            raise self._refusal(
                session,
                wait,
                "You are sending commands too quickly. Please wait before sending another one.",
            )

    def message(self, session: Session, cmd: object) -> None:
        """Count a command that was understood, as the message that it is.

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
            wait := clients.wait(session.connection_id, times * clients.rule.most)
        ):
            wait = max(wait, self._messages.wait(user_id, most))
        else:
            wait = self._messages.take(user_id, most)
        if wait:
            raise self._refusal(
                session,
                wait,
                "You are sending messages too quickly. Please wait before sending another message.",
            )
        if clients is not None:
            clients.take(session.connection_id, times * clients.rule.most)

    def request(self, address: str) -> None:
        """Count a request from an address, or a connection.

        Raises:
            ChatError: RATE_LIMIT_EXCEEDED
        """
        if self._requests is not None and (wait := self._requests.take(address)):
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
