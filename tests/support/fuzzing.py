"""What no client would send, for hypothesis, and the same of it in every run."""

import json
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.json_values import VALUES

_T = TypeVar("_T")


def drawn(strategy: st.SearchStrategy[_T], most: int) -> list[_T]:
    """Up to so many examples of a strategy, for a test that cannot be played anew for each."""
    found: list[_T] = []

    @given(strategy)
    @settings(
        max_examples=most,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def draw(example: _T) -> None:
        found.append(example)

    draw()
    return found


@st.composite
def mutated(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """Something valid that was cut, doubled, changed, or mixed with something else that is."""
    data = draw(valid)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 20)))
        data = draw(
            st.sampled_from(
                (
                    data[:start],
                    data[:start] + data[end:],
                    data[:end] + data[start:],
                    data[:start] + draw(st.binary(max_size=4)) + data[end:],
                    data[:start] + draw(valid),
                )
            )
        )
    return data


# JSON as clients write it, and what is none any more. With lone surrogates, NaN and numbers of any size.
JSON = VALUES.map(lambda value: json.dumps(value).encode())
BROKEN_JSON = mutated(JSON)
