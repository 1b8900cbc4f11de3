"""What `migrate` makes of the tables that it finds: of any type, earlier or later, all or none."""

from uuid import uuid4

import asyncpg
import pytest

from chatserver.chat.mention_names import fold
from chatserver.store.migrate import MigrationError, migrate
from tests.conftest import Connect, User, token_for
from tests.support.http import ok, request
from tests.support.main_backend import create_tables, execute, rows
from tests.support.servers import local_server

# What a person who administers the database would compare: tables, columns, types, keys, rows.
_SHAPE = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relname = ANY ('{users_auth,user_profile_info,blocked_relationships,user_follows,jwt_revocation,products,
    chat_users}'::text[])
    AND a.attnum > 0 ORDER BY 1, 2
"""
_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid::regclass::text IN ('users_auth', 'user_profile_info', 'blocked_relationships', 'user_follows',
    'jwt_revocation', 'products', 'chat_users') ORDER BY 1, 2
"""


def user(user_id: object) -> User:
    """Somebody with a token."""
    return User(str(user_id), token_for(str(user_id)))


async def test_uuids(empty_dsn: str, connect: Connect) -> None:
    """Where users_auth has UUIDs, any spelling of one logs in and is found, under the canonical one."""
    ann, ben, cleo = uuid4(), uuid4(), uuid4()
    product = uuid4()
    await create_tables(
        empty_dsn,
        "uuid",
        "INSERT INTO users_auth (user_id, username) "
        f"VALUES ('{ann}', 'ann'), ('{ben}', 'ben'), ('{cleo}', 'cleo')",
        f"INSERT INTO user_profile_info (user_id, first_name) VALUES ('{ann}', 'Ann')",
        f"INSERT INTO blocked_relationships (blocker_id, blocked_id) VALUES ('{cleo}', '{ann}')",
        f"INSERT INTO products (id, title) VALUES ('{product}', 'A lamp')",
    )
    await migrate(empty_dsn)
    async with local_server(empty_dsn) as server:
        for spelling in (str(ann), str(ann).upper()):
            device = await connect(user(spelling), server.url)
            assert device.ready["user"] == {
                "userId": str(ann),
                "username": "ann",
                "displayName": "Ann",
            }
        url = f"{server.url}/api/conversations/direct"
        ids = {
            (await ok("POST", url, user(one), json={"user_id": other}))["id"]
            for one, other in (
                (str(ann), str(ben)),
                (str(ann), str(ben).upper()),
                (str(ben).upper(), str(ann)),
            )
        }
        assert len(ids) == 1
        answer = await request("POST", url, user(ann), json={"user_id": str(ann).upper()})
        assert (answer.status, list(answer.error["fields"])) == (400, ["user_id"])
        answer = await request("POST", url, user(ann), json={"user_id": str(cleo).upper()})
        assert (answer.status, answer.error["code"]) == (403, "USER_BLOCKED")
        about = await ok(
            "POST", url, user(ann), json={"user_id": str(ben), "product_id": str(product)}
        )
        assert about["product"]["title"] == "A lamp"
        for nobody in ("5", "abc", f"{ann}0", f" {ann}", f"{{{ann}}}", str(uuid4())):
            answer = await request("GET", f"{server.url}/api/conversations", user(nobody))
            assert (answer.status, answer.error["code"]) == (401, "AUTH_FAILED")


@pytest.mark.parametrize(
    "id_type", ["smallint", "bigint", "numeric(20)", "varchar(36)", "text", "char(3)"]
)
async def test_other_types(id_type: str, empty_dsn: str, connect: Connect) -> None:
    """Ids of any of the usual types work: login, names, blocks, products."""
    await create_tables(
        empty_dsn,
        id_type,
        "INSERT INTO users_auth (user_id, username) VALUES (123, 'ann'), (124, 'ben'), (125, 'cleo')",
        "INSERT INTO user_profile_info (user_id, first_name, last_name) VALUES (123, 'Ann', 'Lee')",
        "INSERT INTO blocked_relationships (blocker_id, blocked_id) VALUES (125, 123)",
        "INSERT INTO products (id, title) VALUES (777, 'A lamp')",
    )
    await migrate(empty_dsn)
    async with local_server(empty_dsn) as server:
        ann = await connect(user(123), server.url)
        assert ann.ready["user"] == {"userId": "123", "username": "ann", "displayName": "Ann Lee"}
        opened = await ann.do("chat:conversation_open", recipientId="124", productId="777")
        assert opened["conversation"]["product"]["title"] == "A lamp"
        assert (await ann.refused("chat:conversation_open", recipientId="125"))[
            "code"
        ] == "USER_BLOCKED"
        await ann.do("user:block", userId="124")
        assert (await ann.refused("chat:conversation_open", recipientId="124"))[
            "code"
        ] == "USER_BLOCKED"
        assert len(await rows(empty_dsn, "SELECT FROM blocked_relationships")) == 2


