"""What the answers to these clients' messages are made of, beside what stands where it is to be found."""

from collections.abc import Mapping
from typing import Any

from chatserver.doors.messaging import shapes
from chatserver.doors.messaging.ids import direct_id
from chatserver.doors.messaging.shapes import Body, Resource

Given = Mapping[str, Any]


def message(shown: Resource | None, asked: Given) -> Body | None:
    """Return a message that was sent; None for a sender who may not see it any more.

    A conversation is named by its people, unless it was asked for by its UUID, as one about a product is.
    """
    if shown is None:
        return None
    conversation_id = shown["conversation_id"]
    if shown["recipient_id"] is None:
        return shapes.group_message(shown, conversation_id)
    named = direct_id(shown["sender_id"], shown["recipient_id"])
    by_uuid = asked.get("conversationId") == conversation_id
    return shapes.private_message(shown, conversation_id if by_uuid or not named else named)


def page(messages: list[Resource], asked: Given) -> list[Body]:
    """Return the messages of a page, without those that were erased; each with its reactions."""
    shown = []
    for each in shapes.standing(messages):
        body = message(each, asked)
        assert body is not None  # there is one
        shown.append({"reactions": [], **body})
    return shown


def place(asked: Given) -> str | None:
    """Return the id of the conversation as the client wrote it; None where it wrote none."""
    found: str | None = asked.get("conversationId")
    return found


def group(asked: Given) -> str | None:
    """Return the id of the group as the client wrote it; None where it wrote none."""
    found: str | None = asked.get("groupId")
    return found


def message_id(asked: Given) -> str:
    """Return the id of the message that the client named, in lower case."""
    return str(asked["messageId"]).lower()


def for_everyone(asked: Given) -> bool:
    """Return whether a message is erased for everyone."""
    found = asked.get("deleteForEveryone")
    return True if found is None else bool(found)


def edited(shown: Resource | None) -> Body | None:
    """Return what an edit has changed."""
    return None if shown is None else shapes.edited_message(shown)


def if_true(value: bool) -> bool | None:
    """Return True, or nothing."""
    return value or None


def members(conversation: Resource, asked: Given) -> list[str]:
    """Return the members of a new group: as they are listed, where all are, else as they were asked for."""
    listed = [participant["user_id"] for participant in conversation["participants"]]
    if len(listed) < conversation["member_count"]:
        return list(dict.fromkeys((conversation["created_by"], *asked["initialMembers"])))
    return listed


def groups(found: list[Resource], user_id: str) -> list[Body]:
    """Return groups, each for a member of it."""
    return [shapes.group_of(each, user_id) for each in found]


def text(value: str | None) -> str:
    """Return a text, or an empty one."""
    return value or ""
