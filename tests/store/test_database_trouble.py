"""What keeps us from PostgreSQL is told apart, in a line without secrets; and every way to write a URL works."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import pytest

from chatserver.config import ConfigError, load_settings
from chatserver.ops.importing.source import connected
from chatserver.store.connect import Connector, farewell
from chatserver.store.migrate import MigrationError, migrate, migrations, pending_at
from chatserver.store.trouble import DatabaseAwayError
from tests.support.certificates import issue
from tests.support.cli import production, run
from tests.support.main_backend import execute
from tests.support.redis_server import free_port
from tests.support.tls_proxy import tls_before

SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
async def places(
    postgres: str, dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, str]]:
    """A PostgreSQL by its socket and behind TLS, with users and databases that are not as they should be."""
    own, there = urlsplit(postgres), parse_qs(urlsplit(postgres).query)
    socket, port = there["host"][0], there["port"][0]
    tag = free_port()
    names = {
        kind: f"{kind}_{tag}"
        for kind in ("barred", "closed", "crowded", "latin", "readonly", "bare")
    }
    login = f"LOGIN PASSWORD '{SECRET}'"
    await execute(
        postgres,
        f"CREATE ROLE {names['barred']} {login}",
        f"CREATE ROLE {names['closed']} PASSWORD '{SECRET}'",
        f"CREATE ROLE {names['crowded']} {login} CONNECTION LIMIT 0",
        f"CREATE DATABASE {names['latin']} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'",
        f"CREATE DATABASE {names['readonly']}",
        f"ALTER DATABASE {names['readonly']} SET default_transaction_read_only = on",
        f"CREATE DATABASE {names['bare']}",
        f"REVOKE CONNECT ON DATABASE {names['readonly']} FROM PUBLIC",
    )
    directory = tmp_path_factory.mktemp("tls")
    made = issue(directory)
    made.root.cert_pem.write_to_path(directory / "ca.pem")
    connections: list[asyncio.StreamWriter] = []

    async def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)

    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nServer: nothing of ours\r\n\r\n")

    async def refuse_tls(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"N")

    (directory / "open").write_text(f"*:*:*:*:{SECRET}")
    (directory / "open").chmod(0o644)
    (directory / "closed").write_text(f"*:*:*:*:{own.password}")
    (directory / "closed").chmod(0o600)
    async with AsyncExitStack() as stack:
        found = {}
        for name, serve in (("deaf", hear), ("http", babble), ("plain", refuse_tls)):
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            stack.callback(server.close)
            found[name] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        path = f"{socket}/.s.PGSQL.{port}"
        tls = await stack.enter_async_context(
            tls_before(lambda: asyncio.open_unix_connection(path), made, asked_first=True)
        )
        yield {
            **found,
            **names,
            "me": own.netloc.rpartition("@")[0],
            "socket": f"host={quote(socket)}&port={port}",
            "tls": f"127.0.0.1:{tls}",
            "localhost": f"localhost:{tls}",
            "authority": str(directory / "ca.pem"),
            "open": str(directory / "open"),
            "closed_file": str(directory / "closed"),
            "shared": urlsplit(dsn).path[1:],
            "secret": SECRET,
        }
        for writer in connections:
            writer.close()


SERVE = (
    "postgresql://{me}@/{shared}?{socket}",
    "postgres://{me}@/{shared}?{socket}&application_name=a%20name&fallback_application_name=x",
    "postgresql://{me}@{tls}/{shared}?sslmode=require",
    "postgresql://{me}@{tls}/{shared}?ssl=true",
    "postgresql://{me}@{tls}/{shared}?sslmode=prefer",
    "postgresql://{me}@{tls}/{shared}?sslmode=no-verify",
    "postgresql://{me}@{tls}/{shared}?sslmode=require&sslrootcert={authority}",
    "postgresql://{me}@{tls}/{shared}?sslmode=verify-ca&sslrootcert={authority}",
    "postgresql://{me}@{tls}/{shared}?sslmode=verify-full&sslrootcert={authority}",
    "postgresql://{me}@/{shared}?host=127.0.0.1,{host}&port=1,{port}",
    "postgresql://{me}@/{shared}?host={deaf_host},{host}&port={deaf_port},{port}",
    "postgresql://{me}@/{shared}?{socket}&target_session_attrs=read-write&connect_timeout=5",
    "postgresql://{me}@/{shared}?{socket}&channel_binding=require&gssencmode=prefer&keepalives=1",
    "postgresql://{me}@/{shared}?{socket}&keepalives_idle=30&tcp_user_timeout=9&load_balance_hosts=random",
    "postgresql://{me}@/{shared}?{socket}&search_path=public&statement_timeout=5s&work_mem=8MB",
    "postgresql://{me}@/{shared}?{socket}&options=-c%20search_path%3Dpublic&my.setting=1",
    "postgresql://{me}@/{shared}?{socket}&synchronous_commit=remote_apply&client_encoding=UTF8",
    "postgresql://{user}@/{shared}?{socket}&passfile={closed_file}",
    "postgresql://{tls}/{shared}?user={user}&password={password}&sslmode=require",
)


@pytest.mark.parametrize("url", SERVE)
async def test_every_way_to_write_a_database_that_is_there(
    url: str, places: dict[str, str]
) -> None:
    """libpq's parameters and PostgreSQL's settings serve."""
    where = parse_qs(places["socket"])
    user, _, password = places["me"].partition(":")
    deaf = places["deaf"].rpartition(":")
    more = {"host": where["host"][0], "port": where["port"][0], "user": user, "password": password}
    url = url.format(**places, **more, deaf_host=deaf[0], deaf_port=deaf[2])
    settings = load_settings(
        production(url, DB_CONNECTION_TIMEOUT="300" if "=127" in url else ""),
        state_directory=Path("/nonexistent"),
    )
    assert await pending_at(url, settings.database) == []
    connection = await Connector(settings.database, url).connect()
    try:
        said = await connection.fetchrow(
            "SELECT current_setting('application_name') AS name, current_setting('work_mem') AS memory, "
            "current_setting('statement_timeout') AS patience, current_setting('synchronous_commit') AS durable"
        )
    finally:
        await farewell(connection)
    assert said["name"] == ("a name" if "a%20name" in url else "chatserver")
    assert said["patience"] == ("5s" if "statement_timeout=5s" in url else "30s")
    assert (said["memory"] == "8MB") == ("work_mem" in url)
    assert said["durable"] == ("remote_apply" if "remote_apply" in url else "on")


# (URL, the kind of failure, what the line says)
WRONG = (
    (
        "postgresql://nobody:{secret}@/{shared}?{socket}",
        ConfigError,
        "correct the user and password",
    ),
    (
        "postgresql://{barred}:x{secret}@/{shared}?{socket}",
        ConfigError,
        "correct the user and password",
    ),
    ("postgresql://{closed}:{secret}@/{shared}?{socket}", ConfigError, "may not log in"),
    (
        "postgresql://{crowded}:{secret}@/{shared}?{socket}",
        DatabaseAwayError,
        "has no connection left",
    ),
    ("postgresql://{barred}:{secret}@/{readonly}?{socket}", DatabaseAwayError, "GRANT CONNECT"),
    ("postgresql://{me}@/nowhere?{socket}", ConfigError, "CREATE DATABASE"),
    ("postgresql://{me}@/{latin}?{socket}", DatabaseAwayError, "encoding is LATIN1"),
    ("postgresql://{me}@/{readonly}?{socket}", DatabaseAwayError, "is read-only for that user"),
    ("postgresql://{barred}:{secret}@/{shared}?{socket}", MigrationError, "GRANT SELECT"),
    ("postgresql://{me}@/{shared}?host=/nowhere", DatabaseAwayError, "where there is no socket"),
    ("postgresql://u:{secret}@127.0.0.1:1/x", DatabaseAwayError, "where nothing listens"),
    (
        "postgresql://u:{secret}@nobody.invalid/x",
        DatabaseAwayError,
        "names a host that does not exist",
    ),
    (
        "postgresql://u:{secret}@{deaf}/x?sslmode=disable",
        DatabaseAwayError,
        "nothing answers within 0.3 s",
    ),
    (
        "postgresql://u:{secret}@{deaf}/x?sslmode=require",
        DatabaseAwayError,
        "nothing answers within 0.3 s",
    ),
    ("postgresql://u:{secret}@{http}/x?sslmode=require", ConfigError, "as PostgreSQL does"),
    ("postgresql://u:{secret}@{http}/x?sslmode=disable", ConfigError, "as PostgreSQL does"),
    ("postgresql://u:{secret}@{plain}/x?sslmode=require", ConfigError, "does not speak"),
    ("postgresql://u@/{shared}?{socket}&passfile=/nowhere", ConfigError, "passfile that can't be"),
    ("postgresql://u@/{shared}?{socket}&passfile={open}", ConfigError, "chmod 600"),
    (
        "postgresql://{me}@{tls}/{shared}?sslmode=verify-full",
        ConfigError,
        "sslrootcert=/path/ca.pem",
    ),
    ("postgresql://{me}@{tls}/{shared}?sslmode=verify-ca", ConfigError, "sslrootcert=/path/ca.pem"),
    (
        "postgresql://{me}@{tls}/{shared}?sslmode=disable",
        DatabaseAwayError,
        "closes the connection",
    ),
    ("postgresql://{me}@/{shared}?{socket}&work_mem=lots", ConfigError, "a value of work_mem"),
    ("postgresql://{me}@/{shared}?{socket}&options=-c%20un_heard%3D1", ConfigError, "un_heard"),
    (
        "postgresql://{me}@/{shared}?{socket}&role=unheard",
        ConfigError,
        "DATABASE_URL has a value of role",
    ),
)


@pytest.mark.parametrize(("url", "kind", "cause"), WRONG)
async def test_what_is_wrong_with_a_database_is_told_apart(
    url: str, kind: type[Exception], cause: str, places: dict[str, str]
) -> None:
    """A line names the variable, the cause and the remedy, and never the password."""
    is_deaf = "{deaf}" in url or "{http}/x?sslmode=disable" in url
    url = url.format(**places)
    settings = load_settings(
        production(url, DB_CONNECTION_TIMEOUT="300" if is_deaf else "3000"),
        state_directory=Path("/nonexistent"),
    )
    with pytest.raises(kind) as caught:
        await pending_at(url, settings.database)
    line = str(caught.value)
    assert re.match(r"(DATABASE_URL|DB_SSL) \S", line), line
    assert cause in line
    assert ": " in line
    assert SECRET not in line
    assert "\n" not in line
    assert "Error" not in line


# What a server, or PgBouncer before it, answers: (SQLSTATE, message), the exit code, what the line says.
ANSWERS = (
    ("57P03", "the database system is starting up", 1, "the database system is starting up"),
    ("57P03", "the database system is shutting down", 1, "wait until it does"),
    (
        "57P03",
        "the database system is not yet accepting connections\0DConsistent state is not reached.\0HWait.",
        1,
        "(the database system is not yet accepting connections): wait",
    ),
    ("57P01", "terminating connection", 1, "terminating connection"),
    ("53300", 'too many connections for role "x"', 1, "CONNECTION LIMIT"),
    ("42501", 'permission denied for database "x"', 1, "GRANT CONNECT"),
    ("42501", "permission denied for table messages", 1, "lacks a right"),
    ("53300", "sorry, too many clients already", 1, "has no connection left"),
    ("28000", 'role "x" does not exist', 2, "CREATE ROLE"),
    ("28000", 'no pg_hba.conf entry for host "h", no encryption', 2, "sslmode=verify-full"),
    (
        "28000",
        'no pg_hba.conf entry for host "h", SSL encryption',
        2,
        "allow it in its pg_hba.conf",
    ),
    ("28P01", 'password authentication failed for user "x"', 2, "correct the user and password"),
    ("3D000", 'database "x" does not exist', 2, "CREATE DATABASE"),
    ("42704", 'unrecognized configuration parameter "new_one"', 2, "has new_one, which"),
    ("42501", 'permission denied to set parameter "log_statement"', 2, "may not set"),
    ("08P01", "unsupported startup parameter: jit", 2, "DB_STATEMENT_CACHE_SIZE must be 0"),
    ("08P01", "SASL authentication failed", 2, "correct the user and password"),
    ("08P01", "no such database: x", 2, "CREATE DATABASE"),
    ("08P01", "no more connections allowed (max_client_conn)", 1, "has no connection left"),
    ("08P01", "server login has been failing", 1, "a pooler that has no server for us"),
    (
        "42P05",
        'prepared statement "__asyncpg_stmt_1__" already exists',
        2,
        "DB_STATEMENT_CACHE_SIZE is",
    ),
    ("XX000", "something\nunforeseen", 1, "which refuses the connection: something unforeseen"),
)


@pytest.mark.parametrize(("state", "message", "code", "cause"), ANSWERS)
async def test_what_a_server_answers(state: str, message: str, code: int, cause: str) -> None:
    """Each answer that keeps us out is a line of its own, as a setting that is wrong or a server that is away."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        fields = f"SFATAL\0VFATAL\0C{state}\0M{message}\0\0".encode()
        writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://u:{SECRET}@127.0.0.1:{port}/x?sslmode=disable"
        settings = load_settings(production(url), state_directory=Path("/nonexistent"))
        with pytest.raises(ConfigError if code == 2 else DatabaseAwayError) as caught:
            await pending_at(url, settings.database)
    line = str(caught.value)
    assert cause in line
    assert line.isprintable()
    assert SECRET not in line


