"""The demo of ``chatserver serve --demo``: four users, and a token for each."""

from chatserver.config import Settings
from chatserver.sessions import issue_token
from chatserver.store.connect import Connector

USERS = ("alice", "bob", "carol", "dave")


async def create_users(dsn: str, settings: Settings) -> None:
    """Make those of the demo's users who are missing.

    Raises:
        ConfigError, DatabaseAwayError, asyncpg.PostgresError: the database cannot be reached, or refuses.
    """
    connection = await Connector(settings.database, dsn).connect()
    try:
        await connection.executemany(
            "INSERT INTO chat_users (user_id, username, email, display_name) "
            "VALUES ($1, $1, $1 || '@example.com', initcap($1)) ON CONFLICT DO NOTHING",
            [(user,) for user in USERS],
        )
    finally:
        await connection.close()


def tokens(settings: Settings) -> dict[str, str]:
    """Make a token for each user that lasts a day."""
    return {user: issue_token(settings.jwt_secret, user) for user in USERS}


def welcome(settings: Settings, port: int, tokens: dict[str, str]) -> str:
    """Return the lines that a developer sees first."""
    host, scheme = settings.host, "https" if settings.tls else "http"
    shown = "localhost" if host in ("0.0.0.0", "127.0.0.1", "::") else host  # noqa: S104 - compared only
    if ":" in shown:
        shown = f"[{shown}]"
    place = host if host.startswith("/") else f"{scheme}://{shown}:{port}"
    lines = [f"chatserver is listening on {place}"]
    if tokens:
        if not host.startswith("/"):
            lines += [f"Its reference, with examples: {place}/docs"]
            lines += [f"The chat app, signed in by a click: {place}/"]
        lines += ["", "Tokens of the demo users, good for a day:", ""]
        lines += [f"  {user:<6} {token}" for user, token in tokens.items()]
        lines += ["", "Stop with Ctrl-C."]
    return "\n".join(lines) + "\n"
