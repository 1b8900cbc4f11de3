"""Whatever is sent to the marketplace system's destinations is receipted, or ends the connection by an ERROR."""

import json

import pytest

from tests.conftest import User
from tests.doors.marketplace.conftest import LogIn
from tests.support.fuzzing import BROKEN_JSON, drawn
from tests.support.json_values import PAYLOADS
from tests.support.marketplace import Trade, send
from tests.support.servers import Server
from tests.support.stomp import Stomp, frame

BODIES = 60
ENDS = ("RECEIPT", "ERROR")


async def _ends(client: Stomp, destination: str, body: bytes) -> str | None:
    """The code of the ERROR that a SEND is answered with; None where it is receipted."""
    headers = {"destination": destination, "receipt": "r", "content-length": str(len(body))}
    await client.socket.send_bytes(frame("SEND", headers, body))
    found = await client.expect_any(ENDS)
    if found.command == "RECEIPT":
        return None
    await client.closed()
    return found.headers.get("code", "")


@pytest.mark.parametrize("destination", ["/app/message.send", "/app/typing.start"])
async def test_whatever_is_sent_is_answered(
    server: Server, log_in: LogIn, traders: Trade, carol: User, destination: str
) -> None:
    """JSON of any kind, and what is none, is answered once, without a crash, and others notice nothing."""
    bystander = await log_in(carol)
    client = await log_in(traders.jane)
    texts = [json.dumps(value).encode() for value in drawn(PAYLOADS, BODIES)]
    codes = set()
    for body in (*texts, *drawn(BROKEN_JSON, BODIES)):
        code = await _ends(client, destination, body)
        if code is not None:
            codes.add(code)
            client = await log_in(traders.jane)
    assert "VALIDATION_ERROR" in codes
    assert "INTERNAL_ERROR" not in codes
    await bystander.done("ACK", {"id": "1"})
    await send(server, traders.jane, recipientId=traders.john.id, text="All is well")
