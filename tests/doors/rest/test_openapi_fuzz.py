"""Whatever is asked by the OpenAPI document, or against it: an answer that the document has, and no crash."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chatserver.reference import openapi
from tests.conftest import User, token_for
from tests.support.http import ok, open_direct, post
from tests.support.servers import Server, process_server

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# So many requests per route and mode, the same ones in every run.
REQUESTS = 8

# UUIDs of what the one who asks has: half of all UUIDs that are asked for.
_known: list[str] = []
_uuids = st.uuids().map(str)
schemathesis.openapi.format("uuid", st.deferred(lambda: st.sampled_from(_known) | _uuids))

DOCUMENT = openapi.document()
ROUTES = [
    (mode, method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method, route in methods.items()
    for mode in GenerationMode
    # What takes nothing can be asked in one way.
    if mode is GenerationMode.POSITIVE or "requestBody" in route or route.get("parameters")
]


@cache
def _schema() -> Any:
    """The document as schemathesis has it, which takes a second to read."""
    return schemathesis.openapi.from_dict(DOCUMENT)


@dataclass(frozen=True, slots=True)
class Asked:
    """A server, the person who asks it, and their connection to it."""

    server: Server
    user: User
    session: requests.Session


@pytest.fixture(scope="module")
async def asked(dsn: str, db: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Asked]:
    """A server in a process of its own: in this one it would draw from the same random numbers."""
    people = [User(name, token_for(name)) for name in ("fuzz-alice", "fuzz-bob")]
    for person in people:
        await db.execute("INSERT INTO chat_users (user_id, username) VALUES ($1, $1)", person.id)
    alice, bob = people
    async with process_server(dsn) as server:
        direct = await open_direct(server, alice, bob)
        messages = [await post(server, person, direct, "hello") for person in people]
        url = f"{server.url}/api/conversations/group"
        group = {"title": "A group", "participant_ids": [bob.id]}
        made = await ok("POST", url, alice, status=201, json=group)
        _known[:] = [direct, made["id"], *(message["id"] for message in messages)]
        with requests.Session() as session:
            session.trust_env = False  # or each request looks for proxies
            yield Asked(server, alice, session)


@pytest.mark.parametrize(("mode", "method", "path"), ROUTES)
def test_what_is_asked_is_answered(
    mode: GenerationMode, method: str, path: str, asked: Asked
) -> None:
    """What fits the document, and what does not, is answered with a documented status and shape, and never 500."""
    route = _schema()[path][method]

    @given(case=route.as_strategy(generation_mode=mode))
    @settings(
        max_examples=REQUESTS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case) -> None:
        response = case.call(
            base_url=asked.server.url, session=asked.session, headers=asked.user.auth
        )
        case.validate_response(response, checks=CHECKS)

    ask()
