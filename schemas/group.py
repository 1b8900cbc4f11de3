"""``group:*``: groups and who is in them."""

from schemas.base import ChangeOfConversation
from schemas.conversations import ConversationGiven
from schemas.groups import (
    Demote,
    GroupAnnounce,
    GroupCreate,
    GroupEvent,
    GroupListAsk,
    GroupPage,
    GroupUpdate,
    MemberAdd,
    MemberAdded,
    MemberChange,
    MemberEvent,
    MemberGiven,
    MemberPage,
    MemberRole,
    MembersAsk,
    MembersGiven,
    MemberUpdated,
    Permit,
    Promote,
    RoleGiven,
)
from schemas.messages import MessageSent
from schemas.table import Choice, Command, Push, Rest

_NOT_FOUND = "RESOURCE_NOT_FOUND"

COMMANDS = (
    Command(
        "group:create",
        takes=GroupCreate,
        gives=ConversationGiven,
        mutates=True,
        errors=(_NOT_FOUND, "USER_BLOCKED", "CONFLICT"),
        rest=(Rest("POST", "/api/conversations/group", 201, bare="conversation"),),
        doc="Create a group; you are its owner.",
    ),
    Command(
        "group:list",
        takes=GroupListAsk,
        gives=GroupPage,
        doc="Your groups, the most recently active first, also those whose history you have hidden.",
    ),
    Command(
        "group:member_add",
        takes=MemberAdd,
        gives=MembersGiven,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED", "USER_BLOCKED", "CONFLICT"),
        rest=(
            Rest(
                "POST",
                "/api/conversations/{conversation_id}/participants",
                then="chat:conversation_get",
                bare="conversation",
            ),
        ),
        doc="Add people to a group: all of them or none. Who is a member already stays as they are. "
        "For admins, the owner, and members with the permission.",
    ),
    Command(
        "group:member_remove",
        takes=MemberChange,
        gives=None,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED"),
        rest=(
            Rest(
                "DELETE",
                "/api/conversations/{conversation_id}/participants/{user_id}",
                then="chat:conversation_get",
                bare="conversation",
                own="group:leave",
            ),
        ),
        doc="Remove somebody of a lower role than yours from a group, as an admin or its owner.",
    ),
    Command(
        "group:leave",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        errors=(_NOT_FOUND, "CONFLICT"),
        doc="Leave a group. Its owner has to transfer it first.",
    ),
    Command(
        "group:members",
        takes=MembersAsk,
        gives=MemberPage,
        errors=(_NOT_FOUND,),
        rest=(
            Rest(
                "GET",
                "/api/conversations/{conversation_id}/participants",
                shows=("participants", "total", "pagination"),
            ),
        ),
        doc="A page of a group's members: the highest roles first, then the longest members.",
    ),
    Command(
        "group:promote",
        takes=Promote,
        gives=RoleGiven,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED", "CONFLICT"),
        doc="Give a member a higher role, as the owner. An admin may add members.",
    ),
    Command(
        "group:demote",
        takes=Demote,
        gives=RoleGiven,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED", "CONFLICT"),
        doc="Give a member a lower role, as the owner. A member does not keep the permission to add members.",
    ),
    Command(
        "group:permit",
        takes=Permit,
        gives=MemberGiven,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED", "CONFLICT"),
        doc="Let a member of a lower role than yours add members, or not any more, as an admin or the owner.",
    ),
    Command(
        "group:transfer",
        takes=MemberChange,
        gives=None,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED"),
        doc="Make a member the owner of your group; you become an admin of it.",
    ),
    Command(
        "group:update",
        takes=GroupUpdate,
        gives=ConversationGiven,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED", "CONFLICT"),
        rest=(Rest("PATCH", "/api/conversations/{conversation_id}", bare="conversation"),),
        doc="Change a group's title, description or maximum of members, as an admin or its owner.",
    ),
    Command(
        "group:announce",
        takes=GroupAnnounce,
        gives=MessageSent,
        mutates=True,
        limit="message",
        errors=(_NOT_FOUND, "PERMISSION_DENIED", "IDEMPOTENCY_CONFLICT"),
        doc="Post an announcement to a group, as an admin or its owner.",
    ),
    Command(
        "group:delete",
        takes=ChangeOfConversation,
        gives=None,
        mutates=True,
        errors=(_NOT_FOUND, "PERMISSION_DENIED"),
        rest=(
            Rest(
                "DELETE",
                "/api/conversations/{conversation_id}",
                chosen_by=Choice("for_everyone", True),
            ),
        ),
        doc="End a group of yours, for everyone: nobody is a member of it after that, or can read it.",
    ),
)

PUSHES = (
    Push("group:created", carries=GroupEvent, durable=True, doc="A group was created with you."),
    Push(
        "group:info_updated",
        carries=GroupEvent,
        durable=True,
        doc="A group has another title, description or maximum of members.",
    ),
    Push(
        "group:deleted",
        carries=GroupEvent,
        durable=True,
        doc="A group is no more; you hear nothing of it after this.",
    ),
    Push("group:member_added", carries=MemberAdded, durable=True, doc="Somebody was added."),
    Push(
        "group:member_removed",
        carries=MemberEvent,
        durable=True,
        doc="Somebody was removed; if it is you, you hear nothing of the group after it.",
    ),
    Push("group:member_left", carries=MemberEvent, durable=True, doc="Somebody left."),
    Push(
        "group:member_promoted",
        carries=MemberRole,
        durable=True,
        doc="Somebody has a higher role; an admin may add members.",
    ),
    Push(
        "group:member_demoted",
        carries=MemberRole,
        durable=True,
        doc="Somebody has a lower role; a member may not add members any more.",
    ),
    Push(
        "group:member_updated",
        carries=MemberUpdated,
        durable=True,
        doc="Somebody may add members, or not any more.",
    ),
    Push(
        "group:owner_changed",
        carries=MemberRole,
        durable=True,
        doc="A group has another owner; the one before, ``by``, is an admin now.",
    ),
)
