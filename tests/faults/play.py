"""Plays scenarios, and keeps what came of them."""

from dataclasses import dataclass

from tests.faults.cluster import Cluster
from tests.faults.fleet import Fleet
from tests.faults.judge import Verdict
from tests.faults.scenarios import Form, Observed
from tests.faults.table import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one scenario. Times are seconds.

    Args:
        slowest_answer: of any attempt to send.
        slowest_receipt: from an ack to the arrival at a device that was connected all the while.
        longest_silence: without an ack to anybody, under load.
    """

    scenario: Scenario
    form: Form
    sent: int
    acked: int
    verdict: Verdict
    observed: Observed
    retries: dict[str, int]
    slowest_answer: float
    slowest_receipt: float
    longest_silence: float

    @property
    def broken(self) -> Verdict:
        """The promises that were broken, but for those that the scenario lets go."""
        return {
            name: count for name, count in self.verdict.items() if name not in self.scenario.excused
        }

    def late(self) -> list[str]:
        """The promises about time that were not kept: a noisy machine may break them, a quiet one does not."""
        limits = (
            ("an answer", self.slowest_answer, 5.0),
            ("a receipt", self.slowest_receipt, self.scenario.receipts),
            ("the recovery", self.observed.recovery, self.scenario.recovers),
        )
        return [
            f"{self.scenario.name}: {what} took {took:.1f} s of {limit:.0f}"
            for what, took, limit in limits
            if limit is not None and took > limit
        ]


async def play(cluster: Cluster, scenario: Scenario, form: Form) -> Result:
    """Play one scenario with people of its own, and judge it."""
    await cluster.heal()
    fleet = Fleet(cluster, form.pairs, scenario.doors)
    try:
        await fleet.gather()
        observed = await scenario.play(fleet, form)
        await fleet.settle()
        verdict = await fleet.judged()
    finally:
        await fleet.disperse()
    history = fleet.history
    return Result(
        scenario=scenario,
        form=form,
        sent=len(history.sends),
        acked=len(history.sends) - len(history.unacked()),
        verdict=verdict,
        observed=observed,
        retries=dict(history.retries),
        slowest_answer=history.slowest_answer,
        slowest_receipt=history.slowest_receipt,
        longest_silence=history.longest_silence,
    )