async def test_large_integers(empty_dsn: str, connect: Connect) -> None:
    """Ids as large as a bigint holds, snowflakes among them, log in; one more than that is nobody."""
    ids = (10**17, 10**18 - 1, 10**18, 1_180_000_000_000_000_001, 2**63 - 1)
    values = ", ".join(f"({number}, 'u{number}')" for number in ids)
    await create_tables(
        empty_dsn, "bigint", f"INSERT INTO users_auth (user_id, username) VALUES {values}"
    )
    await migrate(empty_dsn)
    async with local_server(empty_dsn) as server:
        for number in ids:
            assert (await connect(user(number), server.url)).ready["user"]["userId"] == str(number)
        for number in (2**63, 9_999_999_999_999_999_999, 10**19, 2**64 + 10**17):
            answer = await request("GET", f"{server.url}/api/conversations", user(number))
            assert (answer.status, answer.error["code"]) == (401, "AUTH_FAILED")


async def test_only_ours(empty_dsn: str, connect: Connect) -> None:
    """A database without any of these tables gets ours, with text ids, and people are those of chat_users."""
    await migrate(empty_dsn)
    made = {(table, column): kind for table, column, kind, *_ in await rows(empty_dsn, _SHAPE)}
    assert {table for table, _ in made} == {
        "chat_users", "blocked_relationships", "user_follows", "jwt_revocation", "products",
    }  # fmt: skip
    for at in (
        ("chat_users", "user_id"),
        ("blocked_relationships", "blocker_id"),
        ("blocked_relationships", "blocked_id"),
        ("user_follows", "follower_id"),
        ("user_follows", "followee_id"),
        ("jwt_revocation", "jti"),
        ("products", "id"),
    ):
        assert made[at] == "text"
    await execute(
        empty_dsn,
        "INSERT INTO chat_users (user_id, username, display_name) VALUES ('0123', 'zero', NULL), "
        "(' 123', 'blank', 'Blank'), ('٣', 'three', 'Three'), ('Ünï—1', 'uni', NULL), "
        "(repeat('u', 64), 'u', NULL)",
    )
    async with local_server(empty_dsn) as server:
        for user_id, shown in (
            ("0123", "zero"),
            (" 123", "Blank"),
            ("٣", "Three"),
            ("Ünï—1", "uni"),
            ("u" * 64, "u"),
        ):
            device = await connect(user(user_id), server.url)
            assert (device.ready["user"]["userId"], device.ready["user"]["displayName"]) == (
                user_id,
                shown,
            )


async def test_tables_that_come_later_and_go(empty_dsn: str, connect: Connect) -> None:
    """The next `migrate` picks up a users_auth that appeared, and lets go of one that is gone."""
    applied = await migrate(empty_dsn)
    assert applied
    await execute(
        empty_dsn,
        "INSERT INTO chat_users (user_id, username) VALUES ('5', 'ours')",
        "CREATE TABLE users_auth (user_id integer PRIMARY KEY, username text NOT NULL)",
        "INSERT INTO users_auth VALUES (5, 'theirs'), (6, 'six')",
    )
    async with local_server(empty_dsn) as server:

        async def name_of(user_id: str) -> object:
            return (await connect(user(user_id), server.url)).ready["user"]["displayName"]

        assert await name_of("5") == "ours"
        assert (await request("GET", f"{server.url}/api/conversations", user(6))).status == 401
        assert await migrate(empty_dsn) == []
        assert (await name_of("5"), await name_of("6")) == ("theirs", "six")
        await execute(
            empty_dsn,
            "CREATE TABLE user_profile_info (user_id bigint, first_name text, last_name text)",
            "INSERT INTO user_profile_info VALUES (6, 'Sixtus', 'Six')",
        )
        assert await migrate(empty_dsn) == []
        assert (await name_of("5"), await name_of("6")) == ("theirs", "Sixtus Six")
        await execute(empty_dsn, "DROP TABLE users_auth")
        assert await migrate(empty_dsn) == []
        assert await name_of("5") == "ours"
        assert (await request("GET", f"{server.url}/api/conversations", user(6))).status == 401


