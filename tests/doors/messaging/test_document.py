"""Every example of the document is what the server says, field by field."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from tests.conftest import User, token_for
from tests.doors.messaging import document
from tests.doors.messaging.stage import Stage, judge
from tests.support.groups import crowd_of
from tests.support.messaging import Opener, opener
from tests.support.servers import Server

Scene = Callable[[Stage], Awaitable[None]]
SCENES: dict[str, Scene] = {}
# Examples that are played below, each by a test of its own.
ELSEWHERE = {
    "Connect to WebSocket Server", "Authenticate", "Health Check", "Readiness Probe",
    "Liveness Probe", "Metrics", "Get Conversations (HTTP)", "Batch Profile Pictures",
    "Error Response Format", "JWT Token Structure", "Rate Limit Response",
}  # fmt: skip


def scene(heading: str) -> Callable[[Scene], Scene]:
    """The scene that plays the examples under a heading."""

    def enter(play: Scene) -> Scene:
        SCENES[heading] = play
        return play

    return enter


@pytest.fixture(scope="module")
async def opening(server: Server) -> AsyncIterator[Opener]:
    """Opens connections for all scenes."""
    async with opener(server.url) as opening:
        yield opening


@pytest.fixture(scope="module")
async def stage(opening: Opener, db: "asyncpg.Pool[asyncpg.Record]") -> Stage:
    """The people of the examples, connected."""
    users = {}
    for number, name in (("123", "John"), ("456", "Jane"), ("789", "Third"), ("999", "New")):
        (base,) = await crowd_of(db, 1)
        user_id = base.replace("crowd", name.lower())
        await db.execute(
            "INSERT INTO chat_users (user_id, username, display_name) VALUES ($1, $1, $2)",
            user_id,
            name,
        )
        users[number] = User(user_id, token_for(user_id))
    clients = [await opening(users[number]) for number in ("123", "456", "789")]
    return Stage(users, *clients)


def test_every_example_is_played() -> None:
    """There is a scene for each heading of the document that has examples."""
    assert SCENES.keys() | ELSEWHERE == {example.heading for example in document.EXAMPLES}


@pytest.mark.parametrize("heading", SCENES)
async def test_the_examples(stage: Stage, heading: str) -> None:
    """The request under a heading is answered, and told to others, as the document shows it."""
    await stage.cleared()
    await SCENES[heading](stage)


# -- private messages -----------------------------------------------------------------------------


@scene("Send Private Message")
async def _send(stage: Stage) -> None:
    before = await stage.said(stage.jane, "123")
    await stage.john.expect("new_private_message", lambda told: told["messageId"] == before)
    await stage.play(
        "Send Private Message",
        stage.john,
        given={"msg_789": before},
        others={"Recipient Receives": stage.jane},
        new="msg_abc123",
        apart=("Error Responses",),
    )


@scene("Get Private Messages")
async def _history(stage: Stage) -> None:
    said = await stage.said(stage.john, "456")
    await stage.jane.ask("mark_message_read", "message_read", messageId=said)
    await stage.jane.ask("add_reaction", "reaction_added", messageId=said, reaction="👍")
    ask, answer = (e.body for e in document.EXAMPLES if e.heading == "Get Private Messages")
    # The document's page has one message, and more behind it.
    places = {**stage.places, "msg_abc123": said}
    ask, answer = (document.real({**body}, places) for body in (ask, answer))
    ask["limit"] = answer["pagination"]["limit"] = 1
    del ask["type"]
    judge(answer, await stage.john.ask("get_private_messages", "private_messages", **ask), places)


@scene("Mark Message as Read")
async def _read(stage: Stage) -> None:
    said = await stage.said(stage.jane, "123")
    await stage.play("Mark Message as Read", stage.john, given={"msg_abc123": said})
    told = await stage.jane.expect("message_read", lambda told: told["messageId"] == said)
    example = next(e.body for e in document.EXAMPLES if e.body.get("type") == "message_read")
    judge(example, told, {**stage.places, "msg_abc123": said})


@scene("Edit Message")
async def _edit(stage: Stage) -> None:
    said = await stage.said(stage.john, "456")
    apart = ("Error Response (timeout)",)
    await stage.play("Edit Message", stage.john, given={"msg_abc123": said}, apart=apart)
    told = await stage.jane.expect("message_edited", lambda told: told["messageId"] == said)
    example = next(e.body for e in document.EXAMPLES if e.body.get("type") == "message_edited")
    judge(example, told, {**stage.places, "msg_abc123": said})


async def _play_and_hear(
    stage: Stage, heading: str, type_: str, *, before: Callable[[str], Awaitable[object]] | None
) -> None:
    """A request about a message of John's, which Jane is told of as he is answered."""
    said = await stage.said(stage.john, "456")
    if before is not None:
        await before(said)
    given = {"msg_abc123": said}
    answer = await stage.play(heading, stage.john, given=given)
    assert answer["type"] == type_
    told = await stage.jane.expect(type_, lambda told: told["messageId"] == said)
    example = next(
        e.body for e in document.EXAMPLES if e.heading == heading and e.label != "Request"
    )
    judge(example, told, {**stage.places, **given})


