"""ETags: who has the answer already is told so."""

import pytest

from tests.conftest import User
from tests.support.http import ok, open_direct, post, request
from tests.support.servers import Server


async def _tag(url: str, user: User) -> str:
    answer = await request("GET", url, user)
    assert answer.status == 200
    return answer.headers["ETag"]


@pytest.mark.parametrize(
    "path", ["/api/conversations", "/api/conversations/{id}", "/api/messages/{id}"]
)
async def test_what_has_not_changed_is_not_sent_again(
    path: str, server: Server, alice: User, bob: User, carol: User
) -> None:
    """If-None-Match with the ETag of the answer is 304 without a body, until something in the answer changes."""
    conversation_id = await open_direct(server, alice, bob)
    url = server.url + path.replace("{id}", conversation_id)
    tag = await _tag(url, alice)
    assert tag.startswith('W/"')
    # What happens elsewhere in the database changes nothing here.
    await post(server, carol, await open_direct(server, carol, bob), "elsewhere")
    for method in ("GET", "HEAD"):
        for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            answer = await request(method, url, alice, headers={"If-None-Match": asked})
            assert (answer.status, answer.body, answer.headers["ETag"]) == (304, None, tag)
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Vary"] == "Origin"
    for asked in ('"other"', "", "nonsense", tag.strip('W/"')):
        answer = await request("GET", url, alice, headers={"If-None-Match": asked})
        assert (answer.status, answer.headers["ETag"]) == (200, tag)
    await post(server, bob, conversation_id, "new")
    answer = await request("GET", url, alice, headers={"If-None-Match": tag})
    assert answer.status == 200
    assert answer.headers["ETag"] not in (tag, None)


async def test_another_page_or_person_has_another_tag(
    server: Server, alice: User, bob: User
) -> None:
    """The ETag is that of this very answer: of another page, or to another person, it is another."""
    await post(server, alice, await open_direct(server, alice, bob), "hello")
    url = f"{server.url}/api/conversations"
    tags = {await _tag(url, alice), await _tag(f"{url}?limit=1", alice), await _tag(url, bob)}
    assert len(tags) == 3


async def test_nobody_learns_anything_by_a_tag(
    server: Server, alice: User, bob: User, carol: User
) -> None:
    """Who may not see the answer gets the refusal, whatever ETag they name."""
    url = f"{server.url}/api/conversations/{await open_direct(server, alice, bob)}"
    for user, status in ((carol, 404), (None, 401)):
        for asked in (await _tag(url, alice), "*"):
            answer = await request("GET", url, user, headers={"If-None-Match": asked})
            assert answer.status == status
            assert "ETag" not in answer.headers


async def test_changes_are_made_whatever_the_tag(server: Server, alice: User, bob: User) -> None:
    """If-None-Match on a change stands in the way of nothing."""
    conversation_id = await open_direct(server, alice, bob)
    body = {"conversation_id": conversation_id, "content": "hello"}
    url = f"{server.url}/api/messages"
    await ok("POST", url, alice, status=201, json=body, headers={"If-None-Match": "*"})
