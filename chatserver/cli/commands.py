"""``chatserver serve | migrate | import | search | token | doctor | reference``

The parts that take longest to load, those that speak to clients and to Redis, are imported by the commands that
need them: the others are done in half the time.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from chatserver.cli.arguments import check, parser
from chatserver.cli.import_arguments import named_tables
from chatserver.config import SECRET_FILE, ConfigError, LackingError, Settings, load_settings
from chatserver.core.errors import ChatError
from chatserver.core.logging import configure_logging, get_logger
from chatserver.ops import demo, listening, vapid, workers
from chatserver.ops.embedded import EmbeddedPostgres, EmbeddedPostgresError, running_dsn
from chatserver.reference import written
from chatserver.sessions import issue_token
from chatserver.store import queries
from chatserver.store.connect import Connector, farewell
from chatserver.store.migrate import MigrationError, migrate, pending_at
from chatserver.store.trouble import FAILURES, DatabaseAwayError

_log = get_logger(__name__)

STATE_DIRECTORY = Path(".chatserver")
_UNSET = (
    "APP_ENV is not set, so this runs as production; on a developer's machine set APP_ENV=development: "
    "nothing else is required there"
)


class CommandError(Exception):
    """One readable line, and exit code 1."""


def main() -> None:
    """Run the command line."""
    arguments = parser().parse_args()
    try:
        check(arguments)
        workers.follow_parent()
        if arguments.command == "reference":
            # Made from the code alone: no settings are needed, and none can be wrong.
            _reference(arguments)
            return
        if arguments.command == "vapid":
            sys.stdout.write(vapid.make())
            return
        settings = load_settings(_environment(arguments), state_directory=STATE_DIRECTORY)
        configure_logging(json=not settings.is_development, level=settings.log_level)
        _RUN[arguments.command](settings, arguments)
    except LackingError as error:
        _fail(f"{error}; {_UNSET}" if _is_production_by_default(arguments) else error, 2)
    except ConfigError as error:
        _fail(error, 2)
    except (CommandError, EmbeddedPostgresError, MigrationError, DatabaseAwayError) as error:
        _fail(error, 1)
    except ChatError:
        _fail("the database stopped answering: see its log, or what `chatserver doctor` says", 1)
    except asyncpg.PostgresError as error:
        _fail(f"the database refuses: {error}: see what `chatserver doctor` says", 1)
    except OSError as error:
        _fail(error.strerror or error, 1)
    except KeyboardInterrupt:
        sys.exit(130)  # as shells do; users know what they wished


def _fail(problem: object, code: int) -> None:
    line = " ".join(str(problem).split())
    sys.stderr.write(f"chatserver: {line}\n")
    sys.exit(code)


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """Give the configured database, or in development the embedded one, for as long as it is needed."""
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
    settings = replace(
        settings,
        host=arguments.host or settings.host,
        port=settings.port if arguments.port is None else arguments.port,
    )
    if settings.tls:
        settings.tls.context()  # what is wrong with the files is said before anything starts
        starts, ends = settings.tls.dates()
        if not starts <= datetime.now(UTC) < ends:
            _log.warning(
                "TLS_CERT does not hold now, so clients refuse it: renew it, and restart; or set the clock",
                begins=f"{starts:%Y-%m-%dT%H:%MZ}",
                ends=f"{ends:%Y-%m-%dT%H:%MZ}",
            )
    if _is_production_by_default(arguments) and not workers.number():
        _log.info(_UNSET)
    address = listening.ListenAddress(host=settings.host, port=settings.port)
    bind = workers.sockets if arguments.workers == 1 else workers.reserve
    # Another program that listens there is found before the database is touched.
    bound = bind(address, settings.unix_socket_mode)
    # A worker's Unix socket is its parent's, who removes the file.
    mine = [] if workers.number() else bound
    with listening.removed_after(mine), _database(settings) as dsn:
        _prepare(settings, dsn)
        if arguments.demo and not workers.number():
            from chatserver.ops import demo_talks

            asyncio.run(demo.create_users(dsn, settings))
            asyncio.run(demo_talks.make(dsn, settings))

        def ready(port: int) -> None:
            if settings.is_development:
                # Of several workers, the first says it.
                shows = arguments.demo and workers.number() < 2
                tokens = demo.tokens(settings) if shows else {}
                sys.stdout.write(demo.welcome(settings, port, tokens))
                sys.stdout.flush()

        if arguments.workers == 1:
            from chatserver.ops import serve

            try:
                serve.run(
                    settings,
                    dsn,
                    bound,
                    worker=workers.number(),
                    ready=ready,
                    demo_users=demo.USERS if arguments.demo else (),
                )
            except serve.NewHistoryError as error:
                raise CommandError(str(error)) from error
        else:
            options = ["--demo"] if arguments.demo else []
            workers.run(arguments.workers, dsn, settings.host, bound, options)


def _prepare(settings: Settings, dsn: str) -> None:
    """Migrate in development; in production check that a release has migrated before its processes start."""
    if settings.is_development:
        asyncio.run(migrate(dsn, settings.database))
    elif missing := asyncio.run(pending_at(dsn, settings.database)):
        raise CommandError(
            f"the database lacks {', '.join(missing)}: run `chatserver migrate` first"
        )
    if settings.redis_url is not None:
        from chatserver.redis import trouble as redis_trouble

        asyncio.run(redis_trouble.check(settings))


def _migrate(settings: Settings, _: argparse.Namespace) -> None:
    with _database(settings) as dsn:
        applied = asyncio.run(migrate(dsn, settings.database))
    sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "nothing to do\n")


def _import(settings: Settings, arguments: argparse.Namespace) -> None:
    from chatserver.ops import importing

    options = importing.ImportOptions(
        system=arguments.system,
        url=arguments.url,
        # Taken as it is: blanks at its ends belong to it.
        secret=os.environ.get(arguments.key_env) or None,
        secret_name=arguments.key_env,
        tables=named_tables(arguments),
        timezone=arguments.timezone,
        is_dry=arguments.dry_run,
    )
    with _database(settings) as dsn:
        try:
            report = asyncio.run(importing.run(options, settings, dsn))
        except importing.ImportFailedError as error:
            raise CommandError(str(error)) from error
    for line in report.lines(is_dry=options.is_dry):
        sys.stdout.write(f"{line}\n")


def _search(settings: Settings, _: argparse.Namespace) -> None:
    from chatserver.ops import search_build

    with _database(settings) as dsn:
        if missing := asyncio.run(pending_at(dsn, settings.database)):
            raise CommandError(
                f"the database lacks {', '.join(missing)}: run `chatserver migrate` first"
            )
        report = asyncio.run(search_build.run(settings, dsn))
    sys.stdout.write(f"{report}\n")


def _environment(arguments: argparse.Namespace) -> Mapping[str, str]:
    """Return the variables as they are; for a token without APP_ENV, those of development.

    A token needs the secret alone, which is JWT_SECRET, or what the development server of this directory
    keeps in its state. The other commands are never taken for a developer's because of a directory.

    Raises:
        ConfigError: there is no secret to sign a token with.
    """
    if arguments.command != "token" or _is_set("APP_ENV") or _is_set("NODE_ENV"):
        return os.environ
    if not _is_set("JWT_SECRET") and not (STATE_DIRECTORY / SECRET_FILE).exists():
        raise ConfigError(
            f"JWT_SECRET is not set, and no development server keeps its state here ({STATE_DIRECTORY}/): "
            "set JWT_SECRET, or call this in the directory where that server runs"
        )
    return {**os.environ, "APP_ENV": "development"}


def _is_production_by_default(arguments: argparse.Namespace) -> bool:
    """Return whether a server is to run as production because nobody said otherwise."""
    return arguments.command == "serve" and not (_is_set("APP_ENV") or _is_set("NODE_ENV"))


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name, "").strip())


def _token(settings: Settings, arguments: argparse.Namespace) -> None:
    token = issue_token(settings.jwt_secret, arguments.user, lifetime=arguments.lifetime)
    sys.stdout.write(token + "\n")
    sys.stdout.flush()
    dsn = settings.database.dsn or running_dsn(STATE_DIRECTORY)
    if dsn is not None and asyncio.run(_is_unknown(settings, dsn, arguments.user)):
        sys.stderr.write(
            "chatserver: the directory has no such user, and until it has, the server refuses this token\n"
        )


async def _is_unknown(settings: Settings, dsn: str, user_id: str) -> bool:
    """Return whether the directory can be asked now, and has no such user."""
    try:
        async with asyncio.timeout(settings.database.connection_timeout):
            connection = await Connector(settings.database, dsn).connect()
            try:
                return not await connection.fetch(queries.load()["users"], [user_id])
            finally:
                await farewell(connection)
    except (ConfigError, *FAILURES):
        return False  # the token is made all the same


def _doctor(settings: Settings, arguments: argparse.Namespace) -> None:
    from chatserver.ops import doctor

    findings = asyncio.run(doctor.examine(settings, arguments.workers, os.environ))
    sys.stdout.write("".join(f"{finding}\n" for finding in findings))
    if any(finding.level == "FAIL" for finding in findings):
        sys.exit(1)


def _reference(arguments: argparse.Namespace) -> None:
    from chatserver.composition.vocabularies import VOCABULARIES
    from chatserver.metrics import watching

    root = written.repository() if arguments.directory is None else Path(arguments.directory)
    if root is None:
        raise ConfigError(
            "reference writes where it is asked to: write chatserver reference DIRECTORY, "
            "or call it within chatserver's repository"
        )
    if not arguments.check:
        written.write(root, VOCABULARIES, watching())
    elif stale := written.stale(root, VOCABULARIES, watching()):
        raise CommandError(f"{', '.join(stale)}: not as the tables say; run `chatserver reference`")


_RUN: dict[str, Callable[[Settings, argparse.Namespace], None]] = {
    "serve": _serve,
    "migrate": _migrate,
    "import": _import,
    "search": _search,
    "token": _token,
    "doctor": _doctor,
}
