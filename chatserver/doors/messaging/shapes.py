"""Resources as the messaging system shows them (messaging-api.md): dicts for the wire, in its names."""

from collections.abc import Iterable, Mapping
from typing import Any

from chatserver.doors.messaging.ids import direct_id, group_id
from chatserver.doors.words import files
from chatserver.schemas.messaging import MessagingConversation, MessagingLast, MessagingPerson
from chatserver.schemas.resources import Person
from chatserver.schemas.wire import to_wire

Body = dict[str, Any]
# A resource of `schemas.resources`, of this process or as another one told it.
Resource = Mapping[str, Any]


def person(user: Person) -> Body:
    """Return the person who is connected, or online."""
    return {
        "userId": user.user_id,
        "username": user.username,
        "displayName": user.display_name,
    }


def private_message(message: Resource, conversation_id: str) -> Body:
    """Return a message of two people, as it is now; `conversation_id` is how these clients call it."""
    return {
        **_said(message),
        "conversationId": conversation_id,
        "recipientId": message["recipient_id"],
        "isRead": message["status"] == "read",
    }


def group_message(message: Resource, conversation_id: str) -> Body:
    """Return a message of a group, as it is now; `conversation_id` is the group's UUID."""
    shown = {
        **_said(message),
        "groupId": group_id(conversation_id),
        "mentions": [
            {"type": m["type"], "userId": m["user_id"], "username": m["username"]}
            for m in message["mentions"]
        ],
    }
    if message["is_announcement"]:
        shown["isAnnouncement"] = True
    return shown


def _said(message: Resource) -> Body:
    shown: Body = {
        "id": message["id"],
        "senderId": message["sender_id"],
        "username": message["sender_username"],
        "content": message["content"] or "",
        "timestamp": message["created_at"],
        "replyToMessageId": message["reply_to_message_id"],
    }
    if message["reactions"]:
        shown["reactions"] = [reaction(each) for each in message["reactions"]]
    if message["content_encrypted"] is not None:
        shown["contentEncrypted"] = message["content_encrypted"]
    if message["client_message_id"] is not None:
        shown["clientMessageId"] = message["client_message_id"]
    if message["message_type"] != "text":
        shown["messageType"] = message["message_type"]
    if (shown_files := files(message["files"])) is not None:
        shown["files"] = shown_files
    if message["metadata"]:
        shown["metadata"] = message["metadata"]
    if message["edited_at"] is not None:
        shown["editedAt"] = message["edited_at"]
    if message["is_pinned"]:
        shown["isPinned"] = True
    return shown


def reaction(given: Resource) -> Body:
    """Return somebody's reaction."""
    return {
        "userId": given["user_id"],
        "username": given["username"],
        "reaction": given["reaction"],
    }


def edited_message(message: Resource) -> Body:
    """Return what an edit has changed of a message."""
    shown = {
        "id": message["id"],
        "content": message["content"] or "",
        "editedAt": message["edited_at"],
    }
    if message["content_encrypted"] is not None:
        shown["contentEncrypted"] = message["content_encrypted"]
    return shown


def standing(messages: Iterable[Resource]) -> list[Resource]:
    """Return those that were not erased: the messaging system shows no tombstones."""
    return [message for message in messages if not message["is_deleted"]]


def group(conversation: Resource) -> Body:
    """Return a group, for the person who created it."""
    return {
        "groupId": group_id(conversation["id"]),
        "groupName": conversation["title"],
        "groupDescription": conversation["description"] or "",
        "createdBy": conversation["created_by"],
        "maxMembers": conversation["max_members"],
        "memberCount": conversation["member_count"],
        "createdAt": conversation["created_at"],
    }


def group_or_none(conversation: Resource | None) -> Body | None:
    """Return a group, where there is one."""
    return None if conversation is None else group(conversation)


def group_of(conversation: Resource, user_id: str) -> Body:
    """Return a group, for a member of it."""
    own = _participant(conversation, user_id)
    return {
        "groupId": group_id(conversation["id"]),
        "groupName": conversation["title"],
        "groupDescription": conversation["description"] or "",
        "createdBy": conversation["created_by"],
        "myRole": conversation["my_role"],
        "memberCount": conversation["member_count"],
        "joinedAt": own["joined_at"] if own else None,
        "unreadCount": conversation["unread_count"],
    }


def _participant(conversation: Resource, user_id: str) -> Resource | None:
    """Return a member; a large group lists its first hundred, and nobody else is found."""
    return next((p for p in conversation["participants"] if p["user_id"] == user_id), None)


def conversation_id_of(conversation: Resource) -> str:
    """Return how these clients call a conversation."""
    if conversation["type"] == "group":
        return group_id(conversation["id"])
    people = [participant["user_id"] for participant in conversation["participants"]]
    named = direct_id(*people) if len(people) == 2 and conversation["product"] is None else None
    return named or str(conversation["id"])


def counterpart(conversation: Resource, user_id: str) -> MessagingPerson:
    """Return the other person of a direct conversation."""
    other = next(p for p in conversation["participants"] if p["user_id"] != user_id)
    return MessagingPerson(user_id=other["user_id"], username=other["username"])


def participant(conversation: Resource, user_id: str) -> Body:
    """Return the other person of a direct conversation, as they are told."""
    return to_wire(counterpart(conversation, user_id))


def card(conversation: Resource, user_id: str) -> MessagingConversation:
    """Return a direct conversation in the list of one of its people."""
    last = conversation["last_message"]
    return MessagingConversation(
        conversation_id=conversation_id_of(conversation),
        participant=counterpart(conversation, user_id),
        last_message=None if last is None or last["is_deleted"] else _last(last),
        unread_count=conversation["unread_count"],
    )


def _last(message: Resource) -> MessagingLast:
    return MessagingLast(
        id=message["id"],
        content=message["content"] or "",
        timestamp=message["created_at"],
        content_encrypted=message["content_encrypted"],
    )
