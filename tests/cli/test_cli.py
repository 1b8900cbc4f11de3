"""The command line: what it says, what it refuses, and its exit codes."""

import argparse
import asyncio
import re
from pathlib import Path

import asyncpg

import chatserver
from chatserver.cli import arguments
from chatserver.config import load_settings
from chatserver.config.secrets import SECRET_FILE, development_secret
from chatserver.reference import typescript
from chatserver.sessions.tokens import LONGEST_LIFETIME
from chatserver.store.migrate import migrations
from tests.conftest import User
from tests.support.cli import end, production, run, spawn
from tests.support.http import ok
from tests.support.redis_server import free_port
from tests.support.servers import JWT_SECRET, ROOT, Server, environment

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


def _without_environment(**variables: str) -> dict[str, str]:
    env = production(DSN, **variables)
    del env["APP_ENV"]
    return env


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
        (["serve"], _without_environment(PORT="eighty"), ["PORT"]),
        (["serve"], {}, [*everything, "APP_ENV is not set", "APP_ENV=development"]),
    ]
    ends = await asyncio.gather(*(run(*command, env=env) for command, env, _ in cases))
    for ended, (command, env, names) in zip(ends, cases, strict=True):
        assert (ended.code, ended.out) == (2, "")
        assert all(name in ended.problem for name in names)
        assert secret not in ended.err
        # A help for developers who set nothing, and none for operators who mistyped something.
        assert ("APP_ENV" in ended.problem) == (command == ["serve"] and not env)


async def test_arguments_that_are_refused() -> None:
    """An argument that cannot be is one line that names it, exit code 2, before anything is started."""
    cases = (
        (["serve", "--demo"], production(DSN), "--demo"),
        (["serve", "--workers", "2"], environment(DSN), "REDIS_URL"),
        (["serve", "--workers", "0"], environment(DSN), "--workers"),
        (["serve", "--workers", "1000000"], environment(DSN), "--workers"),
        (["serve", "--port", "65536"], environment(DSN), "--port"),
        (["serve", "--port", "-1"], environment(DSN), "--port"),
        (["serve", "--host", " "], environment(DSN), "--host"),
        (["doctor", "--workers", "0"], environment(DSN), "--workers"),
        (["doctor", "--workers", "-3"], environment(DSN), "--workers"),
        (["token", ""], environment(DSN), "USER"),
        (["token", "x" * 65], environment(DSN), "USER"),
        (["token", "a\nb"], environment(DSN), "USER"),
        (["token", "\udcff"], environment(DSN), "USER"),  # a byte that is no UTF-8
        (["token", "alice", "--lifetime", "0"], environment(DSN), "--lifetime"),
        (["token", "alice", "--lifetime", "-5"], environment(DSN), "--lifetime"),
        (["token", "alice", "--lifetime", "9" * 20], environment(DSN), "--lifetime"),
        (["reference"], {}, "DIRECTORY"),
        (["reference", "--check"], {}, "DIRECTORY"),
    )
    ends = await asyncio.gather(*(run(*case[0], env=case[1]) for case in cases))
    for ended, (given, _, named) in zip(ends, cases, strict=True):
        assert (ended.code, ended.out) == (2, ""), given
        assert named in ended.problem


async def test_version() -> None:
    """`--version` says which version this is, whatever the settings are."""
    ended = await end(await spawn("--version", env={"APP_ENV": "wrong"}))
    assert (ended.code, ended.out, ended.err) == (0, f"chatserver {chatserver.__version__}\n", "")


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """What may be written after a command."""
    return [
        action.option_strings[-1] if action.option_strings else str(action.metavar)
        for action in parser._actions
        if action.dest != "help"
    ]


