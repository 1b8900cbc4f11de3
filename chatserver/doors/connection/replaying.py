"""Tells a client what it missed, and what was pushed meanwhile, before its session is on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import aclosing

from chatserver.core.slices import in_slices
from chatserver.delivery import Delivery, Frame, Gap, frame_of
from chatserver.doors.connection.device import Device
from chatserver.doors.connection.door import Door
from chatserver.doors.connection.gathering import Gathering
from chatserver.log import Plan, Recovery


class Replaying:
    """Brings clients up to date, as fast as they read; live events wait their turn."""

    def __init__(self, recovery: Recovery, delivery: Delivery) -> None:
        self._recovery = recovery
        self._delivery = delivery

    async def attach(self, device: Device, plan: Plan) -> list[Gap] | None:
        """Put a client into its rooms. Returns its gaps in them; None where it cannot be told what they are."""
        device.had = {missed.room: missed.up_to for missed in plan.missed}
        async for rooms in in_slices(plan.left_out):
            device.resync.update(rooms)
        gaps: list[Gap] = []
        async for positions in in_slices(plan.positions):
            if device.gone:
                return []
            for room, seq in positions:
                if self._delivery.stands_elsewhere(device, room, seq):
                    device.had[room] = seq
            gaps += self._delivery.attach(device, positions, plan.direct)
        return gaps if self._delivery.arrived(device) else None

    async def catch_up(
        self,
        door: Door,
        device: Device,
        plan: Plan,
        gaps: Sequence[Gap],
        gathering: Gathering | None,
    ) -> tuple[Counter[str], bool]:
        """Send a client what it missed, and all that was pushed since.

        Args:
            gathering: what takes it, until that is enough, rather than its being sent by itself.

        Returns:
            How many events of each room it had missed; and whether anything durable was pushed since.

        Raises:
            ChatError: UNAVAILABLE
        """
        send = _Sender(device, gathering)
        replayed = await self._replay(device, plan, send, with_about=door.tells_about)
        for gap in gaps:
            await self._close_gap(device, gap, send)
        await self._delivery.caught_up_for(device)
        if door.tells_read_states:
            async for frames in self._recovery.read_states(device.user_id, plan, replayed):
                await send(frames)
        return replayed, await self._send_held(device, send)

    async def _replay(
        self, device: Device, plan: Plan, send: "_Sender", *, with_about: bool
    ) -> Counter[str]:
        """Send what was missed. Returns how many events of each room that was."""
        replayed: Counter[str] = Counter()
        replay = self._recovery.replay(device.user_id, plan, with_about=with_about)
        async with aclosing(replay) as pages:
            async for events in pages:
                frames = [frame_of(event, device.user_id) for event in events]
                await send(frames)
                if device.gone:
                    break
                replayed.update(event.room for event in events)
        return replayed

    async def _close_gap(self, device: Device, gap: Gap, send: "_Sender") -> None:
        to_reload = gap.room in device.resync
        async for frames in self._delivery.missed(device, gap):
            had = device.had.get(gap.room, 0)
            if not to_reload:
                await send([frame for frame in frames if frame.seq > had])

    async def _send_held(self, device: Device, send: "_Sender") -> bool:
        """Send what was pushed meanwhile, until there is no more. Returns whether anything durable was."""
        durable = False
        while not device.gone:
            if frame := device.next_held():
                durable = durable or frame.room is not None
                await send((frame,))
            elif device.unheld:
                durable = True
                room, (after, up_to) = next(iter(device.unheld.items()))
                await self._close_gap(device, Gap(room, after, up_to), send)
                # At once: what comes from now on is held, and stands behind what was just read.
                del device.unheld[room]
            elif device.line.is_half_full:
                await device.line.room()
                if device.line.is_half_full:
                    break  # it is gone, which its session is about to hear
            else:
                break
        return durable


class _Sender:
    """Sends a client what comes before its session is on, as fast as it reads."""

    def __init__(self, device: Device, gathering: Gathering | None) -> None:
        self._device = device
        self._gathering = gathering

    async def __call__(self, frames: Iterable[Frame]) -> None:
        """Send pushes, or have them gathered."""
        device, gathering = self._device, self._gathering
        for frame in frames:
            if device.line.is_half_full:
                await device.line.room()
            if device.gone:
                return
            if gathering is None or gathering.done:
                device.send_early(frame)
            else:
                gathering.add(frame)
