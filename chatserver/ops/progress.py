"""How far long work is, for people who watch it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Shows what is done."""

    def update(self, n: int) -> object:
        """Add `n` messages that were worked on."""


class _Silent:
    def update(self, n: int) -> None:
        pass


@contextmanager
def progress(total: int) -> Iterator[Progress]:
    """Show a bar on the standard error if that is a terminal, and nothing otherwise.

    Args:
        total: how many messages there are.
    """
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=" messages", unit_scale=True, dynamic_ncols=True) as bar:
        yield bar