async def test_the_help_of_every_command() -> None:
    """The help of a command explains each option and its default, and has examples that can be parsed."""
    whole = arguments.parser()
    (commands,) = (
        action.choices
        for action in whole._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    ends = await asyncio.gather(*(run(name, "--help", env={}) for name in commands))
    for ended, (name, parser) in zip(ends, commands.items(), strict=True):
        assert (ended.code, ended.err) == (0, "")
        text = " ".join(ended.out.split("\noptions:")[-1].split())
        assert ended.out.count(parser.description or "-") == 1
        for option in _options(parser):
            assert option in ended.out
            if option.startswith("--"):
                assert re.search(
                    rf"{option}( [A-Z]+)? [a-z][^()]*(\([^()]*\))?[^()]*\(default: ", text
                ), option
        _, _, examples = ended.out.partition("examples:\n")
        shown = [
            line.split("chatserver ")[1].split()
            for line in examples.splitlines()[:5]
            if line[:2] == "  "
        ]
        assert shown
        for example in shown:
            assert whole.parse_args(example).command == name


async def test_token(server: Server, alice: User) -> None:
    """`token USER` prints a token that the server accepts, whether or not the database can be asked."""
    env = {"APP_ENV": "development", "JWT_SECRET": JWT_SECRET}
    for given in ([], ["--lifetime", "60"], ["--lifetime", str(LONGEST_LIFETIME)]):
        for database in ({}, {"DATABASE_URL": f"{DSN}?sslmode=disable"}):
            ended = await run("token", alice.id, *given, env=env | database)
            assert (ended.code, ended.err) == (0, "")
            token = ended.out.removesuffix("\n")
            assert "\n" not in token
            await ok("GET", f"{server.url}/api/conversations", User(alice.id, token))


async def test_token_of_nobody(dsn: str, alice: User) -> None:
    """A token for a user whom the directory lacks is made, and said to be refused until it has them."""
    known, unknown = await asyncio.gather(
        *(run("token", name, env=environment(dsn)) for name in (alice.id, "no-such-user"))
    )
    assert (known.code, known.err) == (0, "")
    assert unknown.code == 0
    assert unknown.out.count(".") == 2
    assert "no such user" in unknown.problem


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_token_needs_the_secret_alone(tmp_path: Path) -> None:
    """Without APP_ENV a token wants JWT_SECRET, or the state of a development server, and makes neither."""
    neither = await run("token", "alice", env={}, cwd=tmp_path)
    assert (neither.code, neither.out) == (2, "")
    assert "JWT_SECRET" in neither.problem
    assert ".chatserver" in neither.problem
    assert _names(tmp_path) == []
    given = await run("token", "alice", env={"JWT_SECRET": JWT_SECRET}, cwd=tmp_path)
    assert (given.code, given.err) == (0, "")
    development_secret(tmp_path / ".chatserver" / SECRET_FILE)
    kept = await run("token", "alice", env={}, cwd=tmp_path)
    assert (kept.code, kept.err) == (0, "")
    for command in ("serve", "doctor", "migrate"):
        ended = await run(command, env={}, cwd=tmp_path)
        assert ended.code == 2, "a directory never makes a server one of development"
        assert "CHAT_ENCRYPTION_KEY" in ended.problem


async def test_keys_for_web_push() -> None:
    """`vapid` prints a new pair each time, which the settings take, whatever else is set."""
    first, second = await asyncio.gather(*(run("vapid", env={"PORT": "wrong"}) for _ in range(2)))
    assert (first.code, first.err) == (0, "")
    assert first.out != second.out
    pair = dict(line.split("=", 1) for line in first.out.split())
    env = {**environment(DSN), **pair}
    settings = load_settings(env, state_directory=Path("/nonexistent"))
    assert settings.push.vapid is not None
    assert settings.push.vapid.public == pair["VAPID_PUBLIC_KEY"]


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
    """`reference` writes where it is asked to, whatever the settings are; `--check` says what differs."""
    env, made = {"PORT": "eighty"}, tmp_path / "made"
    missing = await run("reference", "--check", "made", env=env, cwd=tmp_path)
    assert missing.code == 1
    assert "docs/openapi.json" in missing.problem
    assert _names(tmp_path) == []
    for given in (["made"], ["--check", "made"]):
        ended = await run("reference", *given, env=env, cwd=tmp_path)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert _names(tmp_path) == ["made"]
    ours, theirs = made / "docs/reference/old.md", made / "docs/reference/theirs.md"
    ours.write_text((made / "docs/reference.md").read_text())
    theirs.write_text("# A page of theirs")
    (made / typescript.PATH).write_text("")
    stale = await run("reference", "--check", "made", env=env, cwd=tmp_path)
    assert stale.code == 1
    changed = f"chatserver: {typescript.PATH}, docs/reference/old.md: not as"
    assert stale.problem.startswith(changed)
    assert (await run("reference", "made", env=env, cwd=tmp_path)).code == 0
    assert not ours.exists()
    assert theirs.exists(), "a page that is not of our making stays"


async def test_the_reference_of_the_repository() -> None:
    """Within the repository, `reference --check` needs no directory, in whichever folder it is called."""
    for folder in (ROOT, ROOT / "docs"):
        ended = await run("reference", "--check", env={}, cwd=folder)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