@scene("Delete Message")
async def _delete(stage: Stage) -> None:
    await _play_and_hear(stage, "Delete Message", "message_deleted", before=None)


@scene("Add Reaction")
async def _react(stage: Stage) -> None:
    await _play_and_hear(stage, "Add Reaction", "reaction_added", before=None)


@scene("Remove Reaction")
async def _unreact(stage: Stage) -> None:
    async def react(said: str) -> None:
        await stage.john.ask("add_reaction", "reaction_added", messageId=said, reaction="👍")

    await _play_and_hear(stage, "Remove Reaction", "reaction_removed", before=react)


@scene("Pin Message")
async def _pin(stage: Stage) -> None:
    await _play_and_hear(stage, "Pin Message", "message_pinned", before=None)


@scene("Unpin Message")
async def _unpin(stage: Stage) -> None:
    said = await stage.said(stage.john, "456")
    await stage.john.ask("pin_message", "message_pinned", messageId=said)
    (asked,) = (e.body for e in document.EXAMPLES if e.heading == "Unpin Message")
    fields = document.real(asked, {**stage.places, "msg_abc123": said})
    fields.pop("type")
    # The document has no answer; it is that of its counterpart.
    answer = await stage.john.ask("unpin_message", "message_unpinned", **fields)
    assert answer["messageId"] == said
    assert (await stage.jane.expect("message_unpinned"))["messageId"] == said


@scene("Typing Indicator")
async def _typing(stage: Stage) -> None:
    await stage.said(stage.john, "456")
    others = {"Recipient Receives": stage.jane}
    await stage.play("Typing Indicator", stage.john, others=others)


@scene("Start Conversation")
async def _start(stage: Stage) -> None:
    await stage.play("Start Conversation", stage.john)


@scene("Delete Conversation")
async def _hide(stage: Stage) -> None:
    await stage.said(stage.john, "456")
    await stage.play("Delete Conversation", stage.john)


# -- groups ---------------------------------------------------------------------------------------


@scene("Create Group")
async def _create(stage: Stage) -> None:
    others = {"Broadcast to Members": stage.jane}
    await stage.play("Create Group", stage.john, others=others, new="group_xyz789")


@scene("Send Group Message")
async def _send_to_group(stage: Stage) -> None:
    group = await stage.group("456", "789")
    before = await stage.john.ask(
        "send_group_message", "group_message_sent", groupId=group, content="Hello team!"
    )
    await stage.cleared()
    await stage.play(
        "Send Group Message",
        stage.john,
        given={"group_xyz789": group, "msg_abc123": before["messageId"]},
        others={"Broadcast to Members": stage.third, "Mention Notification": stage.jane},
        new="msg_group123",
    )


@scene("Get Group Messages")
async def _group_history(stage: Stage) -> None:
    group = await stage.group()
    for _ in range(51):
        await stage.john.say("send_group_message", groupId=group, content="text")
    for _ in range(51):
        await stage.john.expect("group_message_sent")
    await stage.play("Get Group Messages", stage.john, given={"group_xyz789": group})


