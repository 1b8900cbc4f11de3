"""The arguments of ``chatserver import``."""

import argparse
import re
from collections.abc import Mapping

from chatserver.config import ConfigError

SYSTEMS = ("messaging", "marketplace")
KEY_VARIABLE = "CHAT_ENCRYPTION_KEY_OLD"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")

MORE = """\
It reads an old chat database (messaging or marketplace) and writes conversations, messages, reactions, pins,
blocks, roles and what everybody has read into the database of DATABASE_URL. Each conversation comes whole or
not at all, so it may be ended at any time and run again: what is there is passed over. In the end it reports
how many rows of each table were carried, and which were not and why. docs/MOVING.md has the order of steps.
A password in URL can be seen in the list of processes: leave it out, and put it in ~/.pgpass or PGPASSWORD."""
EXAMPLES = """\
  chatserver import messaging --from postgresql://reader@old-host:5432/chat --dry-run
  chatserver import messaging --from postgresql://reader@old-host:5432/chat --table groups=public.rooms
  chatserver import marketplace --from 'postgresql://reader@host/shop?options=-csearch_path%3Dpublic'"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``import`` to its parser."""
    command.add_argument(
        "system", choices=SYSTEMS, metavar="SYSTEM", help="SYSTEM is messaging or marketplace"
    )
    command.add_argument(
        "--from",
        dest="url",
        required=True,
        metavar="URL",
        help="the old database, which is only read (default: none, it must be given)",
    )
    command.add_argument(
        "--key-env",
        default=KEY_VARIABLE,
        metavar="NAME",
        help="the variable that holds the CHAT_ENCRYPTION_KEY of the old server, for encrypted messages "
        f"(default: {KEY_VARIABLE})",
    )
    command.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="TABLE",
        help="what the old database calls a table of the documents, as NAME=TABLE, or NAME= if it has none; "
        "may be given several times (default: the documented names)",
    )
    command.add_argument(
        "--timezone",
        default="UTC",
        metavar="ZONE",
        help="the time zone of times that the old database keeps without one (default: UTC)",
    )
    command.add_argument(
        "--dry-run",
        action="store_true",
        help="read everything, write nothing, and report (default: off)",
    )


def check_options(arguments: argparse.Namespace) -> None:
    """Look at the options of ``import``.

    Raises:
        ConfigError: one of them cannot be.
    """
    if not _VARIABLE.fullmatch(arguments.key_env):
        raise ConfigError("--key-env must be the name of a variable, and never the key itself")
    for given in arguments.table:
        if not given.partition("=")[1]:
            raise ConfigError("--table must be NAME=TABLE, such as --table groups=public.rooms")


def named_tables(arguments: argparse.Namespace) -> Mapping[str, str]:
    """Return the tables that were named, by what the documents call them."""
    pairs = (given.partition("=") for given in arguments.table)
    return {name.strip(): table.strip() for name, _, table in pairs}
