"""What those are told who come back."""

from tests.conftest import User
from tests.scenarios.ways import Way
from tests.support.port import DevicePort
from tests.support.talks import opened, said


async def _left_at(way: Way, user: User) -> tuple[DevicePort, dict[str, int | str]]:
    """Somebody who goes, and where their streams stood."""
    device = await way.connect(user)
    await device.settled()
    positions: dict[str, int | str] = {"epoch": device.ready["epoch"], "me": 0}
    for name, data in device.pushes:
        if isinstance(data, dict) and name != "session:ready" and "seq" in data:
            positions[data.get("conversationId", "me")] = data["seq"]
    await device.close()
    return device, positions


def _texts(device: DevicePort) -> list[str]:
    return [m["content"] for m in device.seen("chat:message_received")]


async def test_what_was_missed(way: Way, alice: User, bob: User) -> None:
    """Who says nothing of where they stand is told what they have not received, in order; then all is live."""
    a = await way.connect(alice)
    talk = await opened(a, bob)
    for number in range(3):
        await said(a, talk, f"missed {number}")
    back = await way.connect(bob)
    assert _texts(back) == [f"missed {number}" for number in range(3)]
    await said(a, talk, "live")
    await back.expect("chat:message_received", lambda m: m["content"] == "live")


async def test_by_positions(way: Way, alice: User, bob: User) -> None:
    """Exactly what comes after the positions is sent, in order, before the session begins; then all is live."""
    a = await way.connect(alice)
    talk = await opened(a, bob)
    await said(a, talk, "known")
    gone, positions = await _left_at(way, bob)
    assert _texts(gone) == ["known"]
    for number in range(3):
        await said(a, talk, f"missed {number}")
    back = await way.connect(bob, positions=positions)
    assert _texts(back) == [f"missed {number}" for number in range(3)]
    assert (back.ready["recovered"], back.ready["replayed"]) == (True, 3)
    await said(a, talk, "live")
    await back.expect("chat:message_received", lambda m: m["content"] == "live")


async def test_by_an_offset(way: Way, alice: User, bob: User) -> None:
    """What was pushed since an offset is sent, and nothing that came before it."""
    a, b = await way.connect(alice), await way.connect(bob)
    talk = await opened(a, bob)
    await said(a, talk, "known")
    await b.expect("chat:message_received")
    assert b.offset is not None
    await b.close()
    await said(a, talk, "missed")
    back = await way.connect(bob, since=b.offset)
    assert _texts(back)[-1:] == ["missed"]
    assert back.ready["recovered"] is True


async def test_from_another_history(way: Way, alice: User, bob: User) -> None:
    """Nothing is replayed to who comes from another history: every conversation is to be reloaded."""
    a = await way.connect(alice)
    talk = await opened(a, bob)
    await said(a, talk, "text")
    _, positions = await _left_at(way, bob)
    other = "0190c0de-1111-7000-8000-000000000000"
    back = await way.connect(bob, positions={**positions, "epoch": other})
    assert _texts(back) == []
    assert (back.ready["recovered"], back.ready["limited"]) == (False, True)
    assert talk in back.ready["resync"]
    await back.do("chat:sync", conversationId=talk, afterSeq=0)


async def test_what_was_read_meanwhile(way: Way, alice: User, bob: User) -> None:
    """What was read meanwhile is told to who wrote it."""
    a, b = await way.connect(alice), await way.connect(bob)
    talk = await opened(a, bob)
    message = await said(a, talk, "text")
    await a.close()
    _, positions = await _left_at(way, alice)
    await b.do("chat:message_read", messageId=message["id"])
    back = await way.connect(alice, positions=positions)
    state = await back.expect("chat:read_state", lambda state: state["conversationId"] == talk)
    reader = next(each for each in state["participants"] if each["userId"] == bob.id)
    assert reader["readSeq"] == 2
