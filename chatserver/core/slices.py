"""Cuts long work into pieces, so that one person's many rows do not hold up everybody else."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

# About a millisecond's work, at two microseconds for each.
SLICE = 500


async def in_slices(items: Iterable[Item], size: int = SLICE) -> AsyncIterator[Sequence[Item]]:
    """Yield `items`, at most `size` of them in one turn of the event loop."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
        if len(part) == size:
            await asyncio.sleep(0)
