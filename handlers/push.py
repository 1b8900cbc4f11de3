"""``push:*``"""

from chatserver.core.caller import Caller
from chatserver.push import Devices
from chatserver.schemas.base import Empty
from chatserver.schemas.push import PushDeviceAdd, PushDeviceGiven, PushDeviceRemove, PushDevices


async def device_add(caller: Caller, cmd: PushDeviceAdd, devices: Devices) -> PushDeviceGiven:
    """Add a device of the caller's."""
    return PushDeviceGiven(device=await devices.add(caller, cmd))


async def device_list(caller: Caller, _: Empty, devices: Devices) -> PushDevices:
    """Return the caller's devices."""
    return PushDevices(devices=await devices.all(caller))


async def device_remove(caller: Caller, cmd: PushDeviceRemove, devices: Devices) -> None:
    """Remove a device of the caller's."""
    await devices.remove(caller, cmd.device_id)
