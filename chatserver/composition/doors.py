"""Makes the doors, and what shows the state of the process."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from chatserver import schemas
from chatserver.composition.background import BackgroundParts
from chatserver.composition.files import Files
from chatserver.composition.ground import Resources, Store
from chatserver.composition.marketplace import Marketplace
from chatserver.composition.messaging import Messaging
from chatserver.composition.push import PushParts
from chatserver.composition.searching import SearchParts
from chatserver.composition.services import ChatParts, LogParts, People, PresenceParts, SessionParts
from chatserver.composition.vocabularies import VOCABULARIES
from chatserver.config import Settings
from chatserver.core.vitals import Vitals
from chatserver.delivery import Bell
from chatserver.delivery.bell import RedisBell
from chatserver.doors.connection import Asking, OpenDoors, Places, Reception
from chatserver.doors.counts import DoorCounts, HttpTally
from chatserver.doors.files import FilesDoor
from chatserver.doors.http import (
    SOCKETIO_PATH,
    AppPage,
    Cors,
    DemoTokens,
    Lasting,
    OpenConnections,
    Probes,
    app_page,
    documents,
    middleware,
    push_key,
)
from chatserver.doors.http.middleware import Headers
from chatserver.doors.http.server import most_connections
from chatserver.doors.marketplace import MARKETPLACE_PATH, in_their_form
from chatserver.doors.messaging import MESSAGING_PATH
from chatserver.doors.rest import RestDoor
from chatserver.doors.socketio import Engine, SocketIODoor
from chatserver.gate import Gate
from chatserver.limits import Limiter
from chatserver.metrics import LoopLag, Metrics, Parts, SharedPart
from chatserver.presence import Presence
from chatserver.schemas.files import MAX_FILES
from chatserver.schemas.messages import MAX_CONTENT
from chatserver.schemas.sessions import Limits
from chatserver.sessions import issue_token
from chatserver.store import WriteProbe

# The paths of the lasting connections of all doors.
_LASTING = Lasting(SOCKETIO_PATH, MESSAGING_PATH, MARKETPLACE_PATH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """What is served over HTTP: to all, and to those whom METRICS_ADDRESS lets in."""

    application: web.Application
    private: web.Application
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketIO:
    """The main door, and the engine that it stands on."""

    engine: Engine
    door: SocketIODoor


def make_reception(
    settings: Settings,
    gate: Gate,
    limiter: Limiter,
    log: LogParts,
    sessions: SessionParts,
    presence: Presence,
    chat: ChatParts,
) -> Reception:
    """Make the reception, where all lasting connections are let in."""
    return Reception(
        Asking(gate),
        sessions.authenticator,
        log.recovery,
        log.delivery,
        presence,
        chat.typing,
        chat.heartbeats,
        sessions.watch,
        Limits(
            max_message_length=MAX_CONTENT,
            max_payload_bytes=settings.max_payload_size,
            messages_per_minute=settings.message_rate_limit,
            typing_interval_ms=round(settings.typing_interval * 1000),
            max_file_size=settings.max_file_size,
            max_files_per_message=MAX_FILES,
        ),
        limiter,
        Places(settings.max_connections_per_ip, settings.max_connections_per_user),
        max_connections=settings.max_connections,
    )


def make_socketio(settings: Settings, reception: Reception) -> SocketIO:
    """Make the main door."""
    engine = _engine(settings)
    return SocketIO(engine=engine, door=SocketIODoor(engine, reception))


def make_open_doors(
    reception: Reception, socketio: SocketIO, messaging: Messaging, marketplace: Marketplace
) -> OpenDoors:
    """Make what counts and closes the connections of all doors."""
    return OpenDoors(reception, (socketio.engine, messaging.door.lines, marketplace.stomp.lines))


def _engine(settings: Settings) -> Engine:
    # A client answers heartbeats, so only one that is gone is silent for so long.
    silence = min(settings.keep_alive_timeout, settings.connection_timeout)
    return Engine(
        compress=settings.ws_compression,
        send_queue_bytes=settings.send_queue_bytes,
        connect_timeout=settings.connect_timeout,
        proxy_hops=settings.trusted_proxy_hops,
        cors_allowed_origins="*" if "*" in settings.cors_origins else list(settings.cors_origins),
        max_http_buffer_size=settings.max_payload_size,
        ping_interval=max(1.0, min(25.0, silence / 2)),
        ping_timeout=max(1.0, min(20.0, silence / 2)),
        logger=False,
        engineio_logger=False,
    )


def make_rest(
    settings: Settings, gate: Gate, sessions: SessionParts, resources: Resources
) -> RestDoor:
    """Make the main door's routes."""
    return RestDoor(gate, sessions.authenticator, resources.directory, settings.max_payload_size)


