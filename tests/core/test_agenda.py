"""What is due when."""

from hypothesis import given
from hypothesis import strategies as st

from chatserver.core.agenda import Agenda

_KEYS = st.sampled_from("abcdef")
_TIMES = st.integers(0, 20)
_STEPS = st.one_of(
    st.tuples(st.just("set"), _KEYS, _TIMES),
    st.tuples(st.just("drop"), _KEYS, st.none()),
    st.tuples(st.just("take"), st.none(), _TIMES),
)


@given(st.lists(_STEPS, max_size=60))
def test_each_key_is_due_once_at_its_last_time(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is set, set again and dropped: what is taken is what a plain table says is due, earliest first."""
    agenda, table = Agenda(), dict[str, int]()
    for step, key, when in steps:
        if step == "set":
            agenda.set(key, when)
            table[key] = when
        elif step == "drop":
            agenda.drop(key)
            table.pop(key, None)
        else:
            taken = list(agenda.take(when))
            assert sorted(taken) == sorted(k for k, at in table.items() if at <= when)
            times = [table.pop(key) for key in taken]
            assert times == sorted(times)
        assert len(agenda) == len(table)


def test_what_is_set_while_taking_may_be_due_too() -> None:
    """A key that is set again while it is being taken comes again if its new time has come."""
    agenda = Agenda()
    agenda.set("a", 1)
    seen = []
    for key in agenda.take(5):
        seen.append(key)
        if len(seen) < 3:
            agenda.set(key, len(seen) + 1)
    assert seen == ["a", "a", "a"]


def test_what_was_called_off_does_not_pile_up() -> None:
    """After 10,000 connections that came and went before anything was due, next to nothing is kept."""
    agenda = Agenda()
    for number in range(10_000):
        agenda.set(str(number), 86_400 + number)
        agenda.drop(str(number))
    assert len(agenda) == 0
    assert len(agenda._heap) < 200
