"""What the examples of the reference speak of, made real."""

from dataclasses import dataclass
from typing import Any

from chatserver.schemas import examples
from tests.conftest import Connect, User, token_for
from tests.support.device import Device
from tests.support.files import begun, put
from tests.support.groups import create
from tests.support.talks import opened, said

# Another device than the one that an example adds.
_SUBSCRIPTION = {
    "endpoint": "https://push.example.net/send/another",
    "keys": {
        "p256dh": "BGgS90tZ1Ox5r9ZVoegGcY6YBiZ1U_3hkt9ieszd0RPSzAQEiCVoNzp4J491OEuzFeKxMzfOil8XBfd14qWRx00",
        "auth": "rkSKyGxOjk3sZFcpcI70GA",
    },
}


@dataclass(frozen=True, slots=True)
class World:
    """Alice, who asks, with Bob and Carol, and the real ids of what she has."""

    alice: Device
    bob: Device
    carol: Device
    ids: dict[str, str]

    def real(self, value: Any) -> Any:
        """An example with the real ids in it."""
        if isinstance(value, dict):
            return {name: self.real(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.real(part) for part in value]
        return self.ids.get(value, value) if isinstance(value, str) else value


async def made_real(
    connect: Connect, alice: User, bob: User, carol: User, url: str | None = None
) -> World:
    """A direct conversation with a message of each, two groups of Alice's and one of Bob's."""
    a, b, c = [await connect(user, url) for user in (alice, bob, carol)]
    conversation = await opened(a, bob)
    theirs = await said(b, conversation, "Hello")
    own = await said(a, conversation, "Hello yourself")
    added = await a.do("push:device_add", provider="webpush", subscription=_SUBSCRIPTION)
    file = await begun(a, conversation, 5)
    assert (await put(a.url, file, b"bytes")).status == 200
    ids = {
        examples.FILE: file["file"]["id"],
        examples.DEVICE: added["device"]["id"],
        examples.CONVERSATION: conversation,
        examples.MESSAGE: theirs["id"],
        examples.OWN_MESSAGE: own["id"],
        examples.GROUP: await create(a, bob),
        examples.OTHER_GROUP: await create(a, bob),
        examples.BOBS_GROUP: await create(b, alice),
        # It expires so soon that who goes on with it is told at once.
        examples.TOKEN: token_for(alice.id, lifetime=50),
        examples.BOB: bob.id,
        examples.CAROL: carol.id,
    }
    for device in (a, b, c):
        await device.settled()
    return World(a, b, c, ids)
