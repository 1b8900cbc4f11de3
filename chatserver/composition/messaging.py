"""The door of the messaging system."""

from dataclasses import dataclass

from aiohttp import web

from chatserver.composition.ground import Resources
from chatserver.composition.services import SessionParts
from chatserver.config import Settings
from chatserver.doors.connection import Lines, Reception, SessionDeadlines
from chatserver.doors.http import Probes
from chatserver.doors.messaging import Directs, MessagingDoor, MessagingRest, Upgrades
from chatserver.gate import Gate
from chatserver.limits import Limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Messaging:
    """The door, and what it serves over HTTP but for the probes."""

    door: MessagingDoor
    upgrades: Upgrades
    rest: MessagingRest

    def routes(self, probes: Probes) -> list[web.RouteDef]:
        """Return all routes of the messaging door, with those of the probes under its path."""
        return [*self.upgrades.routes(), *self.rest.routes(), *probes.routes("/messaging")]


def make_messaging(
    settings: Settings,
    gate: Gate,
    limiter: Limiter,
    resources: Resources,
    sessions: SessionParts,
    reception: Reception,
) -> Messaging:
    """Make the messaging system's WebSocket, and its routes."""
    # A client's WebSocket answers pings by itself, so only one that is gone is silent for so long.
    silence = min(settings.keep_alive_timeout, settings.connection_timeout)
    deadlines = SessionDeadlines(
        ping=max(1.0, min(25.0, silence / 2)),
        pong=max(1.0, min(20.0, silence / 2)),
        connect=settings.connect_timeout,
    )
    door = MessagingDoor(
        Lines(
            deadlines,
            queue_bytes=settings.send_queue_bytes,
            on_leave=reception.disconnect,
            on_arrival=reception.confirm,
        ),
        reception,
        Directs(gate),
        resources.abouts,
        strict=settings.is_development,
        timeout=settings.connection_timeout,
    )
    upgrades = Upgrades(
        door,
        reception,
        limiter,
        origins=settings.cors_origins,
        hops=settings.trusted_proxy_hops,
        max_size=settings.max_payload_size,
        compress=settings.ws_compression,
    )
    rest = MessagingRest(gate, sessions.authenticator, settings.max_payload_size)
    return Messaging(door=door, upgrades=upgrades, rest=rest)
