"""Whatever is asked by the OpenAPI document, or against it: an answer that the document has, and no crash."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

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

ROUTES = [
    route.ok() for route in schemathesis.openapi.from_dict(openapi.document()).get_all_operations()
]


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


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.label)
def test_what_is_asked_is_answered(
    route: schemathesis.schemas.APIOperation, mode: GenerationMode, asked: Asked
) -> None:
    """What fits the document, and what does not, is answered with a documented status and shape, and never 500."""

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
