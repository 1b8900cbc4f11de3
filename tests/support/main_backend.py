"""The tables of a main back end, as a team has them before it adds the chat server."""

import asyncpg

# The ids are of the type `{id}`. Some columns are named as parameters of our functions are.
TABLES = """
CREATE TABLE users_auth (
    user_id {id} PRIMARY KEY, username varchar(50) NOT NULL UNIQUE, email varchar(255),
    password_hash text NOT NULL DEFAULT 'x', created_at timestamp NOT NULL DEFAULT now());
CREATE TABLE user_profile_info (
    profile_id serial PRIMARY KEY, user_id {id} UNIQUE REFERENCES users_auth,
    first_name varchar(100), last_name varchar(100));
CREATE TABLE blocked_relationships (
    id serial PRIMARY KEY, blocker_id {id} NOT NULL REFERENCES users_auth,
    blocked_id {id} NOT NULL REFERENCES users_auth, created_at timestamp DEFAULT now(),
    UNIQUE (blocker_id, blocked_id));
CREATE TABLE user_follows (
    follower_id {id} NOT NULL REFERENCES users_auth, followee_id {id} NOT NULL REFERENCES users_auth,
    PRIMARY KEY (follower_id, followee_id));
CREATE TABLE jwt_revocation (
    jti uuid PRIMARY KEY, token_id text, revoked_at timestamp DEFAULT now());
CREATE TABLE products (
    id {id} PRIMARY KEY, title varchar(200), image varchar(500), product text, price numeric(10, 2));
"""


async def create_tables(dsn: str, id_type: str = "integer", *statements: str) -> None:
    """The main back end's tables, and what else is said."""
    await execute(dsn, TABLES.format(id=id_type), *statements)


async def execute(dsn: str, *statements: str) -> None:
    """Run SQL."""
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()
