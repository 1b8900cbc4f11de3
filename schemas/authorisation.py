"""Who may do what: the outcome of each command by the caller's role. The tests execute every cell."""

from collections.abc import Mapping
from dataclasses import dataclass

OK = "ok"

ROLES: Mapping[str, str] = {
    "stranger": "Was never in the conversation.",
    "ex-member": "Was a member of the group, and left or was removed.",
    "blocked": "A block, by either side, between the caller and the other person of the direct conversation, "
    "or, for commands of groups, the person whom the caller, who may add members, names.",
    "member": "A member of the group, or one of the two of a direct conversation.",
    "moderator": "A moderator of the group.",
    "admin": "An admin of the group.",
    "owner": "The owner of the group.",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A command, where need be about something in particular, and its outcomes in the order of `ROLES`.

    An outcome is ``ok`` or the code of the error.
    """

    command: str
    outcomes: tuple[str, ...]
    about: str = ""

    def outcome(self, role: str) -> str:
        """Return the outcome of the command for one role."""
        return self.outcomes[tuple(ROLES).index(role)]


_GONE = "RESOURCE_NOT_FOUND"
_NO = "PERMISSION_DENIED"
_BLOCKED = "USER_BLOCKED"
_WRONG = "VALIDATION_ERROR"

# For everybody; for those who take part; for those who take part, unless there is a block.
_ALL = (OK,) * 7
_INSIDE = (_GONE, _GONE, OK, OK, OK, OK, OK)
_UNBLOCKED = (_GONE, _GONE, _BLOCKED, OK, OK, OK, OK)
# With whomever, unless there is a block.
_WITH_ANYBODY = (OK, OK, _BLOCKED, OK, OK, OK, OK)
# Both people of a direct conversation may pin.
_PINS = (_GONE, _GONE, _BLOCKED, _NO, OK, OK, OK)
# In groups.
_ADMINS = (_GONE, _GONE, _NO, _NO, _NO, OK, OK)
_OWNER = (_GONE, _GONE, _NO, _NO, _NO, _NO, OK)

RULES = (
    Rule("chat:message_send", _UNBLOCKED),
    Rule("chat:message_send", _WITH_ANYBODY, "to a person"),
    Rule("chat:message_delivered", _INSIDE),
    Rule("chat:message_read", _INSIDE),
    Rule("chat:message_edit", _UNBLOCKED, "one's own message"),
    Rule("chat:message_edit", (_GONE, _GONE, _NO, _NO, _NO, _NO, _NO), "another's message"),
    Rule("chat:message_delete", _INSIDE, "one's own message"),
    Rule("chat:message_delete", (_GONE, _GONE, _NO, _NO, OK, OK, OK), "another's message"),
    Rule("chat:message_delete", _INSIDE, "another's message, for oneself"),
    Rule("chat:reaction_add", _UNBLOCKED),
    Rule("chat:reaction_remove", _UNBLOCKED),
    Rule("chat:message_pin", _PINS),
    Rule("chat:message_unpin", _PINS),
    Rule("chat:pins", _INSIDE),
    # Where there is a block it is acknowledged, and goes nowhere.
    Rule("chat:typing", _INSIDE),
    Rule("chat:history", _INSIDE),
    Rule("chat:sync", _INSIDE),
    Rule("chat:search", _ALL),
    Rule("chat:search", _INSIDE, "in one conversation"),
    Rule("file:create", _UNBLOCKED),
    Rule("file:complete", _ALL, "one's own file"),
    Rule("file:delete", _ALL, "one's own file that was not sent"),
    Rule("file:links", _ALL),
    Rule("chat:conversation_open", _WITH_ANYBODY),
    Rule("chat:conversation_find", _ALL),
    Rule("chat:conversation_list", _ALL),
    Rule("chat:conversation_get", _INSIDE),
    Rule("chat:conversation_delete", _INSIDE),
    Rule("chat:conversation_mark_unread", _INSIDE),
    Rule("chat:conversation_settings_set", _INSIDE),
    # A group has no blocks.
    Rule("chat:conversation_block", (_GONE, _GONE, OK, _WRONG, _WRONG, _WRONG, _WRONG)),
    Rule("group:create", _WITH_ANYBODY),
    Rule("group:list", _ALL),
    Rule("group:members", _INSIDE),
    Rule("group:member_add", (_GONE, _GONE, _BLOCKED, _NO, _NO, OK, OK)),
    Rule("group:member_add", _UNBLOCKED, "with the permission to add members"),
    Rule("group:member_remove", _ADMINS, "a member"),
    Rule("group:member_remove", _ADMINS, "a moderator"),
    Rule("group:member_remove", _OWNER, "an admin"),
    Rule("group:leave", (_GONE, _GONE, OK, OK, OK, OK, "CONFLICT")),
    Rule("group:promote", _OWNER),
    Rule("group:demote", _OWNER),
    Rule("group:permit", _ADMINS, "a member"),
    Rule("group:permit", _OWNER, "an admin"),
    Rule("group:transfer", _OWNER),
    Rule("group:update", _ADMINS),
    Rule("group:announce", _ADMINS),
    Rule("group:delete", _OWNER),
    Rule("presence:online", _ALL),
    Rule("presence:offline", _ALL),
    Rule("presence:focus", _INSIDE),
    Rule("presence:list", _ALL),
    Rule("push:device_add", _ALL),
    Rule("push:device_list", _ALL),
    # One's own alone: whatever others have is not there.
    Rule("push:device_remove", (_GONE,) * 7),
    Rule("user:block", _ALL),
    Rule("user:unblock", _ALL),
    Rule("user:profile_pictures", _ALL),
    Rule("session:refresh", _ALL),
    Rule("system:ping", _ALL),
    Rule("system:test", _ALL),
)
