"""Says what the database's verdicts on changes mean to those who asked for them, in one table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from chatserver.core.errors import ChatError, ErrorCode, conflict, denied, invalid, not_found
from chatserver.core.quotas import too_many_conversations, too_soon
from chatserver.store import Record

# What is changed. The same word may mean different things of different subjects.
Subject = Literal[
    "announcement",
    "conversation",
    "file",
    "group",
    "message",
    "new conversation",
    "new file",
    "post",
    "push device",
    "receipt",
    "user block",
]

# The verdicts that mean success: it was done, or it was so already.
DONE = frozenset({"created", "done", "duplicate", "found", "posted", "removed"})


class Refused(NamedTuple):
    """A change that was refused: the row that says so, and the field in which the caller named people."""

    row: Record
    field: str

    @property
    def people(self) -> Sequence[str]:
        """The ids of the people whom the verdict is about; empty where it names nobody."""
        named: Sequence[str] | None = self.row["people"]
        return named or ()

    def of_each(self, reason: str) -> Mapping[str, Sequence[str]]:
        """Return an error's `fields`, with one reason for each of the people."""
        return {self.field: [f"{reason}: {person}" for person in self.people]}


Refusal = Callable[[Refused], ChatError]


def _always(make: Callable[..., ChatError], *args: str, **kwargs: str) -> Refusal:
    """Return a refusal that is the same whatever the row says: `make` of these arguments."""
    return lambda _: make(*args, **kwargs)


def _blocked(details: str) -> ChatError:
    return ChatError(code=ErrorCode.USER_BLOCKED, details=details)


def _edit_window_expired() -> ChatError:
    return ChatError(
        code=ErrorCode.EDIT_WINDOW_EXPIRED,
        details="Messages can only be edited within 5 minutes of sending.",
    )


def _too_many_opened(refused: Refused) -> ChatError:
    return too_soon(refused.row["wait"], "You have opened too many conversations.")


def _too_soon_in_group(refused: Refused) -> ChatError:
    wait: float = refused.row["wait"]
    if not refused.people:
        return too_soon(wait, "You have created too many groups.")
    details = f"{', '.join(refused.people)} was added to this group too often."
    return too_soon(wait, details, refused.of_each("Was added too often"))


def _naming(code: ErrorCode, message: str, details: str, reason: str) -> Refusal:
    """Return a refusal that names people: in its details, in the place of ``{}``, and each with a reason."""

    def refuse(refused: Refused) -> ChatError:
        return ChatError(
            code=code,
            message=message,
            details=details.format(", ".join(refused.people)),
            fields=refused.of_each(reason),
        )

    return refuse


def _not_permitted(refused: Refused) -> ChatError:
    if refused.row["conversation_type"] == "direct":
        return invalid("conversationId", "Is not a group.")
    return denied("Insufficient permissions")


_NO_CONVERSATION = _always(not_found, "conversation")
_NO_MESSAGE = _always(not_found, "message")
_NO_GROUP = _always(invalid, "conversationId", "Is not a group.")
_CANNOT_SEND = _always(_blocked, "You cannot send messages to this user.")

_NO_FILE = _always(not_found, "file", field="fileId")


def _too_many_bytes(refused: Refused) -> ChatError:
    return too_soon(refused.row["wait"], "You have uploaded as much as you may in a day.")


_OF_POSTS: Mapping[str, Refusal] = {
    "not_found": _NO_CONVERSATION,
    "blocked": _CANNOT_SEND,
    "reply_not_found": _always(not_found, "message", field="replyToMessageId"),
    "file_not_found": _always(not_found, "file", field="fileIds"),
    "file_used": _always(conflict, "A file was sent already"),
    "file_unfinished": _always(conflict, "A file is not uploaded yet"),
    "file_refused": _always(conflict, "A file was refused"),
}

REFUSALS: Mapping[Subject, Mapping[str, Refusal]] = {
    "post": _OF_POSTS,
    # Only a group has announcements, so a block does not matter.
    "announcement": {**_OF_POSTS, "blocked": _not_permitted, "not_permitted": _not_permitted},
    "new conversation": {
        "blocked": _CANNOT_SEND,
        "too_many_conversations": _always(too_many_conversations),
        "too_soon": _too_many_opened,
    },
    "message": {
        "not_found": _NO_MESSAGE,
        "denied": _always(denied),
        "blocked": _always(_blocked, "You cannot exchange messages with this user."),
        "full": _always(conflict, "There are as many of these as there may be"),
        "expired": _always(_edit_window_expired),
    },
    "receipt": {
        "no_conversation": _NO_CONVERSATION,
        "no_message": _NO_MESSAGE,
        "gone": _NO_MESSAGE,
    },
    "conversation": {
        "not_found": _NO_CONVERSATION,
        "group": _always(
            invalid, "conversationId", "Is a group; only a direct one can be blocked."
        ),
    },
    "file": {
        "not_found": _NO_FILE,
        "used": _always(conflict, "The file was sent: it goes with its message"),
    },
    "new file": {
        "not_found": _NO_CONVERSATION,
        "blocked": _CANNOT_SEND,
        "too_soon": _too_many_bytes,
    },
    "push device": {
        "full": _always(conflict, "You have as many devices as one person may have"),
        "not_found": _always(not_found, "device"),
    },
    "user block": {
        # Blocks are in a table of the main back end, whose ids cannot name every person of ours.
        "unknown": _always(not_found, "user"),
    },
    "group": {
        "not_found": _NO_CONVERSATION,
        "no_group": _NO_GROUP,
        "no_member": lambda refused: not_found("member", field=refused.field),
        "self": lambda refused: invalid(refused.field, "Must be somebody else than yourself."),
        "denied": _always(denied, "Insufficient permissions"),
        "unknown": _naming(
            ErrorCode.RESOURCE_NOT_FOUND,
            "User not found",
            "Nobody has the id {}.",
            "User not found",
        ),
        "blocked": _naming(
            ErrorCode.USER_BLOCKED,
            "User blocked",
            "There is a block between you and {}.",
            "User blocked",
        ),
        "crowded": _naming(
            ErrorCode.CONFLICT,
            "Too many conversations",
            "As many conversations as one person may have: {}.",
            "Has too many conversations",
        ),
        "too_many_conversations": _always(too_many_conversations),
        "too_soon": _too_soon_in_group,
        "full": _always(conflict, "The group is full"),
        "owner": _always(conflict, "The owner cannot leave: transfer the group first"),
        "is_higher": _always(conflict, "The member has a higher role already"),
        "is_lower": _always(conflict, "The member has a lower role already"),
        "is_admin": _always(conflict, "An admin may add members in any case"),
        "too_many": _always(conflict, "The group has more members than that"),
    },
}


def refusal(subject: Subject, row: Record, field: str = "userId") -> ChatError:
    """Return the error that a verdict other than `DONE` means.

    Args:
        field: what the caller named people in.
    """
    return REFUSALS[subject][row["verdict"]](Refused(row, field))


def check(subject: Subject, row: Record, field: str = "userId") -> None:
    """Raise the error that a verdict means, unless the change was done.

    Raises:
        ChatError: what `refusal` makes of a change that was not.
    """
    if row["verdict"] not in DONE:
        raise refusal(subject, row, field)
