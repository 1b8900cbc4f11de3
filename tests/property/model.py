"""What a client makes of a snapshot and the pushes that follow it; pure, so that it proves what it is told."""

from typing import Any

from tests.property.talk import Talk

Resource = dict[str, Any]

_CREATED = ("chat:conversation_created", "group:created")
_GONE = ("group:member_removed", "group:member_left")
# Live only, and nothing of the state.
_PASSING = (
    "chat:user_typing", "chat:mentioned", "user:status_changed", "session:ready", "session:expiring",
    "session:draining", "session:offset",
)  # fmt: skip


class Model:
    """One device's knowledge. ``needs`` are the conversations that it has to fetch to know them."""

    def __init__(self, me: str) -> None:
        self.me = me
        self.epoch: str | None = None
        self.talks: dict[str, Talk] = {}
        self.needs: set[str] = set()
        # Conversations that the person is no member of any more, and since which seq.
        self.gone: dict[str, int] = {}
        # None: not known, after the personal log was too long to be replayed.
        self.personal_seq: int | None = 0
        self.blocked: set[str] | None = set()
        self.removed: set[str] = set()
        # Up to where the person hid each conversation.
        self.hidden: dict[str, int] = {}
        # All that ever came: (conversation, seq); and what did not: (conversation, first, last).
        self.received: set[tuple[str, int]] = set()
        self.skipped: list[tuple[str, int, int]] = []
        self._order: dict[str, int] = {}
        self._skipped_now: list[tuple[str, int, int]] = []
        self._ready = True

    def forget(self) -> None:
        """Start over, as a client without a cursor does."""
        self.talks, self.needs, self.gone, self.removed = {}, set(), {}, set()
        self.personal_seq = self.blocked = None

    def positions(self) -> dict[str, Any] | None:
        """What ``auth.positions`` says of where this client stands; None where it does not know."""
        if self.personal_seq is None or self.epoch is None:
            return None
        seqs = {key: talk.seq for key, talk in self.talks.items() if talk.whole}
        return {"epoch": self.epoch, "me": self.personal_seq, **seqs}

    # -- a connection -----------------------------------------------------------------------------

    def connecting(self) -> None:
        """A new connection: what comes of a stream by one connection comes in order."""
        self._order = {}
        self.skipped += self._skipped_now
        self._skipped_now = []
        self._ready = False

    def receive(self, name: str, data: Resource) -> None:
        """Apply a push."""
        if name == "session:ready":
            self._became_ready(data)
        elif "personalSeq" in data:
            self._personal(name, data)
        elif name == "chat:read_state" or name == "chat:message_status_updated":
            if talk := self.talks.get(data["conversationId"]):
                told = talk.told_reads if name == "chat:read_state" else talk.told_status
                told(data)
        elif "seq" in data:
            self._durable(name, data)
        elif name not in _PASSING:
            raise AssertionError(f"the model does not know {name}")

    def _became_ready(self, data: Resource) -> None:
        self.epoch = data["epoch"]
        self._ready = True
        for key in data["resync"]:
            # A conversation to be reloaded is not told of in part.
            assert key not in self._order, f"{key} is in resync, and came before session:ready"
            if key == "me":
                self.personal_seq = self.blocked = None
                # What was deleted for oneself meanwhile shows in the histories alone.
                for talk in self.talks.values():
                    talk.card = talk.messages = None
                self.needs |= set(self.talks)
            else:
                # Its read state has come already, if it changed.
                if old := self.talks.pop(key, None):
                    self.talks[key] = Talk(
                        me=self.me, receipts=old.receipts, reads_known=old.reads_known
                    )
                self.needs.add(key)

    def _in_order(self, key: str, seq: int) -> None:
        assert seq > self._order.get(key, 0), f"{key}: {seq} after {self._order[key]}"
        self._order[key] = seq

    def _personal(self, name: str, data: Resource) -> None:
        seq = data["personalSeq"]
        self._in_order("me", seq)
        if self.personal_seq is not None:
            if seq <= self.personal_seq:
                return
            assert seq == self.personal_seq + 1, f"personal events before {seq} are missing"
        self.personal_seq = seq
        if name == "chat:message_deleted":
            self.removed.add(data["messageId"])
        elif name == "chat:conversation_deleted":
            self._hide(data["conversationId"], data["upToSeq"])
        elif name == "chat:conversation_marked_unread":
            pass  # by how much it shows, and until when, a card tells
        elif name in ("user:blocked", "user:unblocked"):
            if self.blocked is not None:
                change = self.blocked.add if name == "user:blocked" else self.blocked.discard
                change(data["userId"])
        else:
            raise AssertionError(f"the model does not know {name}")

    def _hide(self, key: str, up_to: int) -> None:
        self.hidden[key] = max(up_to, self.hidden.get(key, 0))

    def _durable(self, name: str, data: Resource) -> None:
        key, seq = data["conversationId"], data["seq"]
        self._in_order(key, seq)
        self.received.add((key, seq))
        talk = self.talks.get(key)
        if seq <= max(self.gone.get(key, 0), talk.seq if talk else 0):
            return
        added = name == "group:member_added" and data["user"]["user_id"] == self.me
        if added or name in _CREATED:
            assert "conversation" in data, f"{name} without its conversation"
            assert talk is None or not talk.whole, f"{key}: a member already at {seq}"
            talk = self.talks[key] = Talk.begun(self.me, seq, created=not added)
            self.needs.add(key)
        elif talk is None:
            talk = self.talks[key] = Talk(me=self.me)
            self.needs.add(key)
        elif talk.whole and seq > talk.seq + 1:
            self._skipped_now.append((key, talk.seq + 1, seq - 1))
        talk.log[seq] = (name, data)
        talk.seq = seq
        if name == "group:deleted" or (name in _GONE and data["user"]["user_id"] == self.me):
            del self.talks[key]
            self.needs.discard(key)
            self.gone[key] = seq

    # -- what is fetched --------------------------------------------------------------------------

    def load(self, card: Resource, messages: list[Resource] | None, *, listed: bool = True) -> None:
        """A conversation was fetched, and then its history, or None where all of it is known.

        Args:
            listed: whether it is in the list of conversations; if not, it is hidden.
        """
        key = card["id"]
        if card["last_seq"] < self.gone.get(key, 0):
            return  # an answer from before the removal that was told of already
        talk = self.talks.get(key)
        if talk is None:
            talk = self.talks[key] = Talk(me=self.me)
        talk.load_card(card)
        if messages is not None:
            talk.load_messages(messages)
        if not listed:
            self._hide(key, card["last_seq"])
        self.needs.discard(key)

    def not_found(self, key: str, asked_at: int) -> None:
        """A conversation could not be fetched: it is none of ours, unless something has come since."""
        talk = self.talks.get(key)
        if (talk.seq if talk else 0) == asked_at:
            self.talks.pop(key, None)
            self.needs.discard(key)

    # -- what is shown ----------------------------------------------------------------------------

    def state(self) -> dict[str, Resource]:
        """What can be compared, by conversation."""
        assert not self.needs, self.needs
        found = ((key, talk, self.hidden.get(key, 0)) for key, talk in self.talks.items())
        return {
            key: talk.state(self.removed, hidden)
            for key, talk, hidden in found
            if talk.is_listed(hidden)
        }

    def all_skipped(self) -> list[tuple[str, int, int]]:
        """The seqs that were passed over, for whoever knows why."""
        return self.skipped + self._skipped_now
