"""Snapshot + events = snapshot: the pure part of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Resource = dict[str, Any]
Messages = dict[str, Resource]
Log = Mapping[int, tuple[str, Any]]

# What all members see alike, and no event leaves to guess.
SHARED = (
    "id", "type", "title", "description", "product", "created_by", "max_members", "member_count",
    "is_active", "settings", "created_at",
)  # fmt: skip
_GONE = ("group:member_removed", "group:member_left")
_CREATED = ("chat:conversation_created", "group:created")
_ROLE = ("group:member_promoted", "group:member_demoted", "group:owner_changed")


@dataclass(slots=True)
class Card:
    """A conversation's own fields and its members' roles, out of its resource."""

    resource: Resource
    shared: Resource = field(init=False)
    members: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.shared = {name: self.resource[name] for name in SHARED}
        self.members = {p["user_id"]: p["role"] for p in self.resource["participants"]}


def _after(log: Log, seq: int) -> Iterator[tuple[str, Any]]:
    return (log[at] for at in sorted(log) if at > seq)


def fold_card(card: Card, log: Log, since: int) -> Card:
    """The conversation after the events that came after a seq."""
    # A card is read in more than one look: its members may be newer than its seq, so they are set, not counted.
    for name, data in _after(log, since):
        if name == "group:member_added":
            card.members[data["user"]["user_id"]] = data["role"]
            card.shared["member_count"] += 1
        elif name in _GONE:
            card.members.pop(data["user"]["user_id"], None)
            card.shared["member_count"] -= 1
        elif name in _ROLE:
            card.members[data["user"]["user_id"]] = data["role"]
            if name == "group:owner_changed":
                card.members[data["by"]] = "admin"
        elif name == "group:info_updated":
            for field_name in ("title", "description", "max_members"):
                card.shared[field_name] = data["conversation"][field_name]
        elif (
            not name.startswith("chat:") and name not in _CREATED and name != "group:member_updated"
        ):
            raise AssertionError(f"the model does not know {name}")
    return card


def fold_messages(base: Mapping[str, Resource], log: Log, since: int) -> Messages:
    """The messages after the events that came after a seq. What is said of unknown messages is passed over."""
    messages = dict(base)
    for name, data in _after(log, since):
        if name == "chat:message_received":
            message = {key: value for key, value in data.items() if key != "conversationId"}
            messages[data["id"]] = message
        elif (
            name in _CREATED or not name.startswith("chat:") or name == "chat:conversation_blocked"
        ):
            continue
        elif (old := messages.get(data["messageId"])) is not None:
            messages[old["id"]] = _changed(old, name, data)
    return messages


def _changed(old: Resource, name: str, data: Resource) -> Resource:
    if name == "chat:message_edited":
        return dict(data["message"])
    # A message may have come as it was after later events already.
    old = old | {"updated_seq": max(old["updated_seq"], data["seq"])}
    if name == "chat:message_deleted":
        return old | {
            "content": None,
            "content_encrypted": None,
            "metadata": {},
            "mentions": [],
            "files": [],
            "reactions": [],
            "is_pinned": False,
            "is_deleted": True,
        }
    if name == "chat:file_updated":
        files = [
            data["file"] if file["id"] == data["file"]["id"] else file for file in old["files"]
        ]
        return old | {"files": files}
    if name in ("chat:message_pinned", "chat:message_unpinned"):
        return old | {"is_pinned": name == "chat:message_pinned"}
    who = data["reaction"]["user_id"] if name == "chat:reaction_added" else data["userId"]
    others = [reaction for reaction in old["reactions"] if reaction["user_id"] != who]
    if name == "chat:reaction_added":
        return old | {"reactions": [*others, data["reaction"]]}
    if name == "chat:reaction_removed":
        return old | {"reactions": others}
    raise AssertionError(f"the model does not know {name}")


def blocked(log: Log, since: int, base: tuple[bool, str | None]) -> tuple[bool, str | None]:
    """Whether a conversation is blocked, in whichever way, and by whom, where that is known."""
    for name, data in _after(log, since):
        if name == "chat:conversation_blocked":
            base = data["blocked"], data["blockedBy"]
    return base