async def test_a_password_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is given, none is said to be wrong: the line says where it belongs, never into an argument."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0\0"
        writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        parts = {"DB_HOST": "127.0.0.1", "DB_PORT": str(port), "DB_NAME": "x", "DB_USER": "u"}
        for variables, remedy in (
            ({"DATABASE_URL": f"postgresql://u@127.0.0.1:{port}/x"}, "write user:password@"),
            ({"DATABASE_URL": "", **parts}, "set it"),
        ):
            env = {**production("", DB_SSL="false"), **variables}
            settings = load_settings(env, state_directory=Path("/nonexistent")).database
            assert settings.dsn is not None
            with pytest.raises(ConfigError, match=rf"gives no password, .* wants one: {remedy}"):
                await pending_at(settings.dsn, settings)
        with pytest.raises(ConfigError, match=r"--from gives no .*: put it into ~/\.pgpass"):
            async with connected(f"postgresql://u@127.0.0.1:{port}/x"):
                pass
        monkeypatch.setenv("PGPASSWORD", "wrong")
        with pytest.raises(ConfigError, match="has a password that"):
            await pending_at(settings.dsn, settings)


async def test_certificates_by_db_ssl(places: dict[str, str]) -> None:
    """DB_SSL=true verifies whatever sslmode says, and then it is DB_SSL that the line is about."""
    url = "postgresql://{me}@{tls}/{shared}?sslmode=require".format(**places)
    for db_ssl, is_well in (("true", False), ("no-verify", True)):
        settings = load_settings(
            production(url, DB_SSL=db_ssl), state_directory=Path("/nonexistent")
        )
        if is_well:
            assert await pending_at(url, settings.database) == []
        else:
            with pytest.raises(
                ConfigError, match=r"^DB_SSL asks for a certificate .*DB_SSL=no-verify"
            ):
                await pending_at(url, settings.database)


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"DB_PASS": f"x{SECRET}"}, "DB_PASS"),
        ({"DB_NAME": "nowhere"}, "DB_NAME"),
        ({"DB_HOST": "127.0.0.1", "DB_PORT": "1"}, "DB_HOST"),
    ],
)
async def test_the_variable_is_the_one_that_was_set(
    places: dict[str, str], changes: dict[str, str], variable: str
) -> None:
    """Where DB_HOST and its like are set, the line begins with the one that is wrong."""
    where = parse_qs(places["socket"])
    parts = {"DB_HOST": where["host"][0], "DB_PORT": where["port"][0], "DB_NAME": places["shared"]}
    account = {"DB_USER": places["barred"], "DB_PASS": SECRET}
    env = {**production(""), **parts, **account, **changes}
    settings = load_settings(env, state_directory=Path("/nonexistent"))
    assert settings.database.dsn is not None
    with pytest.raises((ConfigError, DatabaseAwayError), match=f"^{variable} ") as caught:
        await pending_at(settings.database.dsn, settings.database)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("server", "cause"),
    [
        ({"server_version": "13.14"}, "14 or later is needed"),
        ({"in_hot_standby": "on"}, "a standby, which is read-only"),
    ],
)
async def test_a_server_that_cannot_be_ours(
    dsn: str, monkeypatch: pytest.MonkeyPatch, server: dict[str, str], cause: str
) -> None:
    """A PostgreSQL that is too old, or a standby, is told by what it says of itself."""
    version = asyncpg.Connection.get_server_version
    if "server_version" in server:
        monkeypatch.setattr(
            asyncpg.Connection, "get_server_version", lambda c: version(c)._replace(major=13)
        )
    else:
        monkeypatch.setattr(
            asyncpg.Connection,
            "get_settings",
            lambda _: SimpleNamespace(**server),
        )
    for look in (pending_at, migrate):
        with pytest.raises(DatabaseAwayError, match=f"^DATABASE_URL leads to .*{cause}"):
            await look(dsn)


