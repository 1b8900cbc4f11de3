"""The command line: what it says, what it refuses, and its exit codes."""

import asyncio
from pathlib import Path

import asyncpg

from chatserver.store.migrate import migrations
from tests.conftest import User
from tests.support.cli import production, run
from tests.support.http import ok
from tests.support.redis_server import free_port
from tests.support.servers import JWT_SECRET, Server, environment

DSN = "postgresql://someone@127.0.0.1:1/none"


async def test_help() -> None:
    """--help lists the commands, whatever the settings are; no command, or one that is none, is exit code 2."""
    helped, bare, unknown = await asyncio.gather(
        run("--help", env={"APP_ENV": "wrong"}),
        run(env=environment(DSN)),
        run("fly", env=environment(DSN)),
    )
    assert helped.code == 0
    listed = {line.split()[0] for line in helped.out.splitlines() if line.startswith("    ")}
    assert {"serve", "migrate", "token", "doctor", "reference"} <= listed
    assert helped.err == ""
    for ended in (bare, unknown):
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("usage: chatserver")


async def test_wrong_settings() -> None:
    """A wrong setting is one line that names its variable and shows no secret, exit code 2, for every command."""
    secret = "hunter2hunter2"
    wrong = environment(DSN, PORT="eighty")
    everything = ["JWT_SECRET", "CHAT_ENCRYPTION_KEY", "DATABASE_URL", "CORS_ALLOWED_ORIGINS"]
    cases: list[tuple[list[str], dict[str, str], list[str]]] = [
        (["serve"], wrong, ["PORT"]),
        (["migrate"], wrong, ["PORT"]),
        (["token", "alice"], wrong, ["PORT"]),
        (["doctor"], wrong, ["PORT"]),
        (["serve"], environment(f"mysql://u:{secret}@h/d"), ["DATABASE_URL"]),
        (["serve"], environment(DSN, REDIS_URL=f"redis://:{secret}#@h:6379"), ["REDIS_URL"]),
        (["doctor"], environment(DSN, REDIS_URL=f"redis://:{secret}@h:65536"), ["REDIS_URL"]),
        (["serve"], production(DSN, CHAT_ENCRYPTION_KEY=secret), ["CHAT_ENCRYPTION_KEY"]),
        (["doctor"], {}, everything),
    ]
    ends = await asyncio.gather(*(run(*command, env=env) for command, env, _ in cases))
    for ended, (_, _, names) in zip(ends, cases, strict=True):
        assert (ended.code, ended.out) == (2, "")
        assert all(name in ended.problem for name in names)
        assert secret not in ended.err


async def test_arguments_that_are_refused() -> None:
    """An argument that cannot be is one line that names it, exit code 2, before anything is started."""
    cases = (
        (["--demo"], production(DSN), "--demo"),
        (["--workers", "2"], environment(DSN), "REDIS_URL"),
        (["--workers", "0"], environment(DSN), "--workers"),
        (["--port", "65536"], environment(DSN), "--port"),
        (["--port", "-1"], environment(DSN), "--port"),
    )
    ends = await asyncio.gather(*(run("serve", *case[0], env=case[1]) for case in cases))
    for ended, (arguments, _, named) in zip(ends, cases, strict=True):
        assert (ended.code, ended.out) == (2, ""), arguments
        assert named in ended.problem


async def test_token(server: Server, alice: User) -> None:
    """`token USER` prints a token that the server accepts, without asking the database."""
    env = {"APP_ENV": "development", "JWT_SECRET": JWT_SECRET}
    for arguments in ([], ["--lifetime", "60"]):
        ended = await run("token", alice.id, *arguments, env=env)
        assert (ended.code, ended.err) == (0, "")
        token = ended.out.removesuffix("\n")
        assert "\n" not in token
        await ok("GET", f"{server.url}/api/conversations", User(alice.id, token))


async def test_migrate(empty_dsn: str) -> None:
    """`migrate` says what it applied, and then that there is nothing to do; in production `serve` waits for it."""
    names = [migration.name for migration in migrations()]
    env = production(empty_dsn)
    refused = await run("serve", env=env)
    assert (refused.code, refused.out) == (1, "")
    assert "chatserver migrate" in refused.problem
    assert all(name in refused.problem for name in names)
    first = await run("migrate", env=env)
    assert (first.code, first.err) == (0, "")
    assert first.out == "".join(f"applied {name}\n" for name in names)
    again = await run("migrate", env=env)
    assert (again.code, again.out, again.err) == (0, "nothing to do\n", "")


async def test_migrations_at_once(empty_dsn: str) -> None:
    """Of several `migrate` at once one works, and the others find nothing to do."""
    ends = await asyncio.gather(*(run("migrate", env=environment(empty_dsn)) for _ in range(3)))
    assert [ended.code for ended in ends] == [0, 0, 0]
    assert sorted(ended.out == "nothing to do\n" for ended in ends) == [False, True, True]


async def test_a_migration_that_was_changed(fresh_dsn: str) -> None:
    """A database whose history differs from ours is one readable line, exit code 1, for every command."""
    connection = await asyncpg.connect(fresh_dsn)
    try:
        await connection.execute("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1")
    finally:
        await connection.close()
    env = production(fresh_dsn)
    served, migrated, examined = await asyncio.gather(
        *(run(command, env=env) for command in ("serve", "migrate", "doctor"))
    )
    assert [served.code, migrated.code, examined.code] == [1, 1, 1]
    for text in (served.problem, migrated.problem, examined.out):
        assert f"{migrations()[0].name} was applied in another form" in text


async def test_a_database_that_is_away() -> None:
    """A database that cannot be reached is one readable line, exit code 1, and the password is not in it."""
    secret = "correct-horse-battery"
    env = production(f"postgresql://user:{secret}@127.0.0.1:{free_port()}/none", DB_SSL="false")
    for ended in await asyncio.gather(*(run(command, env=env) for command in ("serve", "migrate"))):
        assert (ended.code, ended.out) == (1, "")
        assert ended.problem
        assert secret not in ended.err


async def test_the_reference(tmp_path: Path) -> None:
    """`reference` writes the documents, whatever the settings are; `--check` says which are not as they should."""
    env = {"PORT": "eighty"}
    missing = await run("reference", "--check", env=env, cwd=tmp_path)
    assert missing.code == 1
    assert "docs/openapi.json" in missing.problem
    for arguments in (["reference"], ["reference", "--check"]):
        ended = await run(*arguments, env=env, cwd=tmp_path)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    (tmp_path / "client/events.ts").write_text("")
    stale = await run("reference", "--check", env=env, cwd=tmp_path)
    assert (stale.code, stale.problem.partition(": not")[0]) == (1, "chatserver: client/events.ts")
