"""The command line: ``chatserver serve | migrate | import | token | doctor | reference``."""

from chatserver.cli.commands import main

__all__ = ["main"]
