"""The marketplace system's door: its routes, and STOMP."""

from dataclasses import dataclass

from aiohttp import web

from chatserver.composition.ground import Resources
from chatserver.composition.services import SessionParts
from chatserver.config import Settings
from chatserver.doors.connection import Reception
from chatserver.doors.http import Cors
from chatserver.doors.marketplace import Credentials, MarketplaceDoor, MarketplaceRest
from chatserver.gate import Gate
from chatserver.limits import Limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """Both parts of the door."""

    rest: MarketplaceRest
    stomp: MarketplaceDoor

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of both."""
        return [*self.rest.routes(), *self.stomp.routes()]


def make_marketplace(
    settings: Settings,
    gate: Gate,
    limiter: Limiter,
    resources: Resources,
    sessions: SessionParts,
    reception: Reception,
) -> Marketplace:
    """Make the marketplace system's door."""
    credentials = Credentials(Cors(settings.cors_origins), settings.trusted_proxy_hops)
    rest = MarketplaceRest(
        gate,
        sessions.authenticator,
        credentials,
        resources.directory,
        resources.abouts,
        resources.existence,
        settings.max_payload_size,
    )
    stomp = MarketplaceDoor(
        reception,
        credentials,
        resources.abouts,
        limiter,
        hops=settings.trusted_proxy_hops,
        max_size=settings.max_payload_size,
        compress=settings.ws_compression,
        queue_bytes=settings.send_queue_bytes,
        connect_timeout=settings.connect_timeout,
    )
    return Marketplace(rest=rest, stomp=stomp)
