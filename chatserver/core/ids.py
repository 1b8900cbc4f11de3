"""Ids: of conversations and messages, which are UUIDs of version 7 (contract, section 1), and of sessions.

Those sort by the time they were made, so that new rows land together at the right edge of an index.
"""

from __future__ import annotations

import os
import time
from threading import Lock
from uuid import UUID

# A subclass of the standard library's, made and written in a tenth of its time; what asyncpg returns, too.
from asyncpg.pgproto.pgproto import UUID as FastUUID  # noqa: N811 - it is a class

_RANDOM_BITS = 74  # rand_a (12) and rand_b (62), RFC 9562 section 5.7
_LOW_62 = (1 << 62) - 1
_LOW_12 = (1 << 12) - 1
_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62


class _Source:
    """Hands out random bytes: one system call for some hundreds of ids.

    Unlike a nonce, a random bit of an id that was kept too long would give nothing away.
    """

    __slots__ = ("_random", "_used")

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def take(self, size: int) -> bytes:
        used = self._used
        if used + size > len(self._random):
            self._random = os.urandom(4096)
            used = 0
        self._used = used + size
        return self._random[used : used + size]


class _Generator:
    """Holds the last id without its fixed bits: 48 bits of milliseconds, then 74 random ones.

    Read as one number it only ever grows (RFC 9562 section 6.2, method 2): a new millisecond
    starts from fresh random bits; in the same one, or after the clock stepped back, it moves on
    by a random step. Should the random bits run over, the carry borrows the next millisecond.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0
        self._source = _Source()

    def next(self) -> UUID:
        with self._lock:
            milliseconds = time.time_ns() // 1_000_000
            if milliseconds > self._last >> _RANDOM_BITS:
                fresh = int.from_bytes(self._source.take(10), "big")
                last = milliseconds << _RANDOM_BITS | fresh >> 6
            else:
                # The step stays unguessable (32 bits) and is never zero.
                last = self._last + 1 + int.from_bytes(self._source.take(4), "big")
            self._last = last
        value = (
            last >> _RANDOM_BITS << 80
            | (last >> 62 & _LOW_12) << 64
            | last & _LOW_62
            | _VERSION_AND_VARIANT
        )
        return FastUUID(value.to_bytes(16, "big"))

    def random(self, size: int) -> bytes:
        with self._lock:
            return self._source.take(size)


_generator = _Generator()


def _start_over() -> None:
    """Give a forked child its own random bits, and a lock that no thread of the parent holds."""
    global _generator
    _generator = _Generator()


os.register_at_fork(after_in_child=_start_over)


def uuid7() -> UUID:
    """Make a UUID of version 7 (RFC 9562 section 5.7), larger than all this process made before."""
    return _generator.next()


def random_bytes(size: int) -> bytes:
    """Return random bytes for the id of a session, up to some hundreds; a key is made of `secrets`' own."""
    return _generator.random(size)
