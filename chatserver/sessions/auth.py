"""Finds out whose token it is (``messaging-implementation.md``, "JWT Validation Process")."""

from collections.abc import Sequence

from chatserver.core.caller import Session
from chatserver.core.errors import ChatError, ErrorCode
from chatserver.resources import user_of
from chatserver.sessions.tokens import Claims, TokenVerifier
from chatserver.store import Batcher, Database, Record

# How many may wait to be looked up: more than a process has clients.
_MOST_ASKED = 100_000
# So many share a query: they go on in one tick of the loop, and others are to have theirs soon.
_LOOKED_UP_TOGETHER = 16


class Authenticator:
    """Checks tokens: signature and claims here, revocation and the user in the database, afresh each time.

    Args:
        within: seconds that a look into the database may take; None for as long as any query.
    """

    def __init__(self, verifier: TokenVerifier, db: Database, within: float | None = None) -> None:
        self._verifier = verifier
        self._db = db
        self._within = within
        # When thousands come back at once, they share queries, and wait for these rather than for the pool.
        self.lookups: Batcher[Claims, Record] = Batcher(
            self._look_up,
            key=None,
            weigh=lambda _claims: 1,
            bound=_MOST_ASKED,
            in_all=1,
            most=_LOOKED_UP_TOGETHER,
        )

    async def authenticate(
        self, token: object, connection_id: str, *, lasting: bool = True
    ) -> Session:
        """Return the session of a token's bearer.

        Raises:
            ChatError: AUTH_REQUIRED without a token; AUTH_FAILED for one that is wrong, expired or revoked,
                or whose user does not exist; UNAVAILABLE where the database cannot tell.
        """
        claims = self._verifier.verify(token)
        row = await self.lookups.ask(claims)
        if row["revoked"]:
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

    async def _look_up(self, asked: Sequence[Claims]) -> list[Record | Exception]:
        rows = await self._db.all(
            "authenticate",
            [claims.user_id for claims in asked],
            [claims.jti for claims in asked],
            within=self._within,
        )
        # Rows are found by their places: a row too many in the directory's answer belongs to nobody else.
        found = {row["position"]: row for row in reversed(rows)}
        return [found.get(place) or LookupError("no row") for place in range(1, len(asked) + 1)]
