"""The door for clients of the marketplace system: six routes, and STOMP at ``/marketplace/ws``."""

from chatserver.doors.marketplace.credentials import Credentials
from chatserver.doors.marketplace.described import DESCRIBED
from chatserver.doors.marketplace.door import MARKETPLACE_PATH, MarketplaceDoor
from chatserver.doors.marketplace.failures import in_their_form
from chatserver.doors.marketplace.rest import MarketplaceRest

__all__ = [
    "DESCRIBED",
    "MARKETPLACE_PATH",
    "Credentials",
    "MarketplaceDoor",
    "MarketplaceRest",
    "in_their_form",
]
