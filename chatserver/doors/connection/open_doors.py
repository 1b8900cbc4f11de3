"""Counts and closes the connections of all doors in one place."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from chatserver.core.tally import Traffic
from chatserver.doors.connection.reception import Reception


class Carrier(Protocol):
    """What carries the connections of a door."""

    @property
    def transports(self) -> int:
        """How many are open, with a session or without."""

    @property
    def carried(self) -> Traffic:
        """What they have carried so far."""

    def close_all(self) -> None:
        """Close every connection, once what is queued for it has gone out. Does not wait for that."""

    def abort_all(self) -> None:
        """Cut off those who are still there."""


class OpenDoors:
    """The doors of a process that have lasting connections: they take leave together."""

    def __init__(self, reception: Reception, carriers: Sequence[Carrier]) -> None:
        self._reception = reception
        self._carriers = carriers

    @property
    def transports(self) -> int:
        """How many transports are open, with a session or without."""
        return sum(carrier.transports for carrier in self._carriers)

    @property
    def traffic(self) -> Traffic:
        """What all transports have carried."""
        total = Traffic()
        for carried in (carrier.carried for carrier in self._carriers):
            total.sent += carried.sent
            total.received += carried.received
            total.aborted += carried.aborted
        return total

    async def drain(self, spread: float) -> None:
        """Ask every client to come back at a random time within `spread` seconds, and close it.

        What is queued for it still goes out; that is not waited for.
        """
        self._reception.say_draining(spread)
        for carrier in self._carriers:
            carrier.close_all()

    async def closed(self, within: float) -> None:
        """Wait until every transport is closed; those that are not `within` seconds are cut off."""
        deadline = asyncio.get_running_loop().time() + within
        # Asked now and then, at the end of a process; an event would have to be kept up all its life.
        while (  # noqa: ASYNC110
            self.transports and asyncio.get_running_loop().time() < deadline
        ):
            await asyncio.sleep(0.02)
        for carrier in self._carriers:
            carrier.abort_all()
