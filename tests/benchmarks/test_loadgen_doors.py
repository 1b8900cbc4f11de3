"""The load generator at the doors of other systems: what its listeners are told there counts as the push."""

from pathlib import Path

import pytest

from tests.conftest import User
from tests.support.loadgen import TALK, Generator, require_compiler
from tests.support.people import opened_by_rest
from tests.support.servers import Server

require_compiler()

# One at a time, as fast as a person may.
SLOWLY = {"seconds": 0.5, "warmup": 0.1, "rate": 20, "ready": "session:ready"}


@pytest.mark.parametrize("door", ["messaging", "marketplace"])
async def test_listeners_of_other_systems(
    server: Server, tmp_path: Path, door: str, alice: User, bob: User
) -> None:
    """Who listens at another system's door is told each message once, as is whoever wrote it at the main one."""
    talk = await opened_by_rest(server, alice, bob, None)
    lines = (f"{alice.token}\t{talk.id}", *(f"{bob.token}\t-",) * 3)
    port = int(server.url.rpartition(":")[2])
    options = TALK | SLOWLY | {"pushes_per_ask": 4, "speak": door, "topic": talk.id}
    outcome = await Generator(tmp_path).run("ask", *lines, port=port, **options)
    assert outcome.code == 0, outcome.complaint
    numbers = outcome.numbers
    assert numbers["acked"] > 0
    assert numbers["deliveries_total"] == numbers["expected_total"] == 4 * numbers["asks_total"]
    for nothing in ("missing", "duplicates", "foreign", "dropped"):
        assert numbers[nothing] == 0, nothing


@pytest.mark.parametrize("door", ["messaging", "marketplace"])
async def test_nobody_is_let_in_without_a_token(server: Server, tmp_path: Path, door: str) -> None:
    """Who is not let in there has failed, and it is said why."""
    port = int(server.url.rpartition(":")[2])
    options = {"speak": door, "hold": 0.1, "after": 0.1}
    outcome = await Generator(tmp_path).run("connect", "no token\t-", port=port, **options)
    assert (outcome.code, outcome.numbers["failed"]) == (1, 1)
    assert "1 of 1 connections failed" in outcome.complaint
