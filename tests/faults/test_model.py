"""The model checker: a history that a correct server shows is let pass, and each wrong one is caught."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.history import Acked, Asked, Began, Entered, Pushed, Reloaded, Shown, Step
from tests.faults.model import Row, Stored, judged

_ONE, _TWO = (Began("ann", "c", name) for name in ("one", "two"))
_ASKED, _RELOADING, _AGAIN = Asked("ben/a", "c"), Asked("ben/b", "c"), Asked("ben/b", "c")
_OWNERS = {"ann/a": "ann", "ben/a": "ben", "ben/b": "ben"}
# Ann writes twice; one of Ben's devices is cut and resumes, the other has to reload.
_RIGHT: tuple[Step, ...] = (
    *(Entered(device) for device in _OWNERS),
    *(Pushed(device, "c", 1, None) for device in _OWNERS),
    _ONE,
    Acked("ann/a", _ONE, "m1", 2),
    Pushed("ann/a", "c", 2, "m1"),
    Pushed("ben/a", "c", 2, "m1"),
    _TWO,
    _ASKED,
    Acked("ann/a", _TWO, "m2", 3),
    Shown(_ASKED, 2),
    Pushed("ann/a", "c", 3, "m2"),
    Entered("ben/a"),
    Pushed("ben/a", "c", 2, "m1"),
    Pushed("ben/a", "c", 3, "m2"),
    Entered("ben/b", ("c",)),
    _RELOADING,
    Reloaded(_RELOADING, ("m1", "m2")),
)
_STORED = Stored(
    rows=[Row("m1", "c", 2, "ann", "one"), Row("m2", "c", 3, "ann", "two")],
    last={"c": 3},
    logged={"c": [1, 2, 3]},
    members={("c", "ann"): [(1, None)], ("c", "ben"): [(1, None)]},
)
_Bug = Callable[[list[Step], Stored], Stored]


def test_a_right_history_breaks_no_promise() -> None:
    """Acks, pushes, a resumed and a reloaded device, and a look meanwhile, are what a correct server shows."""
    assert judged(_RIGHT, _STORED, _OWNERS) == {}


def _ack_without_a_row(_: list[Step], stored: Stored) -> Stored:
    return replace(stored, rows=stored.rows[:1], last={"c": 2}, logged={"c": [1, 2]})


def _ack_of_another_place(steps: list[Step], stored: Stored) -> Stored:
    steps[steps.index(Acked("ann/a", _TWO, "m2", 3))] = Acked("ann/a", _TWO, "m2", 4)
    return stored


def _one_send_twice(_: list[Step], stored: Stored) -> Stored:
    again = Row("m3", "c", 4, "ann", "one")
    return replace(stored, rows=[*stored.rows, again], last={"c": 4}, logged={"c": [1, 2, 3, 4]})


def _two_acks_for_one(steps: list[Step], stored: Stored) -> Stored:
    steps.append(Acked("ann/a", _ONE, "m2", 3))
    return stored


def _hole_in_the_log(_: list[Step], stored: Stored) -> Stored:
    return replace(stored, logged={"c": [1, 3]})


def _told_what_never_was(steps: list[Step], stored: Stored) -> Stored:
    steps.append(Pushed("ben/a", "c", 4, "m9"))
    return replace(stored, last={"c": 4}, logged={"c": [1, 2, 3, 4]})


def _two_at_one_place(steps: list[Step], stored: Stored) -> Stored:
    steps[steps.index(Pushed("ann/a", "c", 3, "m2"))] = Pushed("ann/a", "c", 3, "m1")
    return stored


def _before_what_was_acked(steps: list[Step], stored: Stored) -> Stored:
    # The second send begins after the first one's ack, and is put before it.
    acks = [Acked("ann/a", _ONE, "m1", 3), Acked("ann/a", _TWO, "m2", 2)]
    steps[:] = [Entered("ann/a"), _ONE, acks[0], _TWO, acks[1]]
    rows = [Row("m2", "c", 2, "ann", "two"), Row("m1", "c", 3, "ann", "one")]
    return replace(stored, rows=rows)


def _late(steps: list[Step], stored: Stored) -> Stored:
    for device in ("ann/a", "ben/a"):
        first, second = Pushed(device, "c", 2, "m1"), Pushed(device, "c", 3, "m2")
        steps[:] = [step for step in steps if step not in (first, second)]
        steps += [second, first]
    return stored


def _twice_to_one_connection(steps: list[Step], stored: Stored) -> Stored:
    steps.append(Pushed("ben/a", "c", 3, "m2"))
    return stored


def _older_than_was_seen(steps: list[Step], stored: Stored) -> Stored:
    steps[steps.index(Shown(_ASKED, 2))] = Shown(_ASKED, 1)
    return stored


def _reloaded_an_older_state(steps: list[Step], stored: Stored) -> Stored:
    steps += [
        Pushed("ben/b", "c", 3, "m2"),
        Entered("ben/b", ("c",)),
        _AGAIN,
        Reloaded(_AGAIN, ("m1",)),
        Pushed("ben/b", "c", 3, "m2"),
    ]
    return stored


def _never_told(steps: list[Step], stored: Stored) -> Stored:
    steps.remove(Pushed("ann/a", "c", 3, "m2"))
    return stored


def _never_reloaded(steps: list[Step], stored: Stored) -> Stored:
    steps.pop()
    return stored


def _told_a_stranger(_: list[Step], stored: Stored) -> Stored:
    return replace(stored, members={("c", "ann"): [(1, None)], ("c", "ben"): [(1, 2)]})


_BUGS: tuple[tuple[_Bug, dict[str, int]], ...] = (
    (_ack_without_a_row, {"lost": 1, "phantom": 3, "trespass": 2}),
    (_ack_of_another_place, {"lost": 1}),
    (_one_send_twice, {"doubled": 1, "missed": 3}),
    (_two_acks_for_one, {"lost": 1, "doubled": 1}),
    (_hole_in_the_log, {"gaps": 1}),
    (_told_what_never_was, {"phantom": 1, "missed": 2}),
    (_two_at_one_place, {"two orders": 1}),
    (_before_what_was_acked, {"two orders": 1, "missed": 9}),
    (_late, {"disorder": 2}),
    (_twice_to_one_connection, {"repeated": 1}),
    (_older_than_was_seen, {"stale": 1}),
    (_reloaded_an_older_state, {"stale": 1}),
    (_never_told, {"missed": 1}),
    (_never_reloaded, {"missed": 3}),
    (_told_a_stranger, {"trespass": 2}),
)


@pytest.mark.parametrize(("bug", "found"), _BUGS, ids=lambda it: getattr(it, "__name__", ""))
def test_each_bug_is_caught(bug: _Bug, found: dict[str, int]) -> None:
    """A history with one bug in it is told by the promises that the bug breaks, and by no other."""
    steps = [*_RIGHT]
    stored = bug(steps, _STORED)
    assert judged(steps, stored, _OWNERS) == found


def test_doors_that_say_no_seqs_are_judged_by_ids() -> None:
    """A device that is told of messages alone, by their ids, must have each of them, in the order of the log."""
    owners = {"ben/m~": "ben"}
    told = [Entered("ben/m~"), *(Pushed("ben/m~", "c", None, found) for found in ("m1", "m2"))]
    assert judged(told, _STORED, owners) == {}
    assert judged([told[0], told[2], told[1]], _STORED, owners) == {"disorder": 1}
    assert judged(told[:2], _STORED, owners) == {"missed": 1}
