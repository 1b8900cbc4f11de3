import itertools
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.core import ids
from chatserver.core.ids import uuid7

# RFC 9562, appendix A.6: 2022-02-22T19:22:22Z
EXAMPLE_MS = 0x017F22E279B0
EXAMPLE = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock in milliseconds that stands where the test puts it, and a fresh generator."""
    now = [EXAMPLE_MS]
    monkeypatch.setattr(time, "time_ns", lambda: now[0] * 1_000_000 + 999_999)
    monkeypatch.setattr(ids, "_generator", ids._Generator())
    return now


def test_layout(clock: list[int]) -> None:
    """An id has the time in its first 48 bits, then version 7, and the variant of the RFC."""
    made = uuid7()
    assert made.int >> 80 == EXAMPLE_MS
    assert made.version == 7
    assert made.variant == RFC_4122


def test_known_answer(clock: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The random bits of the RFC's example give the RFC's example."""
    bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    monkeypatch.setattr(os, "urandom", lambda n: (bits << 6).to_bytes(10, "big").ljust(n, b"\0"))
    assert uuid7() == EXAMPLE


def test_increase_within_a_millisecond(clock: list[int]) -> None:
    """Ids of one millisecond strictly increase, also as text, and stay in it."""
    made = [uuid7() for _ in range(5_000)]
    assert all(a < b and str(a) < str(b) for a, b in itertools.pairwise(made))
    assert {one.int >> 80 for one in made} == {EXAMPLE_MS}
    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {RFC_4122}


@given(st.lists(st.integers(min_value=-5_000, max_value=5_000), max_size=50))
def test_increase_whatever_the_clock_does(jumps: list[int]) -> None:
    """Ids strictly increase when the clock stands, jumps or steps back."""
    with pytest.MonkeyPatch.context() as patch:
        now = EXAMPLE_MS
        patch.setattr(time, "time_ns", lambda: now * 1_000_000)
        generator = ids._Generator()
        made = [generator.next()]
        for jump in jumps:
            now += jump
            made.append(generator.next())
    assert all(a < b for a, b in itertools.pairwise(made))


def test_follow_the_clock(clock: list[int]) -> None:
    """A later millisecond gives its own time, with random bits of its own."""
    first = uuid7()
    clock[0] += 1
    second = uuid7()
    assert second.int >> 80 == EXAMPLE_MS + 1
    assert second.int & ids._LOW_62 != first.int & ids._LOW_62


def test_random_bits_run_over(clock: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """When the random bits are used up the next id borrows the next millisecond."""
    monkeypatch.setattr(os, "urandom", lambda n: b"\xff" * n)
    first, second, third = uuid7(), uuid7(), uuid7()
    assert first.int >> 80 == EXAMPLE_MS
    assert first < second < third
    assert second.int >> 80 == EXAMPLE_MS + 1
    assert second.version == 7
    assert second.variant == RFC_4122


def test_threads() -> None:
    """No id is made twice when several threads ask at once."""
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: [uuid7() for _ in range(2_000)], range(8)))
    assert len({one for batch in batches for one in batch}) == 16_000
    assert all(batch == sorted(batch) for batch in batches)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other tests' threads
def test_fork() -> None:
    """A forked child makes other ids than its parent, even with the parent's lock held."""
    uuid7()  # the buffer of random bits is now partly used
    read, write = os.pipe()
    ids._generator._lock.acquire()
    try:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(5)  # ends a child that waits for the parent's lock
            try:
                os.write(write, b"".join(uuid7().bytes[6:] for _ in range(20)))
            finally:
                os._exit(0)
    finally:
        ids._generator._lock.release()
    os.close(write)
    os.waitpid(child, 0)
    theirs = os.read(read, 1_000)
    os.close(read)
    assert len(theirs) == 200
    ours = {uuid7().bytes[6:] for _ in range(20)}
    assert ours.isdisjoint(theirs[i : i + 10] for i in range(0, 200, 10))
