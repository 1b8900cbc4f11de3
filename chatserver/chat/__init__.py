"""What people do with messages and conversations.

`Posting` posts, `Opening` begins a conversation, `MessageChanges` edits, deletes and reacts,
`HistoryReader` reads, `Archive` brings archived conversations back,
`Receipts` marks what was received and read (`HeartbeatReceipts` by what heartbeats
prove), `Groups` and `OwnViews` change conversations for all or for one person. Handlers ask for these by their
types. `mentions_in` finds whom a text mentions among people that are known `by_name`.
"""

from chatserver.chat.archive import Archive
from chatserver.chat.groups import Groups
from chatserver.chat.heartbeat_receipts import HeartbeatReceipts
from chatserver.chat.history import HistoryReader
from chatserver.chat.mentions import Mentions, by_name, mentions_in
from chatserver.chat.message_changes import MessageChanges
from chatserver.chat.opening import Opening
from chatserver.chat.own_views import OwnViews
from chatserver.chat.posting import Posting, Posts
from chatserver.chat.receipts import Receipts
from chatserver.chat.status_updates import StatusUpdates
from chatserver.chat.typing import TypingState

__all__ = [
    "Archive",
    "Groups",
    "HeartbeatReceipts",
    "HistoryReader",
    "Mentions",
    "MessageChanges",
    "Opening",
    "OwnViews",
    "Posting",
    "Posts",
    "Receipts",
    "StatusUpdates",
    "TypingState",
    "by_name",
    "mentions_in",
]
