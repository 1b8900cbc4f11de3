"""Each scenario of `make faults`, in a short form."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.faults.clusters import Clusters, local_cluster
from tests.faults.fleet import Fleet
from tests.faults.history import Pushed
from tests.faults.play import play
from tests.faults.table import SCENARIOS, Scenario


@pytest.fixture(scope="module")
async def clusters() -> AsyncIterator[Clusters]:
    """Clusters that may be hurt, one at a time."""
    running = Clusters()
    yield running
    await running.close()


async def test_the_judge_sees_what_is_wrong(clusters: Clusters) -> None:
    """What the database lost, and a push that a device had twice, are found in a history that was right."""
    cluster = await clusters.of(local_cluster)
    fleet = Fleet(cluster, 1)
    try:
        await fleet.gather()
        client, other, conversation = fleet.pairs[0]
        for _ in range(4):
            await fleet.post(client, conversation)
        await fleet.settle()
        assert await fleet.judged() == {}
        last = next(s for s in reversed(fleet.history.steps) if isinstance(s, Pushed))
        fleet.history.steps.append(last)
        connection = await asyncpg.connect(cluster.postgres.dsn)
        await connection.execute(
            "DELETE FROM events WHERE stream_id = $1::text::uuid AND seq = 3", conversation
        )
        await connection.execute(
            "DELETE FROM messages WHERE conversation_id = $1::text::uuid AND seq = 3", conversation
        )
        await connection.close()
        devices = len(
            [
                device
                for device in fleet.clients
                if device.user_id in (client.user_id, other.user_id)
            ]
        )
        assert await fleet.judged() == {"lost": 1, "gaps": 1, "phantom": devices, "repeated": 1}
    finally:
        await fleet.disperse()


@pytest.mark.parametrize(
    "scenario", [each for each in SCENARIOS if each.short], ids=lambda scenario: scenario.name
)
async def test_every_promise_holds(clusters: Clusters, scenario: Scenario) -> None:
    """Whatever befalls the cluster: all is acked in the end, and nothing is lost, doubled or disordered."""
    assert scenario.short is not None
    result = await play(await clusters.of(scenario.cluster), scenario, scenario.short)
    assert result.broken == {}
    assert result.acked == result.sent > 0