async def test_what_was_there_is_left_alone(empty_dsn: str) -> None:
    """Tables that were there keep their columns, types, keys and rows through `migrate`, however often it runs."""
    tables = (
        "users_auth",
        "user_profile_info",
        "blocked_relationships",
        "user_follows",
        "jwt_revocation",
        "products",
        "chat_users",
    )
    await create_tables(
        empty_dsn,
        "integer",
        "CREATE TABLE chat_users (user_id varchar(64) PRIMARY KEY, username varchar(50) NOT NULL, note json)",
        "INSERT INTO users_auth (user_id, username) VALUES (1, 'ann'), (2, 'ben')",
        "INSERT INTO user_profile_info (user_id, first_name) VALUES (1, 'Ann')",
        "INSERT INTO blocked_relationships (blocker_id, blocked_id) VALUES (1, 2)",
        "INSERT INTO user_follows VALUES (1, 2)",
        f"INSERT INTO jwt_revocation (jti) VALUES ('{uuid4()}')",
        "INSERT INTO products (id, title, price) VALUES (1, 'A lamp', 9.99)",
        "INSERT INTO chat_users (user_id, username) VALUES ('x', 'ex')",
    )

    async def state() -> list[list[tuple[object, ...]]]:
        contents = [f"SELECT t::text FROM {table} t ORDER BY 1" for table in tables]
        return [await rows(empty_dsn, query) for query in (_SHAPE, _KEYS, *contents)]

    before = await state()
    assert all(before)
    assert await migrate(empty_dsn)
    assert await state() == before
    assert await migrate(empty_dsn) == []
    assert await state() == before


@pytest.mark.parametrize(
    ("table", "column"),
    [("users_auth", "user_id"), ("blocked_relationships", "blocked_id")],
)
async def test_a_table_without_its_key_is_named(empty_dsn: str, table: str, column: str) -> None:
    """`migrate` says which table of the directory lacks which column, and leaves nothing behind."""
    await execute(empty_dsn, f"CREATE TABLE {table} (other integer, blocker_id integer)")
    with pytest.raises(
        MigrationError, match=rf"the table {table} has no column {column}; .*search_path"
    ):
        await migrate(empty_dsn)
    await execute(empty_dsn, f"ALTER TABLE {table} ADD {column} integer")
    assert await migrate(empty_dsn)


async def test_a_directory_of_few_columns(empty_dsn: str, connect: Connect) -> None:
    """Tables without the columns that are for show alone serve as well: an id and a username are enough."""
    await execute(
        empty_dsn,
        "CREATE TABLE users_auth (user_id integer PRIMARY KEY, username text NOT NULL)",
        "CREATE TABLE chat_users (user_id integer PRIMARY KEY, username text NOT NULL)",
        "CREATE TABLE products (id integer PRIMARY KEY)",
        "INSERT INTO users_auth VALUES (1, 'ann')",
        "INSERT INTO chat_users VALUES (2, 'ben')",
        "INSERT INTO products VALUES (7)",
    )
    await migrate(empty_dsn)
    async with local_server(empty_dsn) as server:
        for user_id, name in ((1, "ann"), (2, "ben")):
            device = await connect(user(user_id), server.url)
            assert device.ready["user"]["displayName"] == name
        opened = await device.do("chat:conversation_open", recipientId="1", productId="7")
        assert opened["conversation"]["product"] == {"id": "7", "title": None, "image": None}


@pytest.mark.parametrize("locale", ["LOCALE_PROVIDER libc LOCALE 'C'", ""], ids=["C", "ours"])
async def test_names_compare_whatever_the_locale(locale: str, postgres: str) -> None:
    """The database folds names as the server does, also where its own locale knows the letters of ASCII alone."""
    name = f"names_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {locale}")
    finally:
        await connection.close()
    dsn = postgres.replace("/chatserver?", f"/{name}?")
    await migrate(dsn)
    names = [
        *("Bob", "BOB_1", "René", "Rene\u0301", "RENÉ", "Straße", "STRASSE", "ΣΊΣΥΦΟΣ", "σίσυφος", "АННА"),
        *("Ｂｏｂ", "ﬁona", "İnci", "i\u0307nci", "葛\U000e0100城", "می\u200cخواهم", "bo\xadb", "名前"),
        *("किरण", "K\u212a"),
    ]  # fmt: skip
    connection = await asyncpg.connect(dsn)
    try:
        folded = await connection.fetch(
            "SELECT n.name, fold_name(n.name) AS folded FROM unnest($1::text[]) AS n (name)", names
        )
    finally:
        await connection.close()
    assert {row["name"]: row["folded"] for row in folded} == {name: fold(name) for name in names}
