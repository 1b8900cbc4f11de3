"""What is not played somewhere is a scenario, and there is a reason."""

import pytest

from tests.scenarios import test_coming_back, test_talking, test_the_end
from tests.scenarios.conftest import WAYS

_SCENARIOS = {
    name
    for module in (test_coming_back, test_talking, test_the_end)
    for name in vars(module)
    if name.startswith("test_")
}


@pytest.mark.parametrize("door", WAYS)
def test_what_a_door_lacks(door: str) -> None:
    """Whatever a door has no word for is one of the scenarios, some of which are played at every door."""
    lacks = WAYS[door].lacks
    assert set(lacks) < _SCENARIOS
    assert all(lacks.values())
