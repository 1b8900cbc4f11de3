"""The demo of ``chatserver serve --demo``: four users, and a token for each."""

import asyncpg

from chatserver.config import Settings
from chatserver.tokens import issue_token

USERS = ("alice", "bob", "carol", "dave")


async def create_users(dsn: str, settings: Settings) -> None:
    """Make the demo's users where they are missing.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    connection = await asyncpg.connect(dsn, ssl=settings.database.ssl_context())
    try:
        await connection.executemany(
            "INSERT INTO chat_users (user_id, username, email, display_name) "
            "VALUES ($1, $1, $1 || '@example.com', initcap($1)) ON CONFLICT DO NOTHING",
            [(user,) for user in USERS],
        )
    finally:
        await connection.close()


def tokens(settings: Settings) -> dict[str, str]:
    """A token for each user, good for a day."""
    return {user: issue_token(settings.jwt_secret, user) for user in USERS}


def welcome(settings: Settings, port: int, tokens: dict[str, str]) -> str:
    """What a developer sees first."""
    host, scheme = settings.host, "https" if settings.tls else "http"
    shown = "localhost" if host in ("0.0.0.0", "127.0.0.1", "::") else host  # noqa: S104 - compared only
    lines = [f"chatserver is listening on {scheme}://{shown}:{port}"]
    if tokens:
        lines += ["", "Tokens of the demo users, good for a day:", ""]
        lines += [f"  {user:<6} {token}" for user, token in tokens.items()]
        lines += ["", "Stop with Ctrl-C."]
    return "\n".join(lines) + "\n"
