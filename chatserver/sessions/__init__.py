"""Whose token it is, and for how long it holds.

`TokenVerifier` checks a token alone, `Authenticator` also its user; `Sessions` watches the connections that
stand on one, and `Revocations` ends those whose token or user is no more.
"""

from chatserver.sessions.auth import Authenticator
from chatserver.sessions.revocations import CHANNEL, REDIS_CHANNEL, Revocations
from chatserver.sessions.tokens import LEEWAY, LONGEST_LIFETIME, TokenVerifier, issue_token
from chatserver.sessions.watch import Sessions

__all__ = [
    "CHANNEL",
    "LEEWAY",
    "LONGEST_LIFETIME",
    "REDIS_CHANNEL",
    "Authenticator",
    "Revocations",
    "Sessions",
    "TokenVerifier",
    "issue_token",
]
