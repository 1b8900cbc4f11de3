"""Whose token it is (``messaging-implementation.md``, "JWT Validation Process")."""

from chatserver.directory import user_of
from chatserver.errors import ChatError, ErrorCode
from chatserver.session import Session
from chatserver.store import Database
from chatserver.tokens import TokenVerifier


class Authenticator:
    """Checks tokens: signature and claims here, revocation and the user in the database, afresh each time."""

    def __init__(self, verifier: TokenVerifier, db: Database) -> None:
        self._verifier = verifier
        self._db = db

    async def authenticate(
        self, token: object, connection_id: str, *, lasting: bool = True
    ) -> Session:
        """The session of a token's bearer.

        Raises:
            ChatError: AUTH_REQUIRED without a token; AUTH_FAILED for one that is wrong, expired or revoked,
                or whose user does not exist; UNAVAILABLE where the database cannot tell.
        """
        claims = self._verifier.verify(token)
        row = await self._db.one("authenticate", claims.user_id, claims.jti)
        if row is None or row["revoked"]:
            raise ChatError(
                code=ErrorCode.AUTH_FAILED,
                message="Token validation failed",
                details="Session revoked. Please log in again.",
            )
        if row["user_id"] is None:
            raise ChatError(
                code=ErrorCode.AUTH_FAILED,
                message="Token validation failed",
                details="The user does not exist.",
            )
        return Session(
            user=user_of(row),
            connection_id=connection_id,
            expires_at=claims.expires_at,
            jti=claims.jti,
            lasting=lasting,
        )
