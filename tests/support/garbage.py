"""What only the garbage collector would find."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web


@contextmanager
def garbage(*kinds: type) -> Iterator[Callable[[], list[type]]]:
    """Keep the collector off; gives what finds the kinds of what it would have, of what is made meanwhile.

    HTTP requests and responses are looked for besides `kinds`.
    """

    def found() -> list[type]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        gc.set_debug(0)
        ours = (*kinds, web.BaseRequest, web.StreamResponse)
        kept = [type(waste) for waste in gc.garbage if isinstance(waste, ours)]
        gc.garbage.clear()
        return kept

    gc.collect()
    gc.disable()
    try:
        yield found
    finally:
        gc.enable()
