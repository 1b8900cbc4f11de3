"""Which notices are taken at a time, and what taking them may cost."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import User
from tests.push.conftest import Notifying, Person
from tests.support.patience import PATIENCE
from tests.support.push_services import PushServices
from tests.support.talks import group_of

Connection = asyncpg.Connection
_CLAIM = "SELECT * FROM claim_notices('webpush', 32, interval '10 seconds')"


async def _group(
    rows: "Connection[asyncpg.Record]", owner: User, member: User, *senders: User
) -> UUID:
    """A group of two in which these have said something, one after the other."""
    group = UUID(await group_of(rows, {owner: "owner", member: "member"}))
    await rows.execute(
        "INSERT INTO messages (conversation_id, seq, number, id, sender_id, message_type, version, key_id, nonce, "
        "ciphertext, client_message_id, fingerprint, created_at) "
        "SELECT $1, n + 1, n, gen_random_uuid(), s, 'text', 2, 'k', '', '', n::text, '', now() "
        "FROM unnest($2::text[]) WITH ORDINALITY AS m (s, n)",
        group,
        [sender.id for sender in senders],
    )
    await rows.execute(
        "UPDATE conversations SET last_message_seq = $2, last_seq = $2 WHERE id = $1",
        group,
        len(senders) + 1,
    )
    return group


async def _notices(
    rows: "Connection[asyncpg.Record]", person: User, groups: list[UUID], to_seq: int = 2
) -> None:
    """A device of a person's, and a notice for it of each of these."""
    device = uuid4()
    await rows.execute(
        "INSERT INTO push_devices VALUES ($1, $2, 'webpush', $3, '', now())",
        device,
        person.id,
        device.bytes,
    )
    await rows.execute(
        "INSERT INTO push_notices "
        "(target, user_id, conversation_id, provider, from_seq, to_seq, begun_at, due_at) "
        "SELECT $1, $2, c, 'webpush', 1, $4, now(), now() FROM unnest($3::uuid[]) c",
        str(device),
        person.id,
        groups,
        to_seq,
    )


async def test_one_person_is_not_all_of_a_claim(
    rows: "Connection[asyncpg.Record]", person: Person
) -> None:
    """Of a person's notices eight are judged in a claim, and what they have unread is counted once."""
    alice, bob = await person("alice"), await person("bob")
    groups = [await _group(rows, alice, bob, alice) for _ in range(12)]
    await _notices(rows, bob, groups)
    async with rows.transaction():
        await rows.execute("SET LOCAL track_functions = 'pl'")
        claimed = await rows.fetch(_CLAIM)
        counted = await rows.fetchval(
            "SELECT calls FROM pg_stat_xact_user_functions WHERE funcname = 'unread_conversations'"
        )
    judged = [row for row in claimed if row["seq"] is not None]
    assert [(row["seq"], row["badge"]) for row in judged] == [(2, 12)] * 8
    assert len(claimed) == 12
    assert {row["claim"] for row in claimed} == {1}
    assert counted == 1
    assert await rows.fetch(_CLAIM) == []


@pytest.mark.parametrize(("own", "found"), [(199, True), (200, False)])
async def test_the_look_back_has_an_end(
    rows: "Connection[asyncpg.Record]", person: Person, own: int, found: bool
) -> None:
    """What stands unread before a person's own 200 newest messages is not looked for."""
    alice, bob = await person("alice"), await person("bob")
    group = await _group(rows, alice, bob, alice, *[bob] * own)
    await _notices(rows, bob, [group], to_seq=own + 2)
    claimed = [(row["seq"], row["badge"]) for row in await rows.fetch(_CLAIM)]
    assert claimed == ([(2, 1)] if found else [])
    assert await rows.fetchval("SELECT unread_conversations('bob')") == int(found)


