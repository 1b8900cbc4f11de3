"""``chatserver serve | migrate | token | doctor | reference``

The parts that take longest to load, those that speak to clients and to Redis, are imported by the commands that
need them: the others are done in half the time.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg

from chatserver import demo, workers
from chatserver.config import ConfigError, Settings, load_settings
from chatserver.embedded import EmbeddedPostgres, EmbeddedPostgresError
from chatserver.logs import configure_logging
from chatserver.reference import written
from chatserver.store.migrate import MigrationError, migrate, pending_at
from chatserver.tokens import issue_token

STATE_DIRECTORY = Path(".chatserver")


class Failure(Exception):  # noqa: N818 - what it is
    """One readable line, and exit code 1."""


def main() -> None:
    """The command line."""
    arguments = _parser().parse_args()
    if arguments.run is _reference:
        # Made from the code alone: no settings are needed, and none can be wrong.
        _reference(arguments)
        return
    try:
        settings = load_settings(os.environ, state_directory=STATE_DIRECTORY)
        configure_logging(json=not settings.is_development, level=settings.log_level)
        run: Callable[[Settings, argparse.Namespace], None] = arguments.run
        run(settings, arguments)
    except ConfigError as error:
        _fail(error, 2)
    except (Failure, EmbeddedPostgresError, MigrationError) as error:
        _fail(error, 1)
    except (OSError, asyncpg.PostgresError) as error:
        _fail(f"{type(error).__name__}: {error}", 1)


def _fail(problem: object, code: int) -> None:
    sys.stderr.write(f"chatserver: {problem}\n")
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatserver", description="The chat back end beside your application."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("serve", help="run the server")
    command.add_argument("--host", help="address to listen on (HOST)")
    command.add_argument("--port", type=int, help="port to listen on (PORT, 3001)")
    command.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes; more than 1 needs REDIS_URL"
    )
    command.add_argument(
        "--demo", action="store_true", help=f"with the users {', '.join(demo.USERS)} (development)"
    )
    command.set_defaults(run=_serve)

    command = commands.add_parser("migrate", help="bring the database up to date")
    command.set_defaults(run=_migrate)

    command = commands.add_parser("token", help="print a token for a user (for trying things out)")
    command.add_argument("user", metavar="USER", help="the user's id")
    command.add_argument(
        "--lifetime", type=int, default=86_400, metavar="S", help="seconds until it expires"
    )
    command.set_defaults(run=_token)

    command = commands.add_parser(
        "doctor", help="say what is wrong with this deployment, and how to mend it"
    )
    command.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that there are to be in all"
    )
    command.set_defaults(run=_doctor)

    command = commands.add_parser(
        "reference", help="write docs/ and client/ as the tables of the source have them"
    )
    command.add_argument("--check", action="store_true", help="write nothing; fail if they differ")
    command.set_defaults(run=_reference)
    return parser


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The configured database, or in development the embedded one, for as long as it is needed."""
    if settings.database.dsn is not None:
        yield settings.database.dsn
        return
    with EmbeddedPostgres(STATE_DIRECTORY) as dsn:
        yield dsn


def _serve(settings: Settings, arguments: argparse.Namespace) -> None:
    if arguments.demo and not settings.is_development:
        raise ConfigError(
            "--demo is for APP_ENV=development only: its users are known to everybody"
        )
    if arguments.workers > 1 and settings.redis_url is None:
        raise ConfigError(
            "REDIS_URL is not set: --workers above 1 needs Redis between the processes"
        )
    if arguments.workers < 1:
        raise ConfigError("--workers must be at least 1")
    if arguments.port is not None and not 0 <= arguments.port <= 65_535:
        raise ConfigError("--port must be from 0 to 65535")
    settings = replace(
        settings,
        host=arguments.host or settings.host,
        port=settings.port if arguments.port is None else arguments.port,
    )
    if settings.tls:
        settings.tls.context()  # what is wrong with the files is said before anything starts
    with _database(settings) as dsn:
        _prepare(settings, dsn)
        if arguments.demo:
            asyncio.run(demo.create_users(dsn, settings))

        def ready(port: int) -> None:
            if settings.is_development:
                tokens = demo.tokens(settings) if arguments.demo else {}
                sys.stdout.write(demo.welcome(settings, port, tokens))
                sys.stdout.flush()

        if arguments.workers == 1:
            from chatserver import serve

            serve.run(settings, dsn, worker=workers.number(), ready=ready)
        else:
            workers.run(arguments.workers, dsn, settings.host, settings.port)


def _prepare(settings: Settings, dsn: str) -> None:
    """Development migrates by itself; in production a release does, before its processes start."""
    ssl = settings.database.ssl_context()
    if settings.is_development:
        asyncio.run(migrate(dsn, ssl=ssl))
    elif missing := asyncio.run(pending_at(dsn, ssl=ssl)):
        raise Failure(f"the database lacks {', '.join(missing)}: run `chatserver migrate` first")


def _migrate(settings: Settings, _: argparse.Namespace) -> None:
    with _database(settings) as dsn:
        applied = asyncio.run(migrate(dsn, ssl=settings.database.ssl_context()))
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "nothing to do\n")


def _token(settings: Settings, arguments: argparse.Namespace) -> None:
    token = issue_token(settings.jwt_secret, arguments.user, lifetime=arguments.lifetime)
    sys.stdout.write(token + "\n")


def _doctor(settings: Settings, arguments: argparse.Namespace) -> None:
    if arguments.workers < 1:
        raise ConfigError("--workers must be at least 1")
    from chatserver import doctor

    findings = asyncio.run(doctor.examine(settings, arguments.workers))
    sys.stdout.write("".join(f"{finding}\n" for finding in findings))
    if any(finding.level == "FAIL" for finding in findings):
        sys.exit(1)


def _reference(arguments: argparse.Namespace) -> None:
    root = Path.cwd()
    if not arguments.check:
        written.write(root)
    elif stale := written.stale(root):
        _fail(f"{', '.join(stale)}: not as the tables say; run `chatserver reference`", 1)
