"""Ends this process when the process that started it ends.

A parent that is killed cannot stop its children. So each child's standard input is a pipe whose other end
its parent alone holds, and never writes to: at the end of that pipe the parent is no more, on every system.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# What a worker has to tell its clients and finish, before it ends in any case.
_SECONDS = 8.0


@contextmanager
def lifeline() -> Iterator[int]:
    """Give the descriptor for children's standard input; it ends with the block, or with this process."""
    reading, writing = os.pipe()  # neither is inherited, but for what Popen is given as stdin
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def follow() -> None:
    """End this process when the one that holds the other end of the standard input has ended.

    First as SIGTERM does in a hurry, and where that takes too long, at once. From a thread, so that an event loop
    that is stuck, or does not run yet, is no hindrance.
    """
    threading.Thread(target=_follow, name="parent", daemon=True).start()


def _follow() -> None:
    while os.read(0, 1024):
        pass
    # Two different ones: two of a kind may arrive as one.
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
    time.sleep(_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