@pytest.mark.parametrize(("failures", "kept"), [(0, None), (1, 2)])
async def test_what_was_put_off_holds_no_place(
    rows: "Connection[asyncpg.Record]", person: Person, failures: int, kept: int | None
) -> None:
    """What is put off before a first attempt tells the newest message later; after one that failed, the same."""
    alice, bob = await person("alice"), await person("bob")
    await _notices(rows, bob, [await _group(rows, alice, bob, alice)])
    await rows.execute("UPDATE push_notices SET failures = $1", failures)
    (row,) = await rows.fetch(_CLAIM)
    where = [[row[name]] for name in ("target", "user_id", "conversation_id")]
    # Under another claim nothing is put off.
    for claim, tried in ((row["claim"] + 1, 2), (row["claim"], kept)):
        await rows.execute(
            "SELECT put_off_notices($1, $2, $3, $4, $5)", *where, [claim], timedelta()
        )
        assert await rows.fetchval("SELECT tried_seq FROM push_notices") == tried


async def test_what_its_lease_left_no_time_for_holds_no_place(
    notifying: Notifying,
    person: Person,
    services: PushServices,
    rows: "Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was taken and not attempted, since its lease was too short, tells the newest message later."""
    alice, bob = await person("alice"), await person("bob")
    await _notices(rows, bob, [await _group(rows, alice, bob, alice)])
    monkeypatch.setattr("chatserver.push.sender.TIMEOUT", 3600.0)
    async with notifying(), asyncio.timeout(PATIENCE):
        while not await rows.fetchval(  # noqa: ASYNC110 - PostgreSQL has no event for it
            "SELECT claim > 0 AND tried_seq IS NULL FROM push_notices"
        ):
            await asyncio.sleep(0.05)
    assert services.calls == []


_ENDS = {
    "remove": "SELECT remove_push_device('bob', id) FROM push_devices",
    "forget": "SELECT forget_push_device(id, fingerprint, '') FROM push_devices",
}


@pytest.mark.parametrize("end", _ENDS.values(), ids=_ENDS)
async def test_a_device_ends_in_the_order_of_its_notices(
    fresh_dsn: str, rows: "Connection[asyncpg.Record]", person: Person, end: str
) -> None:
    """A device that goes locks its notices in the order of their keys, however its session reads tables."""
    alice, bob = await person("alice"), await person("bob")
    groups = sorted([await _group(rows, alice, bob, alice) for _ in range(2)])
    # In the table the last comes first.
    await _notices(rows, bob, groups[::-1])
    lock = "SELECT FROM push_notices WHERE conversation_id = $1 FOR UPDATE"
    ending = await asyncpg.connect(fresh_dsn)
    try:
        # As behind a pooler, where no session is told how to plan.
        await ending.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
        async with rows.transaction():
            await rows.execute(lock, groups[0])
            ended = asyncio.create_task(ending.execute(end))
            async with asyncio.timeout(PATIENCE):
                while not await rows.fetchval(  # noqa: ASYNC110 - PostgreSQL has no event for it
                    "SELECT pg_blocking_pids($1) <> '{}'", ending.get_server_pid()
                ):
                    await asyncio.sleep(0.01)
            # Nor does it wait with the other one in its hands.
            await rows.execute(f"{lock} NOWAIT", groups[1])
        await ended
    finally:
        await ending.close()
    assert await rows.fetchval("SELECT count(*) FROM push_notices") == 0


async def test_the_old_are_dropped_however_late_it_is(
    notifying: Notifying,
    person: Person,
    services: PushServices,
    rows: "Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waited for a day is dropped also where its lease leaves no time for an attempt."""
    alice, bob = await person("alice"), await person("bob")
    await _notices(rows, bob, [await _group(rows, alice, bob, alice)])
    await rows.execute("UPDATE push_notices SET begun_at = now() - interval '25 hours'")
    monkeypatch.setattr("chatserver.push.sender.TIMEOUT", 3600.0)
    async with notifying(), asyncio.timeout(PATIENCE):
        while await rows.fetchval("SELECT count(*) FROM push_notices"):  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.05)
    assert services.calls == []
