"""The documents that are made from the tables: complete, valid, and not to be forgotten."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

import pytest
from marshmallow import fields
from openapi_spec_validator import validate

from chatserver import schemas
from chatserver.composition.vocabularies import VOCABULARIES
from chatserver.core.errors import ErrorCode
from chatserver.reference import asyncapi, html, markdown, openapi, shapes, typescript, written
from chatserver.reference.blocks import Heading, anchor
from chatserver.reference.commands import ALWAYS, outcomes, own_errors
from chatserver.reference.pages import pages
from chatserver.schemas.authorisation import OK
from chatserver.schemas.examples import EXAMPLES
from tests.support.shapes import closed, validator, wrong_ack, wrong_answer, wrong_push

COMMANDS = {command.name for command in schemas.COMMANDS}
PUSHES = {push.name for push in schemas.PUSHES}


def test_the_openapi_document_is_valid() -> None:
    """The OpenAPI document is a valid one, and has every route and every command."""
    document = json.loads(json.dumps(openapi.document()))
    validate(document)
    for command in schemas.COMMANDS:
        assert "post" in document["paths"][f"/api/commands/{command.name}"]
        for rest in command.rest:
            assert rest.method.lower() in document["paths"][rest.path]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_the_asyncapi_document_has_everything() -> None:
    """The AsyncAPI document has every command and push, and refers to nothing that is not there."""
    document = asyncapi.document(VOCABULARIES)
    operations = {
        name: of
        for name, of in document["operations"].items()
        if of["channel"] == {"$ref": "#/channels/main"}
    }
    assert {name for name, of in operations.items() if of["action"] == "receive"} == COMMANDS
    sent = [name for name, of in operations.items() if of["action"] == "send"]
    assert {name.removesuffix(".personal") for name in sent} == PUSHES
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_the_asyncapi_document_has_the_vocabularies() -> None:
    """Every message of another system, and every one that its clients are told, is an operation of its channel."""
    document = asyncapi.document(VOCABULARIES)
    for vocabulary in VOCABULARIES:
        channel = document["channels"][vocabulary.name]
        for asked in vocabulary.asked:
            operation = document["operations"][f"{vocabulary.name}.{asked.type}"]
            assert len(operation["messages"]) == 1 + len(asked.aliases)
            assert {asked.type, *asked.aliases} <= channel["messages"].keys()
        assert {told.type for told in vocabulary.told} <= channel["messages"].keys()


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in _references(part)]
    return (
        [found for part in value for found in _references(part)] if isinstance(value, list) else []
    )


def test_the_types_have_everything() -> None:
    """The types of socket.io-client's events have every command and push, and every error code."""
    commands, _, pushes = typescript.document().partition("interface ServerToClientEvents")
    assert (
        set(re.findall(r'^  "([^"]+)":', commands.partition("ClientToServerEvents {")[2], re.M))
        == COMMANDS
    )
    assert set(re.findall(r'^  "([^"]+)":', pushes, re.M)) == PUSHES


def test_the_pages_have_everything() -> None:
    """Every command and push has a heading of its own, with a place of its own, and no link leads nowhere."""
    headings = [
        (page.name, b.text)
        for page in pages(VOCABULARIES)
        for b in page.blocks
        if isinstance(b, Heading)
    ]
    texts = {text.removesuffix(" (personal)") for _, text in headings}
    assert texts >= COMMANDS | PUSHES
    places = [anchor(text) for _, text in headings] + [
        f"{page.name}-page" for page in pages(VOCABULARIES)
    ]
    assert len(set(places)) == len(places)
    known = {f"{page}#{anchor(text)}" for page, text in headings}
    for page in pages(VOCABULARIES):
        text = markdown.written(page)
        assert "(@" not in text
        for name, place in re.findall(r"\]\((?:\.\./|reference/)?(\w*)(?:\.md)?(#[\w-]+)?\)", text):
            assert f"{name or page.name}{place}" in known or not place, (page.name, name, place)


