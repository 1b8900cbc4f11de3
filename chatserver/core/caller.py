"""The caller of a command: a user, a connection, and the retry key of the command."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person as the directory knows them."""

    id: str
    username: str
    display_name: str
    email: str | None = None
    avatar_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An authenticated connection; ``lasting`` is False for a single REST request.

    ``expires_at`` is in seconds since 1970, ``jti`` the token's id where it has one.
    """

    user: User
    connection_id: str
    expires_at: float
    jti: str | None = None
    lasting: bool = True


# Whose command is being done, for what is counted afterwards.
ASKER: ContextVar[Session | None] = ContextVar("asker", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The retry key of one command: the same one again has no second effect. ``body`` is the payload as JSON."""

    command: str
    request_id: str
    body: bytes


class Caller(NamedTuple):
    """What a handler knows about its caller. (A named tuple: every command makes one.)"""

    session: Session
    request: Request | None = None

    @property
    def user(self) -> User:
        """The person."""
        return self.session.user

    @property
    def user_id(self) -> str:
        """The person's id, as the directory spells it."""
        return self.session.user.id
