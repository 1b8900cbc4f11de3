"""``chat:*``"""

from chatserver.chat import (
    HistoryReader,
    MessageChanges,
    Opening,
    OwnViews,
    Posting,
    Receipts,
    TypingState,
)
from chatserver.core.caller import Caller
from chatserver.log import Recovery
from chatserver.people import Blocks
from chatserver.resources import Conversations
from chatserver.schemas.base import ChangeOfConversation, ChangeOfMessage, OfConversation
from chatserver.schemas.blocks import BlockState, ConversationBlock
from chatserver.schemas.conversations import (
    ConversationFind,
    ConversationFound,
    ConversationGiven,
    ConversationListAsk,
    ConversationOpen,
    ConversationPage,
)
from chatserver.schemas.history import History, HistoryAsk, SyncAsk, Synced
from chatserver.schemas.messages import (
    MessageDelete,
    MessageEdit,
    MessageGiven,
    MessageSend,
    MessageSent,
)
from chatserver.schemas.pins import Pins, PinsAsk
from chatserver.schemas.reactions import ReactionAdd, ReactionRemove, ReactionSet
from chatserver.schemas.receipts import Receipt, Updated
from chatserver.schemas.search import SearchAsk, SearchPage
from chatserver.schemas.settings import ConversationSettingsGiven, ConversationSettingsSet
from chatserver.schemas.typing import Typing
from chatserver.search import Search


async def message_send(
    caller: Caller, cmd: MessageSend, opening: Opening, posting: Posting
) -> MessageSent:
    """Post a message."""
    conversation_id = cmd.conversation_id
    if conversation_id is None or cmd.recipient_id is not None:
        conversation_id = await opening.find_addressee(caller, cmd)
    return await posting.post(caller, conversation_id, cmd)


async def message_delivered(caller: Caller, cmd: Receipt, receipts: Receipts) -> Updated:
    """Mark messages as received."""
    return await receipts.mark(caller, cmd, "delivered")


async def message_read(caller: Caller, cmd: Receipt, receipts: Receipts) -> Updated:
    """Mark messages as read."""
    return await receipts.mark(caller, cmd, "read")


async def message_edit(caller: Caller, cmd: MessageEdit, changes: MessageChanges) -> MessageGiven:
    """Change the text of a message."""
    return await changes.edit(caller, cmd)


async def message_delete(caller: Caller, cmd: MessageDelete, changes: MessageChanges) -> None:
    """Erase a message for everyone, or delete it for the caller alone."""
    if cmd.delete_for_everyone:
        await changes.erase(caller, cmd.message_id)
    else:
        await changes.delete_for_self(caller, cmd.message_id)


async def reaction_add(caller: Caller, cmd: ReactionAdd, changes: MessageChanges) -> ReactionSet:
    """React to a message, or remove the same reaction."""
    return await changes.add_reaction(caller, cmd.message_id, cmd.reaction)


async def reaction_remove(caller: Caller, cmd: ReactionRemove, changes: MessageChanges) -> None:
    """Remove the caller's reaction to a message."""
    await changes.remove_reaction(caller, cmd.message_id, cmd.reaction)


async def message_pin(caller: Caller, cmd: ChangeOfMessage, changes: MessageChanges) -> None:
    """Pin a message."""
    await changes.set_pin(caller, cmd.message_id, pinned=True)


async def message_unpin(caller: Caller, cmd: ChangeOfMessage, changes: MessageChanges) -> None:
    """Unpin a message."""
    await changes.set_pin(caller, cmd.message_id, pinned=False)


async def pins(caller: Caller, cmd: PinsAsk, reading: HistoryReader) -> Pins:
    """Return a page of the pinned messages."""
    return await reading.pins(caller, cmd)


async def typing(caller: Caller, cmd: Typing, state: TypingState) -> None:
    """Tell the others that the caller is typing, or has stopped."""
    await state.typing(caller, cmd.conversation_id, cmd.is_typing)


async def history(caller: Caller, cmd: HistoryAsk, reading: HistoryReader) -> History:
    """Return a page of messages."""
    return await reading.history(caller, cmd)


async def search(caller: Caller, cmd: SearchAsk, searching: Search) -> SearchPage:
    """Return a page of the messages that say what is looked for."""
    return await searching.page(caller, cmd)


async def sync(caller: Caller, cmd: SyncAsk, reading: HistoryReader) -> Synced:
    """Return the events after a seq."""
    return await reading.sync(caller, cmd.conversation_id, cmd.after_seq, cmd.limit)


async def conversation_open(
    caller: Caller, cmd: ConversationOpen, opening: Opening, conversations: Conversations
) -> ConversationGiven:
    """Find or create a direct conversation."""
    conversation_id = await opening.open_direct(caller, cmd.recipient_id, cmd.product_id)
    return ConversationGiven(conversation=await conversations.get(caller.user_id, conversation_id))


async def conversation_find(
    caller: Caller, cmd: ConversationFind, opening: Opening
) -> ConversationFound:
    """Return the id of a direct conversation, if there is one."""
    found = await opening.find_direct(caller, cmd.recipient_id, cmd.product_id)
    return ConversationFound(conversation_id=str(found) if found else None)


async def conversation_list(
    caller: Caller, cmd: ConversationListAsk, conversations: Conversations, recovery: Recovery
) -> ConversationPage:
    """Return a page of the caller's conversations."""
    offset = await recovery.offset()
    found = await conversations.page(caller.user_id, cmd)
    return ConversationPage(**found._asdict(), offset=offset)


async def conversation_get(
    caller: Caller, cmd: OfConversation, conversations: Conversations
) -> ConversationGiven:
    """Return one conversation."""
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


async def conversation_settings_set(
    caller: Caller, cmd: ConversationSettingsSet, own: OwnViews
) -> ConversationSettingsGiven:
    """Change the caller's settings of a conversation."""
    return await own.set_settings(caller, cmd)


async def conversation_block(caller: Caller, cmd: ConversationBlock, blocks: Blocks) -> BlockState:
    """Block a direct conversation, or remove the caller's own block."""
    return await blocks.set_conversation(caller, cmd.conversation_id, blocked=cmd.block)
