"""Checks session tokens: JWTs that the main back end signs, checked without a database.

HS256 alone, with the secret of the main back end (contract, section 2; "JWT Validation Process"
in messaging-implementation.md). Whether a token was revoked and whether its user exists is the
business of `sessions.auth`. `aud`, `iss` and `iat` are not looked at, as in the system we stand in for:
nobody configures the first two, and a back end whose clock runs ahead must not lock people out.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from typing import TypeGuard
from uuid import uuid4

import orjson
from jwt import InvalidTokenError, PyJWS
from jwt.algorithms import HMACAlgorithm

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.core.user_ids import FORBIDDEN, MAX_USER_ID
from chatserver.schemas.sessions import MAX_TOKEN

LEEWAY = 30  # seconds by which clocks may differ
LONGEST_LIFETIME = 315_360_000  # seconds: ten years, of a token that the command line makes
_MAX_JTI = 255
_LAST_MOMENT = 253_402_300_799  # 9999-12-31T23:59:59Z; milliseconds given as seconds are past it


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose it is, its id if it has one, when it ends (epoch seconds)."""

    user_id: str
    jti: str | None
    expires_at: float


class TokenVerifier:
    """Checks tokens signed with `secret` (bytes, decoded from base64); `leeway` is in seconds.

    Keeps nothing between calls.

    Raises:
        jwt.InvalidKeyError: a secret that is empty, or plainly something else: a PEM, DER or SSH
            key, or a JWK.
    """

    def __init__(self, secret: bytes, *, leeway: int = LEEWAY) -> None:
        self._jws = _hs256(secret)
        self._leeway = leeway

    def verify(self, token: object) -> Claims:
        """Check `token`, a bare JWT without `Bearer`. Returns its claims.

        Raises:
            ChatError: AUTH_REQUIRED where there is no token; AUTH_FAILED for one that does not
                hold, with details for people and never a piece of the token.
        """
        if token is None or token == "":
            raise ChatError(code=ErrorCode.AUTH_REQUIRED)
        if not isinstance(token, str) or len(token) > MAX_TOKEN:
            raise _failed("The token is malformed.")
        try:
            decoded = self._jws.decode_complete(token, algorithms=["HS256"])
            payload = orjson.loads(decoded["payload"])  # strict: refuses NaN and lone surrogates
        except (InvalidTokenError, ValueError):  # ValueError: no JSON, or a token that is no UTF-8
            payload = None
        # `crit` names extensions that must be understood, and we know none (RFC 7515, 4.1.11).
        if not isinstance(payload, dict) or "crit" in decoded["header"]:
            raise _failed("The token is malformed or its signature does not match.")
        expires_at = self._check_times(payload)
        return Claims(_user_id(payload), _text(payload, "jti", _MAX_JTI), expires_at)

    def _check_times(self, payload: dict[str, object]) -> float:
        """Check when a token begins and ends (RFC 7519, sections 4.1.4, 4.1.5). Returns its end, in epoch s."""
        now = time.time()
        expires_at = _moment(payload, "exp")
        if expires_at is None:
            raise _failed("The token has no expiry.")
        if expires_at <= now - self._leeway:
            raise _failed("Session expired. Please log in again.")
        not_before = _moment(payload, "nbf")
        if not_before is not None and not_before > now + self._leeway:
            raise _failed("The token is not valid yet.")
        return expires_at


def is_token_id(value: object) -> TypeGuard[str]:
    """Return whether a token's ``jti`` may be this text."""
    return isinstance(value, str) and 1 <= len(value) <= _MAX_JTI and not FORBIDDEN.search(value)


def issue_token(
    secret: bytes, user_id: str, *, lifetime: int = 86_400, jti: str | None = None
) -> str:
    """Sign a token for `user_id` that lasts `lifetime` seconds: for the command line and tests.

    `jti` defaults to a new random UUID, so that the token can be revoked.
    """
    now = int(time.time())
    claims = {"sub": user_id, "jti": jti or str(uuid4()), "iat": now, "exp": now + lifetime}
    return _hs256(secret).encode(orjson.dumps(claims), secret, "HS256")


class _OneSecret(HMACAlgorithm):
    """HS256 with a secret that is looked at once.

    PyJWT examines the key on every call (is it a PEM? a certificate? a JWK?), which takes longer
    than all the rest, and warns of a short one on every call; settings refuse a short secret in
    production, and in development it is nobody's concern.
    """

    def __init__(self, secret: bytes) -> None:
        super().__init__(HMACAlgorithm.SHA256)
        self._secret = super().prepare_key(secret)

    def prepare_key(self, key: str | bytes) -> bytes:
        return self._secret

    def check_key_length(self, key: bytes) -> str | None:
        return None

    def sign(self, msg: bytes, key: bytes) -> bytes:
        # In one call, in a third of the time that an `hmac.HMAC` takes.
        return hmac.digest(key, msg, "sha256")


def _hs256(secret: bytes) -> PyJWS:
    jws = PyJWS(algorithms=[])
    jws.register_algorithm("HS256", _OneSecret(secret))
    return jws


def _failed(details: str) -> ChatError:
    return ChatError(code=ErrorCode.AUTH_FAILED, details=details)


def _user_id(payload: dict[str, object]) -> str:
    subject, user_id = _text(payload, "sub", MAX_USER_ID), _text(payload, "userId", MAX_USER_ID)
    if subject is not None and user_id is not None and subject != user_id:
        raise _failed("The token names two different users.")
    found = subject if subject is not None else user_id
    if found is None:
        raise _failed("The token names no user.")
    return found


def _text(payload: dict[str, object], claim: str, longest: int) -> str | None:
    """Read a claim that is text, or a number as some back ends write ids; `None` where absent."""
    value = payload.get(claim)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= longest or FORBIDDEN.search(value):
        raise _failed(f"The token's {claim} is not usable.")
    return value


def _moment(payload: dict[str, object], claim: str) -> float | None:
    """Read a claim that is a time in epoch seconds, up to the year 9999; `None` where absent."""
    value = payload.get(claim)
    if value is None:
        return None
    # bool is an int in Python but no time. Infinity, which JSON can spell 1e999, fails the range.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _failed(f"The token's {claim} is not a number.")
    if not 0 <= value <= _LAST_MOMENT:
        raise _failed(f"The token's {claim} is out of range.")
    return float(value)
