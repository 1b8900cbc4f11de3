"""What the messaging system serves over HTTP."""

import pytest

from chatserver.core.errors import ChatError, ErrorCode
from chatserver.doors.messaging.errors import refused
from tests.conftest import Connect, User
from tests.doors.messaging import document
from tests.doors.messaging.stage import judge
from tests.support.groups import create
from tests.support.http import open_direct, post, request
from tests.support.servers import Server

API = "/messaging/api"


def _example(heading: str, label: str = "Response") -> dict[str, object]:
    return next(
        example.body
        for example in document.EXAMPLES
        if (example.heading, example.label) == (heading, label)
    )


@pytest.mark.parametrize("path", ["health", "ready", "live", "metrics"])
async def test_the_probes(server: Server, path: str) -> None:
    """The probes answer under the door's path as at the root, with the document's fields."""
    heading = {
        "health": "Health Check",
        "ready": "Readiness Probe",
        "live": "Liveness Probe",
        "metrics": "Metrics",
    }[path]
    for prefix in ("", "/messaging"):
        answer = await request("GET", f"{server.url}{prefix}/{path}")
        assert answer.status == 200
        assert _example(heading).keys() <= answer.body.keys()


async def test_the_conversations(
    server: Server, connect: Connect, alice: User, bob: User, carol: User
) -> None:
    """Direct conversations are listed as the document shows them; groups have a list of their own."""
    a = await connect(alice)
    await create(a, bob)
    talk = await open_direct(server, alice, bob)
    first = await post(server, alice, talk, "Hi!")
    last = await post(server, alice, talk, "Hello!")
    answer = await request("GET", f"{server.url}{API}/conversations?limit=50&offset=0", bob)
    places = {
        "conv_123_456": "conv_" + "_".join(sorted((alice.id, bob.id))),
        "456": alice.id,
        "jane_doe": alice.id,
        "msg_abc123": last["id"],
    }
    wanted = document.real(_example("Get Conversations (HTTP)"), places)
    assert document.differences(wanted, answer.body) == []
    assert document.more(wanted, answer.body) == {"hasMore", "total"}
    # A limit beyond its bounds is cut.
    answer = await request("GET", f"{server.url}{API}/conversations?limit=1000", bob)
    assert answer.body["pagination"]["limit"] == 200
    assert first["id"] != last["id"]
    await open_direct(server, carol, bob)
    answer = await request("GET", f"{server.url}{API}/conversations?limit=1", bob)
    assert answer.body["pagination"]["hasMore"] is True


async def test_refusals(server: Server, alice: User) -> None:
    """A refusal has a status, and says what is wrong in the words of the WebSocket."""
    answer = await request("GET", f"{server.url}{API}/conversations")
    assert answer.status == 401
    assert answer.body["status"] == "error"
    assert (answer.body["code"], answer.body["requiresAuth"]) == ("AUTH_REQUIRED", True)
    for query in ("limit=x", "offset=-", "limit=1.5", "colour=red"):
        answer = await request("GET", f"{server.url}{API}/conversations?{query}", alice)
        assert answer.status == 400
        assert list(answer.body["fields"]) == [query.partition("=")[0]]


async def test_profile_pictures(server: Server, alice: User) -> None:
    """Pictures are asked for, and answered, as the document shows."""
    asked = _example("Batch Profile Pictures", "Request")
    wanted = _example("Batch Profile Pictures")
    url = f"{server.url}{API}/profile-pictures/batch"
    answer = await request("POST", url, alice, json=asked)
    assert answer.status == 200
    assert answer.body.keys() == wanted.keys()
    # Nobody here has a picture.
    items = wanted["items"]
    assert isinstance(items, list)
    assert answer.body["items"] == [
        {"type": item["type"], "id": item["id"], "hasPicture": False, "default": True}
        for item in items
    ]
    answer = await request("POST", url, alice, json={"items": [{"type": "user"}]})
    assert (answer.status, list(answer.body["fields"])) == (400, ["items.0.id"])


def test_errors_in_the_document() -> None:
    """The document's codes are those that there are, and its examples of errors are those that are told."""
    assert document.error_codes() <= set(ErrorCode)
    limit = ChatError(
        code=ErrorCode.RATE_LIMIT_EXCEEDED,
        details="You are sending messages too quickly. Please wait before sending another message.",
        retry_after=29.5,
    )
    wanted = _example("Rate Limit Response", "")
    judge(wanted, refused(limit), {})
