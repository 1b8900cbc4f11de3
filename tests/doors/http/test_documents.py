"""What the server says of itself, to anybody: its documents and the page at /docs."""

import json
from functools import partial

import aiohttp
import jsonschema_rs
import pytest

from chatserver.composition.vocabularies import VOCABULARIES
from chatserver.reference import asyncapi, html, openapi, written
from tests.support.http import request
from tests.support.node import node_modules
from tests.support.servers import Server

DOCUMENTS = {"openapi": openapi.document, "asyncapi": partial(asyncapi.document, VOCABULARIES)}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_document_is_served(name: str, server: Server) -> None:
    """The documents are served to anybody, as they are made from the tables, and 304 to who has them."""
    url = f"{server.url}/api/{name}.json"
    answer = await request("GET", url)
    assert (answer.status, answer.body) == (200, json.loads(json.dumps(DOCUMENTS[name]())))
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    again = await request("GET", url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, None)


async def test_the_page_is_served(server: Server) -> None:
    """/docs is one HTML page under a policy that lets nothing in but its own style."""
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/docs") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Content-Security-Policy"] == html.CONTENT_SECURITY_POLICY
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-cache"
        assert await response.text() == written.html_page(VOCABULARIES)


async def test_the_asyncapi_document_is_valid() -> None:
    """The AsyncAPI document is a valid one, by the specification's own schema."""
    specs = await node_modules() / "@asyncapi/specs/schemas/3.0.0.json"
    document = json.loads(json.dumps(asyncapi.document(VOCABULARIES)))
    official = jsonschema_rs.validator_for(json.loads(specs.read_text("utf-8")))
    official.validate(document)
    del document["channels"]["main"]["messages"]["system:ping"]["$ref"]
    document["operations"]["system:ping"]["action"] = "ask"
    assert not official.is_valid(document)
