"""Each scenario of `make faults`, in a short form."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.faults.cluster import Cluster, local_cluster
from tests.faults.fleet import Fleet
from tests.faults.history import Send
from tests.faults.judge import Verdict, out_of_order
from tests.faults.play import play
from tests.faults.table import SCENARIOS, Scenario


@pytest.fixture(scope="module")
async def cluster() -> AsyncIterator[Cluster]:
    """Two processes, and a PostgreSQL and a Redis that may be hurt."""
    async with local_cluster() as running:
        yield running


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.play.__name__)
async def test_every_promise_holds(cluster: Cluster, scenario: Scenario) -> None:
    """Whatever befalls the cluster: all is acked in the end, and nothing is lost, doubled or disordered."""
    result = await play(cluster, scenario, scenario.short)
    assert result.verdict == Verdict()
    assert result.acked == result.sent > 0


def test_the_judge_sees_disorder() -> None:
    """A push that comes after a later one counts, unless it came before it already."""
    assert out_of_order([1, 2, 3, 2, 3, 4]) == 0
    assert out_of_order([1, 3, 2, 4]) == 1


async def test_the_judge_sees_what_is_wrong(cluster: Cluster) -> None:
    """A lost message, one that was acked twice, a gap, a late push, a missed one and one too many all count."""
    await cluster.heal()
    fleet = Fleet(cluster, 1)
    try:
        await fleet.gather()
        client, other, conversation = fleet.pairs[0]
        for _ in range(4):
            await fleet.post(client, conversation)
        await fleet.settle()
        assert await fleet.judged() == Verdict()
        history = fleet.history
        history.sends["never"] = Send(client.user_id, conversation, "never", {("no message", 9)})
        next(iter(history.sends.values())).acks.add(("another message", 9))
        history.receipts[client.name, conversation][:] = [1, 3, 2, 4, 5, 6]
        history.receipts[other.name, conversation].remove(3)
        connection = await asyncpg.connect(cluster.postgres.dsn)
        await connection.execute(
            "DELETE FROM events WHERE stream_id = $1::text::uuid AND seq = 3", conversation
        )
        await connection.close()
        assert await fleet.judged() == Verdict(
            lost=2, duplicates=1, gaps=1, disorder=1, missed=1, trespasses=1
        )
    finally:
        await fleet.disperse()
