"""Who is believed on the Redis channel, and how often."""

import uuid
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.core.crypto import Vault
from chatserver.delivery.bell.allowance import Allowance
from chatserver.delivery.bell.seal import WINDOW, BellSeal, Origin, bell_keys

OLD, NEW = (
    Vault(["an-old-secret-of-32-characters-!!"]),
    Vault(["a-newer-secret-of-32-characters-!"]),
)
ROTATED = Vault(["a-newer-secret-of-32-characters-!", "an-old-secret-of-32-characters-!!"])
KEYS = bell_keys(NEW, "socketio", "7-1-1")
MESSAGE = b"[]\n{}"


class Clock:
    """Time as a test wants it."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def seal(keys: Sequence[bytes] = KEYS, clock: Clock | None = None) -> BellSeal:
    """A process' seal."""
    return BellSeal(keys, uuid.uuid4().hex, clock or Clock())


def test_each_process_is_believed_once() -> None:
    """A message is a fellow's, or one's own, the first time that it is heard, and refused the second time."""
    speaks, hears = seal(), seal()
    first, second = speaks.sign(MESSAGE), speaks.sign(MESSAGE)
    assert hears.origin(first) == (Origin.FELLOW, MESSAGE)
    assert speaks.origin(first) == (Origin.OURSELVES, b"")
    # As where it was said on several channels.
    assert hears.origin(first) == (Origin.AGAIN, b"")
    assert hears.origin(second) == (Origin.FELLOW, MESSAGE)
    assert hears.origin(first) == (Origin.REFUSED, b"")
    assert hears.origin(MESSAGE) == (Origin.REFUSED, b"")


def test_each_lane_has_an_order_of_its_own() -> None:
    """What a process says on two ways to Redis may come in any order of the two."""
    speaks, hears = seal(), seal()
    said = [speaks.sign(MESSAGE, lane) for lane in (0, 1, 0, 1)]
    for number in (0, 2, 1, 3):
        assert hears.origin(said[number])[0] is Origin.FELLOW
    for number in (0, 1):
        assert hears.origin(said[number])[0] is Origin.REFUSED


def test_an_older_message_is_refused_after_a_newer_one() -> None:
    """Recorded messages of a process cannot be said again, in whatever order; what was lost is no matter."""
    speaks, hears = seal(), seal()
    recorded = [speaks.sign(MESSAGE) for _ in range(5)]
    assert hears.origin(recorded[1])[0] is Origin.FELLOW
    assert hears.origin(recorded[3])[0] is Origin.FELLOW
    for again in recorded[:4]:
        assert hears.origin(again)[0] is not Origin.FELLOW
    assert hears.origin(recorded[4])[0] is Origin.FELLOW


@pytest.mark.parametrize("seconds", [WINDOW + 1, -WINDOW - 1])
def test_a_message_of_another_time_is_refused(seconds: float) -> None:
    """What was recorded a while ago is not believed by a process that was not there then."""
    clock = Clock()
    signed = seal(clock=clock).sign(MESSAGE)
    clock.now += seconds
    assert seal(clock=clock).origin(signed)[0] is Origin.REFUSED
    clock.now -= seconds
    assert seal(clock=clock).origin(signed)[0] is Origin.FELLOW


@pytest.mark.parametrize(
    "keys",
    [
        bell_keys(OLD, "socketio", "7-1-1"),
        bell_keys(NEW, "another", "7-1-1"),
        bell_keys(NEW, "socketio", "7-1-2"),
        bell_keys(NEW, "socketio7", "-1-1"),
    ],
)
def test_a_signature_is_for_one_key_channel_and_history(keys: Sequence[bytes]) -> None:
    """Another secret, channel or history of the database is another signature."""
    assert seal().origin(seal(keys).sign(MESSAGE))[0] is Origin.REFUSED


def test_rotation() -> None:
    """Where a previous secret is configured, what is signed with it is believed."""
    old, both = bell_keys(OLD, "socketio", "e"), bell_keys(ROTATED, "socketio", "e")
    assert seal(both).origin(seal(old).sign(MESSAGE))[0] is Origin.FELLOW
    assert seal(both).origin(seal(both).sign(MESSAGE))[0] is Origin.FELLOW
    assert seal(old).origin(seal(both).sign(MESSAGE))[0] is Origin.REFUSED


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    """No byte of a signed message can be changed, taken out or added without its being refused or a stranger's."""
    hears, signed = seal(), seal().sign(b'["event",7]\n{"a":1}')
    at = data.draw(st.integers(0, len(signed) - 1))
    other = data.draw(st.binary(max_size=2).filter(lambda new: new != signed[at : at + 1]))
    changed = signed[:at] + other + signed[at + 1 :]
    assert hears.origin(changed)[0] in (Origin.REFUSED, Origin.AGAIN)
    # A forged number keeps nobody from being heard.
    assert hears.origin(signed)[0] is Origin.FELLOW


def test_memory_is_bounded() -> None:
    """However many processes come and go, only some are remembered; strangers never are."""
    clock = Clock()
    hears = seal(clock=clock)
    for n in range(2_500):
        clock.now += 1
        assert hears.origin(seal(clock=clock).sign(MESSAGE))[0] is Origin.FELLOW
        forged = b"%032x.9.%d.%032x\n%b" % (n, clock.now * 1000, n, MESSAGE)
        assert hears.origin(forged)[0] is Origin.REFUSED
    assert len(hears._heard) <= 2_000


def test_an_allowance_is_overdrawn_once() -> None:
    """Two seconds' worth may be used at once, the last of it overdrawn; then nothing until it is paid back."""
    clock = Clock()
    allowance = Allowance(10, clock)
    allowance.use(19)
    assert allowance.is_left()
    allowance.use(31)
    clock.now += 3
    assert not allowance.is_left()
    clock.now += 0.1
    assert allowance.is_left()
    unlimited = Allowance(0, clock)
    unlimited.use(1e9)
    assert unlimited.is_left()
