"""Says what an event or a push is about, beside what it says.

A door that speaks another system's words needs more than the main door's payload has: whose conversation it is,
about which product, and the name and e-mail address of whoever acted. What is pushed carries it along, so that
saying it in other words asks nobody.
"""

from typing import Literal, NamedTuple

from chatserver.core.caller import User

ConversationType = Literal["direct", "group"]


class About(NamedTuple):
    """What a push is about. (A named tuple: every message makes one.)

    Attributes:
        conversation_type: None where it is about no conversation.
        users: the two people of a direct conversation, the lower id first (by code points); empty for a group.
        product_id: of a direct conversation about a product.
        actor: whoever caused it; the sender of a message. None where nothing shows their name.
        messages: the ids of those that were read, where they are too many for the push to name; at most 1,000.
    """

    conversation_type: ConversationType | None = None
    users: tuple[str, ...] = ()
    product_id: str | None = None
    actor: User | None = None
    messages: tuple[str, ...] = ()

    def by(self, actor: User | None) -> "About":
        """Return the same, with the person who acted."""
        return About(self.conversation_type, self.users, self.product_id, actor)


NOTHING = About()