async def test_migrations_that_are_refused(empty_dsn: str) -> None:
    """A role that may not create, a schema that is not there, and tables that are somebody else's, are told."""
    role = f"creator_{free_port()}"
    await execute(empty_dsn, f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'")
    poor = re.sub(r"//[^@/]*@", f"//{role}:{SECRET}@", empty_dsn)
    with pytest.raises(
        MigrationError, match="permission denied for schema public; let the user in"
    ):
        await migrate(poor)
    with pytest.raises(MigrationError, match=r"CREATE SCHEMA …"):
        await migrate(f"{empty_dsn}&search_path=unheard")
    await execute(empty_dsn, "CREATE TABLE messages (id int)")
    with pytest.raises(MigrationError, match="give the chat a schema of its own"):
        await migrate(empty_dsn)
    await execute(empty_dsn, "CREATE SCHEMA chat")
    assert await migrate(f"{empty_dsn}&search_path=chat,public")


async def test_a_history_of_somebody_else(empty_dsn: str) -> None:
    """A main back end's own schema_migrations is told, by every command; a schema of ours beside it is empty."""
    await execute(empty_dsn, "CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    for ask in (pending_at, migrate):
        with pytest.raises(
            MigrationError, match=r"schema_migrations is somebody else's: .*CREATE SCHEMA chat"
        ):
            await ask(empty_dsn)
    said = await run("doctor", env=production(empty_dsn))
    assert "FAIL  migrations: the table schema_migrations is somebody else's" in said.out
    await execute(empty_dsn, "CREATE SCHEMA chat")
    beside = f"{empty_dsn}&search_path=chat,public"
    assert await pending_at(beside) == [migration.name for migration in migrations()]
    assert len(await migrate(beside)) == len(migrations())
    assert await pending_at(beside) == await migrate(beside) == []


async def test_exit_codes(places: dict[str, str]) -> None:
    """A wrong setting ends `serve` and `migrate` with 2, a database that is away with 1, in time, in one line."""
    wrong = "postgresql://nobody:{secret}@/{shared}?{socket}".format(**places)
    deaf = "postgresql://u:{secret}@{deaf}/x?sslmode=disable".format(**places)
    cases = [
        (command, url, code)
        for command in ("serve", "migrate")
        for url, code in ((wrong, 2), (deaf, 1))
    ]
    ends = await asyncio.gather(
        *(
            run(command, env=production(url, DB_CONNECTION_TIMEOUT="300"))
            for command, url, _ in cases
        )
    )
    for ended, (_, _, code) in zip(ends, cases, strict=True):
        assert (ended.code, ended.out) == (code, "")
        assert ended.problem.startswith("chatserver: DATABASE_URL ")
        assert SECRET not in ended.err
