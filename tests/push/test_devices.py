"""Devices: one endpoint or token is one device, of whoever added it last, and no more than twenty."""

from typing import Any

import asyncpg
import pytest

from chatserver.schemas.examples import EXAMPLES
from tests.conftest import Connect, User
from tests.push.conftest import Notifying, Person
from tests.support.device import Device
from tests.support.http import request
from tests.support.push_services import Browser, PushServices
from tests.support.servers import VAPID_PUBLIC_KEY, Server, local_server

Pool = asyncpg.Pool


def _subscription(name: str) -> dict[str, Any]:
    return Browser(f"https://push.example.net/{name}").subscription


async def _add(device: Device, place: str, **more: Any) -> dict[str, Any]:
    ack = await device.do(
        "push:device_add", provider="webpush", subscription=_subscription(place), **more
    )
    added: dict[str, Any] = ack["device"]
    return added


async def _listed(device: Device) -> list[dict[str, Any]]:
    devices: list[dict[str, Any]] = (await device.do("push:device_list"))["devices"]
    return devices


async def test_devices_come_and_go(connect: Connect, alice: User) -> None:
    """What is added is listed by its name, and not where it is reached; what is removed is gone."""
    a = await connect(alice)
    assert await _listed(a) == []
    one = await _add(a, f"{alice.id}-1", name="Laptop 💻")
    other = await _add(a, f"{alice.id}-2")
    assert (one["provider"], one["name"], other["name"]) == ("webpush", "Laptop 💻", None)
    assert set(one) == {"id", "provider", "name", "created_at"}
    assert await _listed(a) == [one, other]
    await a.do("push:device_remove", deviceId=one["id"])
    assert await _listed(a) == [other]
    error = await a.refused("push:device_remove", deviceId=one["id"])
    assert error["code"] == "RESOURCE_NOT_FOUND"


async def test_the_same_again_is_one_device(connect: Connect, alice: User) -> None:
    """An endpoint that one has already is the same device, whose name and keys are the newest."""
    a = await connect(alice)
    one = await _add(a, alice.id, name="Old")
    again = await _add(a, alice.id, name="New")
    assert again == one | {"name": "New"}
    assert await _listed(a) == [again]


async def test_whoever_added_it_last_has_it(connect: Connect, alice: User, bob: User) -> None:
    """An endpoint that another person adds is theirs, under another id, and nobody else's any more."""
    a, b = await connect(alice), await connect(bob)
    one = await _add(a, alice.id)
    theirs = await _add(b, alice.id)
    assert theirs["id"] != one["id"]
    assert (await _listed(a), await _listed(b)) == ([], [theirs])
    error = await a.refused("push:device_remove", deviceId=theirs["id"])
    assert error["code"] == "RESOURCE_NOT_FOUND"


async def test_there_are_twenty_at_most(connect: Connect, alice: User) -> None:
    """The 21st is a CONFLICT; one that is there already is not, and after one went another may come."""
    a = await connect(alice)
    added = [await _add(a, f"{alice.id}-{n}") for n in range(20)]
    new = {"provider": "webpush", "subscription": _subscription(f"{alice.id}-new")}
    assert (await a.refused("push:device_add", **new))["code"] == "CONFLICT"
    await _add(a, f"{alice.id}-7")
    assert len(await _listed(a)) == 20
    await a.do("push:device_remove", deviceId=added[0]["id"])
    await a.do("push:device_add", **new)


async def test_a_repetition_is_answered_alike(connect: Connect, alice: User) -> None:
    """The same requestId again answers the same device, and adds none."""
    a = await connect(alice)
    payload = {
        "provider": "webpush",
        "subscription": _subscription(alice.id),
        "requestId": "once",
    }
    first = await a.do("push:device_add", **payload)
    assert await a.do("push:device_add", **payload) == first
    assert len(await _listed(a)) == 1


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"provider": "fcm", "token": "x"}, "provider"),
        ({"provider": "webpush"}, "subscription"),
        ({"provider": "webpush", "token": "x"}, "subscription"),
        ({"provider": "fcm", "subscription": _subscription("x")}, "token"),
        (EXAMPLES["push:device_add"] | {"token": "x"}, "token"),
    ],
)
async def test_what_does_not_go_together(
    connect: Connect, alice: User, payload: dict[str, Any], field: str
) -> None:
    """A provider that is not configured here, or that lacks what it needs, is refused by name."""
    a = await connect(alice)
    error = await a.refused("push:device_add", **payload)
    assert error["code"] == "VALIDATION_ERROR"
    assert field in error["fields"]


async def test_nothing_lies_open(connect: Connect, alice: User, db: "Pool[asyncpg.Record]") -> None:
    """Neither endpoint, keys nor name stand in the database, not even in kept answers."""
    a = await connect(alice)
    secret = f"very-secret-{alice.id}"
    browser = Browser(f"https://push.example.net/{secret}")
    await a.do(
        "push:device_add",
        provider="webpush",
        subscription=browser.subscription,
        name=secret,
        requestId="r",
    )
    row = await db.fetchrow("SELECT * FROM push_devices WHERE user_id = $1", alice.id)
    kept = await db.fetchval("SELECT answer::text FROM requests WHERE user_id = $1", alice.id)
    held = repr(row) + kept
    assert secret not in held
    assert secret.encode() not in row["sealed"]
    assert browser.public not in row["sealed"]


async def test_the_public_key(server: Server, dsn: str, alice: User) -> None:
    """Everybody may ask for the key; where Web Push is not configured there is none."""
    answer = await request("GET", f"{server.url}/api/push/vapid-public-key", alice)
    assert (answer.status, answer.body) == (200, {"key": VAPID_PUBLIC_KEY})
    none = {"VAPID_PUBLIC_KEY": "", "VAPID_PRIVATE_KEY": "", "VAPID_SUBJECT": ""}
    async with local_server(dsn, **none) as without:
        answer = await request("GET", f"{without.url}/api/push/vapid-public-key", alice)
    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_a_rotated_key_finds_the_same_device(
    notifying: Notifying, person: Person, services: PushServices, connect: Connect
) -> None:
    """After CHAT_ENCRYPTION_KEY was rotated devices open, and one that is added again is the same one."""
    alice = await person("alice")
    old, new = "the old key of the tests; long enough", "the new key of the tests; long enough"
    browser = services.browser("laptop")
    added = {"provider": "webpush", "subscription": browser.subscription, "name": "Laptop"}
    async with notifying(CHAT_ENCRYPTION_KEY=old) as server:
        a = await connect(alice, server.url)
        device = (await a.do("push:device_add", **added))["device"]
    async with notifying(CHAT_ENCRYPTION_KEY=new, CHAT_ENCRYPTION_KEY_PREVIOUS=old) as server:
        a = await connect(alice, server.url)
        assert await _listed(a) == [device]
        assert (await a.do("push:device_add", **added))["device"] == device
        assert await _listed(a) == [device]