def test_what_becomes_of_a_command_is_documented() -> None:
    """Every refusal that the matrix of who may do what has is among the errors of its command."""
    for command in schemas.COMMANDS:
        known = {*ALWAYS, *own_errors(command)}
        for about, results in outcomes(command):
            refusals = {ErrorCode(result) for result in results if result != OK}
            assert refusals <= known, (command.name, about)


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_html_page_needs_nothing_else() -> None:
    """The HTML page has no script, only the style that its policy names, nothing foreign, and no dead link."""
    text = written.html_page(VOCABULARIES)
    tags = _Tags(text).tags
    assert not {"script", "img", "iframe", "object", "link", "form"} & {tag for tag, _ in tags}
    attributes = [name for _, given in tags for name in given]
    assert not [name for name in attributes if name == "style" or name.startswith("on")]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in html.CONTENT_SECURITY_POLICY
    assert "unsafe" not in html.CONTENT_SECURITY_POLICY
    ids = [given["id"] for _, given in tags if "id" in given]
    assert len(set(ids)) == len(ids)
    local = {str(given["href"]) for tag, given in tags if tag == "a"}
    assert {link for link in local if link.startswith("#")} <= {f"#{place}" for place in ids}
    assert {link for link in local if not link.startswith(("#", "https://"))} == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_of_its_schema(name: str) -> None:
    """The example of a command is of the schema that the documents give its payload."""
    kind = next(command.takes for command in schemas.COMMANDS if command.name == name)
    validator(shapes.payload(kind)).validate(EXAMPLES[name])


def test_a_field_without_words_is_not_passed_over() -> None:
    """A new kind of field stops the generator, rather than being left undescribed, unless it describes itself."""

    class Strange(fields.Field[str]):
        """Something new."""

    class Described(fields.Field[str]):
        """Something new, that says what it is."""

        json_schema: ClassVar[dict[str, str]] = {"type": "string", "format": "email"}

    with pytest.raises(TypeError, match="Strange"):
        shapes.property_of(Strange())
    assert shapes.property_of(Described()) == {"type": "string", "format": "email"}


def test_what_the_shapes_refuse() -> None:
    """The check of what the server says is strict: a missing field, one too many, or of another kind is wrong."""
    push = {"userId": "1", "status": "online", "timestamp": "2026-01-01T00:00:00.000Z"}
    assert wrong_push("user:status_changed", push) is None
    for wrong in (
        {**push, "status": "away"},
        {**push, "timestamp": "yesterday"},
        {**push, "more": 1},
        {"userId": "1", "status": "online"},
    ):
        assert wrong_push("user:status_changed", wrong)
    assert wrong_push("user:renamed", push)
    assert wrong_push("order:shipped", push) is None
    assert wrong_ack("system:ping", {"success": True, "timestamp": 1}) is None
    error = {"code": "UNAVAILABLE", "message": "x", "retryable": True}
    assert wrong_ack("system:ping", {"success": False, "error": error}) is None
    for ack in ({"success": True}, {"success": True, "timestamp": "1"}, {"success": False}):
        assert wrong_ack("system:ping", ack)
    assert wrong_ack("no:such", {"success": True})
    asked = ("GET", "/api/conversations/x")
    assert wrong_answer(*asked, 404, {"error": {**error, "code": "RESOURCE_NOT_FOUND"}}) is None
    assert wrong_answer(*asked, 404, {"error": {**error, "code": "CONFLICT"}})
    assert wrong_answer(*asked, 418, {"error": error})
    assert closed({"type": "object", "properties": {}})["additionalProperties"] is False


def test_the_files_are_written_and_checked(tmp_path: Path) -> None:
    """What is missing, different or no longer made is stale, until the reference is written again."""
    everything = written.stale(tmp_path, VOCABULARIES)
    assert set(everything) == set(written.files(VOCABULARIES))
    written.write(tmp_path, VOCABULARIES)
    assert written.stale(tmp_path, VOCABULARIES) == []
    (tmp_path / "docs/openapi.json").write_text("{}")
    (tmp_path / typescript.PATH).unlink()
    (tmp_path / "docs/reference/gone.md").write_text(f"{markdown.NOTE}\n")
    (tmp_path / "docs/reference/theirs.md").write_text("# Not of our making\n")
    stale = [typescript.PATH, "docs/openapi.json", "docs/reference/gone.md"]
    assert written.stale(tmp_path, VOCABULARIES) == stale
    written.write(tmp_path, VOCABULARIES)
    assert written.stale(tmp_path, VOCABULARIES) == []
    assert (tmp_path / "docs/reference/theirs.md").exists()