@scene("Get User Groups")
async def _groups(stage: Stage) -> None:
    group = await stage.group("456", "789", "999", name="Project Team")
    await stage.john.ask("promote_member", "member_promoted", groupId=group, userId=stage.id("789"))
    # As the document's person has it, who is an admin of it; the others of the test are behind it.
    ask, answer = (e.body for e in document.EXAMPLES if e.heading == "Get User Groups")
    found = await stage.third.ask(ask["type"], answer["type"])
    found["groups"] = [shown for shown in found["groups"] if shown["groupId"] == group]
    answer["groups"][0]["memberCount"] = 4
    judge(answer, found, {**stage.places, "group_xyz789": group})


@scene("Add Group Member")
async def _add(stage: Stage) -> None:
    group = await stage.group("456")
    others = {"Broadcast to Members": stage.jane}
    await stage.play("Add Group Member", stage.john, given={"group_xyz789": group}, others=others)


async def _play_in_group(
    stage: Stage, heading: str, type_: str, *members: str, promoted: str | None = None
) -> None:
    """A request of John's about a group of his, which Jane is told of as he is answered."""
    group = await stage.group("456", *members)
    if promoted is not None:
        fields = {"groupId": group, "userId": stage.id(promoted)}
        await stage.john.ask("promote_member", "member_promoted", **fields)
        await stage.jane.expect("member_promoted", lambda told: told["groupId"] == group)
    answer = await stage.play(heading, stage.john, given={"group_xyz789": group})
    assert answer["type"] == type_
    told = await stage.jane.expect(type_, lambda told: told.get("groupId", group) == group)
    example = next(
        e.body for e in document.EXAMPLES if e.heading == heading and e.label == "Response"
    )
    judge(example, told, {**stage.places, "group_xyz789": group})


@scene("Remove Group Member")
async def _remove(stage: Stage) -> None:
    await _play_in_group(stage, "Remove Group Member", "member_removed", "999")


@scene("Leave Group")
async def _leave(stage: Stage) -> None:
    created = await stage.jane.ask(
        "create_group", "group_created", groupName="Jane's", initialMembers=[stage.id("123")]
    )
    group = created["group"]["groupId"]
    await stage.play("Leave Group", stage.john, given={"group_xyz789": group})
    assert (await stage.jane.expect("member_left"))["userId"] == stage.id("123")


@scene("Promote Member")
async def _promote(stage: Stage) -> None:
    await _play_in_group(stage, "Promote Member", "member_promoted")


@scene("Demote Member")
async def _demote(stage: Stage) -> None:
    await _play_in_group(stage, "Demote Member", "member_demoted", promoted="456")


@scene("Update Group Info")
async def _update(stage: Stage) -> None:
    await _play_in_group(stage, "Update Group Info", "group_info_updated")


@scene("Send Announcement")
async def _announce(stage: Stage) -> None:
    group = await stage.group("456")
    answer = await stage.play("Send Announcement", stage.john, given={"group_xyz789": group})
    told = await stage.jane.expect(
        "new_group_message", lambda told: told["message"]["groupId"] == group
    )
    assert told["message"] == answer["message"]
    assert told["message"]["isAnnouncement"] is True


@scene("Delete Group")
async def _end(stage: Stage) -> None:
    await _play_in_group(stage, "Delete Group", "group_deleted")


# -- the system -----------------------------------------------------------------------------------


@scene("Get Online Users")
async def _online(stage: Stage) -> None:
    await stage.said(stage.john, "456")
    ask, answer = (e.body for e in document.EXAMPLES if e.heading == "Get Online Users")
    found = await stage.jane.ask(ask["type"], answer["type"])
    assert found["count"] == len(found["users"])
    found["users"] = [user for user in found["users"] if user["userId"] == stage.id("123")]
    found["count"] = 1
    judge(answer, found, stage.places)


@scene("Ping")
async def _ping(stage: Stage) -> None:
    await stage.play("Ping", stage.john)


@scene("Test")
async def _test(stage: Stage) -> None:
    await stage.play("Test", stage.john)
