"""What is asked of groups."""

from chatserver.doors.messaging import answers, shapes
from chatserver.doors.messaging.ask_fields import (
    ASKED,
    GROUP,
    MEMBER,
    NOW,
    OF_GROUP,
    OF_MEMBER,
    PAGE,
    PAGED,
    REQUEST,
    SAID,
    SENT,
)
from chatserver.doors.words import Ask, Computed, Fact

GROUPS = (
    Ask(
        "create_group",
        "group:create",
        {
            "title": "groupName",
            "description": "groupDescription",
            "participantIds": "initialMembers",
            "maxMembers": "maxMembers",
            **REQUEST,
        },
        "group_created",
        {
            "group": Computed(shapes.group, "conversation"),
            "members": Computed(answers.members, "conversation", ASKED),
            **NOW,
        },
    ),
    Ask(
        "send_group_message",
        "chat:message_send",
        {**GROUP, **SAID},
        "group_message_sent",
        SENT,
    ),
    Ask(
        "get_group_messages",
        "chat:history",
        {**GROUP, **PAGED},
        "group_messages",
        PAGE,
    ),
    Ask(
        "get_user_groups",
        "group:list",
        {"limit": "limit", "cursor": "cursor"},
        "user_groups",
        {
            "groups": Computed(answers.groups, "groups", Fact("me.id")),
            "pagination": {
                "hasMore": "pagination.hasMore",
                "nextCursor": "pagination.nextCursor",
            },
            **NOW,
        },
    ),
    Ask(
        "add_group_member",
        "group:member_add",
        MEMBER,
        "member_added",
        {
            **OF_GROUP,
            "userId": "participant.user_id",
            "username": "participant.username",
            "addedBy": Fact("me.id"),
            **NOW,
        },
    ),
    Ask(
        "remove_group_member",
        "group:member_remove",
        MEMBER,
        "member_removed",
        {**OF_MEMBER, "removedBy": Fact("me.id"), **NOW},
    ),
    Ask(
        "leave_group",
        "group:leave",
        {**GROUP, **REQUEST},
        "member_left",
        {**OF_GROUP, "userId": Fact("me.id"), **NOW},
    ),
    Ask(
        "promote_member",
        "group:promote",
        MEMBER,
        "member_promoted",
        {**OF_MEMBER, "newRole": "role", "promotedBy": Fact("me.id"), **NOW},
    ),
    Ask(
        "demote_member",
        "group:demote",
        MEMBER,
        "member_demoted",
        {**OF_MEMBER, "newRole": "role", "demotedBy": Fact("me.id"), **NOW},
    ),
    Ask(
        "update_group_info",
        "group:update",
        {
            **GROUP,
            "title": "groupName",
            "description": "groupDescription",
            **REQUEST,
        },
        "group_info_updated",
        {
            **OF_GROUP,
            "groupName": "conversation.title",
            "groupDescription": Computed(answers.text, "conversation.description"),
            "updatedBy": Fact("me.id"),
            **NOW,
        },
    ),
    Ask(
        "send_announcement",
        "group:announce",
        {
            **GROUP,
            "content": "content",
            "clientMessageId": "clientMessageId",
            **REQUEST,
        },
        "announcement_sent",
        SENT,
    ),
    Ask(
        "delete_group",
        "group:delete",
        {**GROUP, **REQUEST},
        "group_deleted",
        {**OF_GROUP, "deletedBy": Fact("me.id"), **NOW},
    ),
)
