"""Each scenario of `make faults`, in a short form."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.cluster import Cluster, local_cluster
from tests.faults.judge import Verdict, out_of_order
from tests.faults.play import play
from tests.faults.scenarios import SCENARIOS, Scenario


@pytest.fixture(scope="module")
async def cluster() -> AsyncIterator[Cluster]:
    """Two processes, and a PostgreSQL and a Redis that may be hurt."""
    async with local_cluster() as running:
        yield running


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.play.__name__[1:])
async def test_every_promise_holds(cluster: Cluster, scenario: Scenario) -> None:
    """Whatever befalls the cluster: all is acked in the end, and nothing is lost, doubled or disordered."""
    result = await play(cluster, scenario, scenario.short)
    assert result.verdict == Verdict()
    assert result.acked == result.sent > 0


def test_the_judge_sees_disorder() -> None:
    """A push that comes after a later one counts, unless it came before it already."""
    assert out_of_order([1, 2, 3, 2, 3, 4]) == 0
    assert out_of_order([1, 3, 2, 4]) == 1
