"""Conversations as the marketplace system shows them (``marketplace-api.md``)."""

from chatserver.core.caller import User
from chatserver.schemas.marketplace import MarketConversation
from chatserver.schemas.resources import Conversation


def conversation(card: Conversation, other: User) -> MarketConversation:
    """Return a direct conversation with `other`, as the caller sees it."""
    product, last = card.product, card.last_message
    return MarketConversation(
        id=card.id,
        product_id=product.id if product else None,
        product_title=product.title if product else None,
        product_image=product.image if product else None,
        participant_id=other.id,
        participant_name=other.display_name,
        participant_email=other.email,
        last_message=None if last is None else last.content or "",
        last_message_at=card.last_message_at,
        unread_count=card.unread_count,
        is_blocked=card.is_blocked,
        blocked_by_me=card.blocked_by_me,
    )


def other_than(card: Conversation, user_id: str) -> str:
    """Return the id of the other person of a direct conversation."""
    return next(p.user_id for p in card.participants if p.user_id != user_id)
