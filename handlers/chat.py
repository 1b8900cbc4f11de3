"""``chat:*``"""

from chatserver.chat import Chat
from chatserver.conversations import Conversations
from chatserver.history import Reading
from chatserver.receipts import Receipts
from chatserver.recovery import Recovery
from chatserver.session import Caller
from chatserver.typing_state import TypingState
from schemas.base import OfConversation, Paged
from schemas.conversations import (
    ConversationGiven,
    ConversationOpen,
    ConversationPage,
    History,
    HistoryAsk,
    SyncAsk,
    Synced,
)
from schemas.messages import MessageSend, MessageSent, Receipt, Typing, Updated
from schemas.resources import Page


async def message_send(caller: Caller, cmd: MessageSend, chat: Chat) -> MessageSent:
    """Post a message."""
    conversation_id = await chat.check_addressee(caller, cmd)
    return await chat.post(caller, conversation_id, cmd)


async def message_delivered(caller: Caller, cmd: Receipt, receipts: Receipts) -> Updated:
    """Mark messages as received."""
    return await receipts.mark(caller, cmd, "delivered")


async def message_read(caller: Caller, cmd: Receipt, receipts: Receipts) -> Updated:
    """Mark messages as read."""
    return await receipts.mark(caller, cmd, "read")


async def typing(caller: Caller, cmd: Typing, state: TypingState) -> None:
    """Pass typing on."""
    await state.typing(caller, cmd.conversation_id, cmd.is_typing)


async def history(caller: Caller, cmd: HistoryAsk, reading: Reading) -> History:
    """A page of messages."""
    return await reading.history(caller, cmd)


async def sync(caller: Caller, cmd: SyncAsk, reading: Reading) -> Synced:
    """The events after a seq."""
    return await reading.sync(caller, cmd.conversation_id, cmd.after_seq, cmd.limit)


async def conversation_open(
    caller: Caller, cmd: ConversationOpen, chat: Chat, conversations: Conversations
) -> ConversationGiven:
    """Find or create a direct conversation."""
    conversation_id = await chat.open_direct(caller, cmd.recipient_id, cmd.product_id)
    return ConversationGiven(conversation=await conversations.get(caller.user_id, conversation_id))


async def conversation_list(
    caller: Caller, cmd: Paged, conversations: Conversations, recovery: Recovery
) -> ConversationPage:
    """A page of the caller's conversations."""
    offset = await recovery.offset()
    found, total = await conversations.page(caller.user_id, cmd.limit, cmd.offset)
    has_more = cmd.offset + len(found) < total
    return ConversationPage(
        conversations=found,
        total=total,
        pagination=Page(limit=cmd.limit, offset=cmd.offset, has_more=has_more),
        offset=offset,
    )


async def conversation_get(
    caller: Caller, cmd: OfConversation, conversations: Conversations
) -> ConversationGiven:
    """One conversation."""
    return ConversationGiven(
        conversation=await conversations.get(caller.user_id, cmd.conversation_id)
    )
