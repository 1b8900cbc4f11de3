"""The arguments of the command line: what there is, what each means, and which values are refused."""

import argparse
from collections.abc import Callable

from chatserver import __version__
from chatserver.cli import import_arguments
from chatserver.config import ConfigError
from chatserver.core.user_ids import is_user_id
from chatserver.ops import demo
from chatserver.sessions import LONGEST_LIFETIME

MOST_WORKERS = 512
_DAY = 86_400
_EXIT_CODES = """\
Exit codes: 0 it is done; 1 it could not be done (the database is away, the port is taken);
2 an argument or a variable is wrong."""


def parser() -> argparse.ArgumentParser:
    """Make the parser of `chatserver`; `command` is the name of the command that was chosen."""
    parser = argparse.ArgumentParser(
        prog="chatserver",
        description="The chat back end beside your application.",
        epilog=f"Settings are environment variables: README.md has them all.\n{_EXIT_CODES}\n\n"
        "Each command explains its options: chatserver serve --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"chatserver {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for add in (_serve, _migrate, _import, _search, _token, _vapid, _doctor, _reference):
        add(commands)
    return parser


def check(arguments: argparse.Namespace) -> None:
    """Look at the values of arguments that were parsed, before anything is started.

    Raises:
        ConfigError: one of them cannot be; the message names it and says what to write.
    """
    for name, least, most in _NUMBERS.get(arguments.command, ()):
        value = getattr(arguments, name)
        if value is not None and not least <= value <= most:
            raise ConfigError(f"--{name} must be a whole number from {least} to {most}")
    if arguments.command == "serve" and arguments.host is not None and not arguments.host.strip():
        raise ConfigError("--host is empty: write the address to listen on, such as 127.0.0.1")
    if arguments.command == "import":
        import_arguments.check_options(arguments)
    if arguments.command == "token" and not is_user_id(arguments.user):
        raise ConfigError(
            "USER cannot be the id of a user: write 1 to 64 characters, without control characters"
        )


_NUMBERS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "serve": (("port", 0, 65_535), ("workers", 1, MOST_WORKERS)),
    "doctor": (("workers", 1, 100_000),),
    "token": (("lifetime", 1, LONGEST_LIFETIME),),
}

_Commands = argparse._SubParsersAction  # the library has no public name for it
_Add = Callable[..., argparse.ArgumentParser]


def _command(
    commands: "_Commands[argparse.ArgumentParser]", name: str, doc: str, *, more: str, examples: str
) -> argparse.ArgumentParser:
    """Add a command whose --help shows `doc` and `more`, its options, and `examples`."""
    return commands.add_parser(
        name,
        help=doc,
        description=f"{doc[0].upper()}{doc[1:]}.\n\n{more}",
        epilog=f"examples:\n{examples}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _serve(commands: "_Commands[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "serve",
        "run the server",
        more="It runs until SIGTERM or SIGINT (Ctrl-C), and then tells its clients to reconnect before it ends.\n"
        "In development (APP_ENV=development) it migrates the database by itself, and runs a PostgreSQL\n"
        "of its own under .chatserver/ where no DATABASE_URL is set.",
        examples="  APP_ENV=development chatserver serve --demo\n"
        "  chatserver serve --host 127.0.0.1 --port 8080\n"
        "  REDIS_URL=redis://localhost:6379 chatserver serve --workers 4",
    )
    command.add_argument(
        "--host",
        help="the address to listen on (default: HOST; without it 0.0.0.0, in development 127.0.0.1)",
    )
    command.add_argument(
        "--port",
        type=int,
        help="the port to listen on, 0 for a free one (default: PORT; without it 3001)",
    )
    command.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help=f"how many processes share the port, 1 to {MOST_WORKERS}; more than 1 needs REDIS_URL (default: 1)",
    )
    command.add_argument(
        "--demo",
        action="store_true",
        help=f"make the users {', '.join(demo.USERS)} and some conversations of theirs, once, print a token "
        "for each, and let the app's page be each of them; in development only (default: off)",
    )


def _migrate(commands: "_Commands[argparse.ArgumentParser]") -> None:
    _command(
        commands,
        "migrate",
        "bring the database up to date",
        more="It applies the migrations that the database lacks, and says which. Running it again, or\n"
        "several at once, does no harm. Run it before the processes of a release start.",
        examples="  DATABASE_URL=postgresql://user:password@host:5432/name chatserver migrate",
    )


def _import(commands: "_Commands[argparse.ArgumentParser]") -> None:
    import_arguments.add_options(
        _command(
            commands,
            "import",
            "move an old chat database in",
            more=import_arguments.MORE,
            examples=import_arguments.EXAMPLES,
        )
    )


def _search(commands: "_Commands[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "search",
        "prepare what was said for search",
        more="`build` seals the texts of messages in segments, which make searches fast; without it the server\n"
        "builds those that searches miss. It may run beside the server, be ended at any time and be run again:\n"
        "what is there is passed over. Run it after `import`, and after CHAT_ENCRYPTION_KEY has changed.",
        examples="  chatserver search build",
    )
    command.add_argument("action", choices=("build",), metavar="ACTION", help="ACTION is build")


def _token(commands: "_Commands[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "token",
        "print a token for a user (for trying things out)",
        more="The token is signed with JWT_SECRET, or with the secret that the development server keeps in\n"
        ".chatserver/ in this directory. If the database can be asked and has no such user, the standard\n"
        "error says so.",
        examples="  chatserver token alice\n  chatserver token alice --lifetime 3600",
    )
    command.add_argument("user", metavar="USER", help="the user's id, 1 to 64 characters")
    command.add_argument(
        "--lifetime",
        type=int,
        default=_DAY,
        metavar="S",
        help=f"seconds until it expires, 1 to {LONGEST_LIFETIME} (default: {_DAY}, a day)",
    )


def _vapid(commands: "_Commands[argparse.ArgumentParser]") -> None:
    _command(
        commands,
        "vapid",
        "print a new pair of keys for Web Push",
        more="Push services know the server by it. All processes need the same pair, and\n"
        "VAPID_SUBJECT beside it. With another pair, browsers have to subscribe anew.",
        examples="  chatserver vapid",
    )


def _doctor(commands: "_Commands[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "doctor",
        "say what is wrong with this deployment, and how to mend it",
        more="It looks at the settings, the host, the database and Redis, and prints a line for each finding.\n"
        "The exit code is 1 if something has to be mended. It changes nothing.",
        examples="  chatserver doctor\n  chatserver doctor --workers 8",
    )
    command.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="how many processes will run, on all machines together (default: 1)",
    )


def _reference(commands: "_Commands[argparse.ArgumentParser]") -> None:
    command = _command(
        commands,
        "reference",
        "write the reference, the OpenAPI and AsyncAPI documents, the TypeScript types, alerts and a dashboard",
        more="It writes docs/, client/ and deploy/ into DIRECTORY as the tables of the source have them.",
        examples="  chatserver reference /tmp/chat-reference\n  chatserver reference --check",
    )
    command.add_argument(
        "directory",
        nargs="?",
        metavar="DIRECTORY",
        help="where to write, made if it is missing (default: chatserver's own repository, when "
        "called within it; needed everywhere else)",
    )
    command.add_argument(
        "--check",
        action="store_true",
        help="write nothing, and fail where the files differ (default: off)",
    )
