"""One conversation as a client knows it: a snapshot of it, and the events since, folded."""

from dataclasses import dataclass, field
from typing import Any

from tests.property.fold import Card, Messages, blocked, fold_card, fold_messages

Resource = dict[str, Any]

_STATUSES = ("sent", "delivered", "read")


@dataclass(slots=True)
class Receipts:
    """What one person has received and read of a conversation, as far as it was told."""

    delivered: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def has_read(self, message: Resource) -> bool:
        """Whether the person has read a message."""
        return message["id"] in self.ids or any(
            low <= message["seq"] <= high for low, high in self.ranges
        )


@dataclass(slots=True, kw_only=True)
class Talk:
    """What one member knows of one conversation.

    The card and the messages are as of a seq each; ``log`` has the events that came, by their seqs.
    ``whole``: nothing was missed since one of the two, so that what comes next must be ``seq + 1``.
    """

    me: str
    seq: int = 0
    whole: bool = False
    # Of the present membership; None where only the time of joining is known.
    joined: int | None = None
    card: Resource | None = None
    messages: dict[str, Resource] | None = None
    messages_seq: int = 0
    log: dict[int, tuple[str, Any]] = field(default_factory=dict)
    receipts: dict[str, Receipts] = field(default_factory=dict)
    # Whether all of one's own reads are known: a card tells how many are unread, and not which.
    reads_known: bool = False

    @classmethod
    def begun(cls, me: str, seq: int, *, created: bool) -> "Talk":
        """By the event that makes the client a member: of something new, or of something with a past."""
        return cls(
            me=me,
            seq=seq - 1,
            whole=True,
            joined=seq,
            messages={} if created else None,
            reads_known=True,
        )

    @property
    def loaded(self) -> bool:
        """Whether there is a snapshot to apply events to."""
        return self.card is not None and self.messages is not None

    def of(self, user_id: str) -> Receipts:
        """A person's receipts."""
        return self.receipts.setdefault(user_id, Receipts())

    # -- what is fetched --------------------------------------------------------------------------

    def load_card(self, card: Resource) -> None:
        """The conversation was fetched; what happened after its ``last_seq`` is applied to it."""
        self.card = card

    def load_messages(self, messages: list[Resource]) -> None:
        """All pages of the history were fetched, after the card was."""
        assert self.card is not None  # it says which events the history holds in any case
        self.messages = {message["id"]: message for message in messages}
        self.messages_seq = self.card["last_seq"]
        self.seq = max(self.seq, self.card["last_seq"])
        self.whole = True
        self._find_join(messages)
        if not self.reads_known:
            self._guess_reads(messages)

    def _find_join(self, messages: list[Resource]) -> None:
        """Where the membership began, by its time, unless a message bears the very same one."""
        assert self.card is not None  # asked by the caller
        if self.joined is not None:
            return
        at = next(p["joined_at"] for p in self.card["participants"] if p["user_id"] == self.me)
        if self.card["type"] == "direct":
            self.joined = 1
        elif all(message["created_at"] != at for message in messages):
            self.joined = max((m["seq"] for m in messages if m["created_at"] < at), default=0)

    def _guess_reads(self, messages: list[Resource]) -> None:
        """Which messages are unread: where everything after the last one read is, exactly those."""
        assert self.card is not None  # asked by the caller
        if self.card["type"] == "direct":
            self.reads_known = True  # the status of each message received tells
            return
        own = next(p for p in self.card["participants"] if p["user_id"] == self.me)
        self.of(self.me).ranges.append((1, own["read_seq"]))
        known = {m["id"]: m for m in messages if m["seq"] <= self.card["last_seq"]}
        self.reads_known = self._count_unread(known) == self.card["unread_count"]

    # -- what is pushed ---------------------------------------------------------------------------

    def told_status(self, data: Resource) -> None:
        """``chat:message_status_updated``"""
        receipts = self.of(data["userId"])
        # Who has read a message has received all before it.
        receipts.delivered = max(receipts.delivered, data["upToSeq"])
        if data["status"] == "read":
            receipts.ids.update(data["messageIds"])
            if not data["messageIds"]:
                receipts.ranges.append((1, data["upToSeq"]))

    def told_reads(self, data: Resource) -> None:
        """``chat:read_state``"""
        for person in data["participants"]:
            receipts = self.of(person["userId"])
            receipts.delivered = max(receipts.delivered, person["deliveredSeq"])
            receipts.ranges = [(low, high) for low, high in person["readRanges"]]
            if person["userId"] == self.me:
                self.reads_known = True

    # -- what is shown ----------------------------------------------------------------------------

    def is_listed(self, hidden: int) -> bool:
        """Whether the conversation is in the list of a person who hid it up to a seq (0: never)."""
        assert self.card is not None  # asked by the caller
        # A card from after the hiding shows when something was said since, and nothing from before.
        said = self.card["last_message_at"] is not None and self.card["last_seq"] > hidden
        return (
            not hidden
            or said
            or any(
                name == "chat:message_received" and seq > hidden
                for seq, (name, _) in self.log.items()
            )
        )

    def state(self, removed: set[str], hidden: int) -> Resource:
        """Everything that can be compared; None where a client cannot know.

        Args:
            removed: the messages that the person deleted for themselves.
            hidden: up to where they hid the conversation.
        """
        assert self.card is not None  # asked by the caller
        assert self.messages is not None
        card = fold_card(Card(self.card), self.log, self.card["last_seq"])
        messages = fold_messages(self.messages, self.log, self.messages_seq)
        messages = {
            message_id: message
            for message_id, message in messages.items()
            if message_id not in removed and message["seq"] > hidden
        }
        shown = [self._shown(m) for m in sorted(messages.values(), key=lambda m: m["seq"])]
        block_base = self.card["is_blocked"], None
        return {
            **card.shared,
            "members": card.members,
            "my_role": card.members.get(self.me),
            "last_message": shown[-1] if shown else None,
            "messages": shown,
            "unread_count": self._count_unread(messages) if self.reads_known else None,
            "blocked": blocked(self.log, self.card["last_seq"], block_base),
        }

    def _shown(self, message: Resource) -> Resource:
        if message["is_deleted"] or not message["recipient_id"]:
            return message
        receipts = self.of(message["recipient_id"])
        told = "read" if receipts.has_read(message) else "sent"
        if told == "sent" and message["seq"] <= receipts.delivered:
            told = "delivered"
        return {**message, "status": max(message["status"], told, key=_STATUSES.index)}

    def _count_unread(self, messages: Messages) -> int | None:
        if self.joined is None:
            return None
        mine = self.of(self.me)
        return sum(
            1
            for message in messages.values()
            if message["sender_id"] != self.me
            and not message["is_deleted"]
            and message["seq"] > self.joined
            and not mine.has_read(message)
            and not (message["recipient_id"] == self.me and message["status"] == "read")
        )