def make_probes(settings: Settings, store: Store, metrics: Metrics, vitals: Vitals) -> Probes:
    """Make the probes for those who start and watch the process."""
    return Probes(
        WriteProbe(store.db).works,
        metrics,
        vitals.standing,
        token=settings.metrics_token,
        open_to_all=settings.is_development,
    )


def make_metrics(
    settings: Settings,
    worker: int,
    bell: Bell,
    limiter: Limiter,
    presence: PresenceParts,
    store: Store,
    log: LogParts,
    people: People,
    chat: ChatParts,
    search: SearchParts,
    files: Files,
    gate: Gate,
    background: BackgroundParts,
    push: PushParts,
    doors: DoorCounts,
    stack: AsyncExitStack,
) -> Metrics:
    """Make what reads the counts of each part."""
    loop_lag = LoopLag()
    loop_lag.start()
    stack.callback(loop_lag.stop)
    shares: dict[str, SharedPart] = {}
    if settings.redis_url is not None:
        shares = {"limits": limiter, "presence": presence.presence, "focus": presence.focus}
    parts = Parts(
        gate=gate,
        posts=chat.posts,
        db=store.db,
        delivery=log.delivery,
        log_reader=background.log_reader,
        retention=background.retention,
        pictures=people.pictures,
        uploads=files.uploads,
        completion=files.completion,
        caretaker=files.caretaker,
        downloads=files.downloads,
        searched=search.segments,
        builder=search.builder,
        senders=push.senders,
        consumers=() if push.consumer is None else (push.consumer,),
        doors=doors,
        bell=bell.state if isinstance(bell, RedisBell) else None,
        shares=shares,
        loop_lag=loop_lag,
        max_connections=settings.max_connections,
    )
    return Metrics(parts, worker)


def make_tally() -> HttpTally:
    """Make the count of requests that belong to no lasting connection."""
    return HttpTally(_LASTING)


def make_http(
    settings: Settings,
    limiter: Limiter,
    socketio: SocketIO,
    rest: RestDoor,
    files: FilesDoor,
    files_origin: str | None,
    marketplace: Marketplace,
    messaging: Messaging,
    probes: Probes,
    tally: HttpTally,
    demo_users: Sequence[str],
) -> Http:
    """Make the applications with all routes, and what all answers share."""
    cors = Cors(settings.cors_origins)
    headers = Headers(cors)
    application = web.Application(
        middlewares=[
            tally.middleware,
            middleware.preflights(cors),
            in_their_form,
            middleware.errors,
            middleware.limited(limiter, settings.trusted_proxy_hops, _LASTING),
        ],
        client_max_size=settings.max_payload_size,
    )
    application.on_response_prepare.append(headers.prepare)
    application.add_routes(rest.routes(schemas.COMMANDS))
    application.add_routes(files.routes())
    application.add_routes(marketplace.routes())
    application.add_routes(messaging.routes(probes))
    application.add_routes(probes.routes())
    application.add_routes(push_key.routes(settings.push.vapid))
    application.add_routes(documents.routes(VOCABULARIES))
    app = AppPage(app_page.BUILT, messaging.upgrades.answer, files_origin)
    application.add_routes(app.routes())
    application.add_routes(_demo_tokens(settings, demo_users).routes())
    socketio.engine.attach(application, "socket.io")
    private = web.Application(
        middlewares=[middleware.errors], client_max_size=settings.max_payload_size
    )
    private.on_response_prepare.append(headers.prepare)
    private.add_routes(probes.private_routes())
    return Http(application=application, private=private, headers=headers)


def _demo_tokens(settings: Settings, users: Sequence[str]) -> DemoTokens:
    return DemoTokens(
        users if settings.is_development else (),
        partial(issue_token, settings.jwt_secret),
        settings.trusted_proxy_hops,
        settings.cors_origins,
    )


def make_open_connections(settings: Settings) -> OpenConnections:
    """Make the count of TCP connections, with its bounds."""
    return OpenConnections(
        most=most_connections(settings.max_sockets, settings.reserved_files),
        most_per_address=settings.max_sockets_per_ip,
    )
