"""``chat:*``"""

from chatserver.blocks import Blocks
from chatserver.chat import Chat
from chatserver.conversations import Conversations
from chatserver.history import Reading
from chatserver.message_changes import MessageChanges
from chatserver.own_views import OwnViews
from chatserver.receipts import Receipts
from chatserver.recovery import Recovery
from chatserver.session import Caller
from chatserver.typing_state import TypingState
from schemas.base import ChangeOfConversation, ChangeOfMessage, OfConversation, Paged
from schemas.conversations import (
    BlockState,
    ConversationBlock,
    ConversationGiven,
    ConversationOpen,
    ConversationPage,
    History,
    HistoryAsk,
    Pins,
    PinsAsk,
    SyncAsk,
    Synced,
)
from schemas.messages import (
    MessageDelete,
    MessageEdit,
    MessageGiven,
    MessageSend,
    MessageSent,
    ReactionAdd,
    ReactionRemove,
    ReactionSet,
    Receipt,
    Typing,
    Updated,
)
from schemas.resources import Page


async def message_send(caller: Caller, cmd: MessageSend, chat: Chat) -> MessageSent:
    """Post a message."""
    conversation_id = cmd.conversation_id
    if conversation_id is None or cmd.recipient_id is not None:
        conversation_id = await chat.find_addressee(caller, cmd)
    return await chat.post(caller, conversation_id, cmd)


async def message_delivered(caller: Caller, cmd: Receipt, receipts: Receipts) -> Updated:
    """Mark messages as received."""
    return await receipts.mark(caller, cmd, "delivered")


async def message_read(caller: Caller, cmd: Receipt, receipts: Receipts) -> Updated:
    """Mark messages as read."""
    return await receipts.mark(caller, cmd, "read")


async def message_edit(caller: Caller, cmd: MessageEdit, changes: MessageChanges) -> MessageGiven:
    """Put another wording in the place of a message's."""
    return await changes.edit(caller, cmd)


async def message_delete(caller: Caller, cmd: MessageDelete, changes: MessageChanges) -> None:
    """Erase a message for everyone, or delete it for the caller alone."""
    if cmd.delete_for_everyone:
        await changes.erase(caller, cmd.message_id)
    else:
        await changes.delete_for_self(caller, cmd.message_id)


async def reaction_add(caller: Caller, cmd: ReactionAdd, changes: MessageChanges) -> ReactionSet:
    """React to a message, or take the same reaction away."""
    return await changes.add_reaction(caller, cmd.message_id, cmd.reaction)


async def reaction_remove(caller: Caller, cmd: ReactionRemove, changes: MessageChanges) -> None:
    """Take the caller's reaction to a message away."""
    await changes.remove_reaction(caller, cmd.message_id, cmd.reaction)


async def message_pin(caller: Caller, cmd: ChangeOfMessage, changes: MessageChanges) -> None:
    """Pin a message."""
    await changes.set_pin(caller, cmd.message_id, pinned=True)


async def message_unpin(caller: Caller, cmd: ChangeOfMessage, changes: MessageChanges) -> None:
    """Take the pin of a message away."""
    await changes.set_pin(caller, cmd.message_id, pinned=False)


async def pins(caller: Caller, cmd: PinsAsk, reading: Reading) -> Pins:
    """A page of the pinned messages."""
    return await reading.pins(caller, cmd)


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


async def conversation_delete(caller: Caller, cmd: ChangeOfConversation, own: OwnViews) -> None:
    """Hide a conversation and its history so far from the caller."""
    await own.hide(caller, cmd.conversation_id)


async def conversation_mark_unread(
    caller: Caller, cmd: ChangeOfConversation, own: OwnViews
) -> None:
    """Show a conversation as unread to the caller."""
    await own.mark_unread(caller, cmd.conversation_id)


async def conversation_block(caller: Caller, cmd: ConversationBlock, blocks: Blocks) -> BlockState:
    """Block a direct conversation, or take one's own block back."""
    return await blocks.set_conversation(caller, cmd.conversation_id, blocked=cmd.block)
