"""One HTTP request, and all of its answer."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDictProxy

from tests.conftest import User
from tests.support.patience import PATIENCE
from tests.support.servers import Server
from tests.support.shapes import wrong_answer

# Long enough for a busy CI machine; nothing waits this long unless it fails.
_PATIENCE = aiohttp.ClientTimeout(total=PATIENCE)


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is the JSON that came, or None where nothing came."""

    status: int
    headers: CIMultiDictProxy[str]
    body: Any

    @property
    def error(self) -> dict[str, Any]:
        """The error object, which is all that the body of a failure has."""
        assert list(self.body) == ["error"], self.body
        error: dict[str, Any] = self.body["error"]
        assert {"code", "message", "retryable"} <= set(error), error
        return error


async def request(
    method: str,
    url: str,
    user: User | None = None,
    *,
    json: Any = None,
    data: bytes | AsyncIterator[bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask as `user`: with the object `json` or the raw body `data`.

    The answer must be one that the OpenAPI document has, where it has the route.
    """
    sent = {**(user.auth if user else {}), **(headers or {})}
    if json is not None:
        data = orjson.dumps(json)
    if data is not None:
        sent.setdefault("Content-Type", "application/json")
    # aiohttp warns of large bodies that are plain bytes.
    body = io.BytesIO(data) if isinstance(data, bytes) else data
    async with (
        aiohttp.ClientSession(timeout=_PATIENCE) as session,
        session.request(method, url, data=body, headers=sent) as response,
    ):
        raw = await response.read()
        if raw:
            assert response.content_type == "application/json", raw
        answer = Answer(response.status, response.headers, orjson.loads(raw) if raw else None)
        wrong = wrong_answer(method, response.url.path, response.status, answer.body)
        assert wrong is None, f"{method} {response.url.path}: {wrong}"
        return answer


async def ok(method: str, url: str, user: User, *, status: int = 200, **options: Any) -> Any:
    """The body of a request that must succeed."""
    answer = await request(method, url, user, **options)
    assert answer.status == status, (answer.status, answer.body)
    return answer.body


async def open_direct(server: Server, user: User, other: User) -> str:
    """The id of the conversation of two people."""
    url = f"{server.url}/api/conversations/direct"
    conversation = await ok("POST", url, user, json={"user_id": other.id})
    found: str = conversation["id"]
    return found


async def create_group(server: Server, owner: User, *members: User) -> str:
    """The id of a new group of somebody's."""
    body = {"title": "Climbers", "participant_ids": [member.id for member in members]}
    group = await ok("POST", f"{server.url}/api/conversations/group", owner, status=201, json=body)
    found: str = group["id"]
    return found


async def post(server: Server, user: User, conversation_id: str, content: str) -> dict[str, Any]:
    """A message posted by REST."""
    body = {"conversation_id": conversation_id, "content": content}
    message = await ok("POST", f"{server.url}/api/messages", user, status=201, json=body)
    assert isinstance(message, dict)
    return message
