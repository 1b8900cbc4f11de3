"""The composition root: every part is made here, and handed what it needs."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

import handlers
import schemas
from chatserver.auth import Authenticator
from chatserver.blocks import Blocks
from chatserver.chat import Chat
from chatserver.config import Settings
from chatserver.conversations import Conversations
from chatserver.crypto import Vault
from chatserver.delivered import Delivered
from chatserver.delivery import Delivery
from chatserver.directory import Directory
from chatserver.doors import documents
from chatserver.doors import web as doors_web
from chatserver.doors.counts import DoorCounts, HttpTally
from chatserver.doors.engine import Engine, LocalManager
from chatserver.doors.places import Places
from chatserver.doors.probes import Probes
from chatserver.doors.redis_client import close_client, redis_client
from chatserver.doors.redis_manager import RedisManager
from chatserver.doors.rest import RestDoor
from chatserver.doors.socketio import SocketIODoor
from chatserver.errors import ChatError
from chatserver.gate import Gate
from chatserver.groups import Groups
from chatserver.history import Reading
from chatserver.limits import Limiter
from chatserver.limits_redis import RedisLimits
from chatserver.limits_store import LimitStore, LocalLimits
from chatserver.log import Log, Publisher
from chatserver.log_reader import LogReader
from chatserver.loop_lag import LoopLag
from chatserver.mentions import Mentions
from chatserver.message_changes import MessageChanges
from chatserver.messages import MessageReader
from chatserver.metrics import Metrics
from chatserver.metrics_table import Parts
from chatserver.offset import Pids
from chatserver.own_views import OwnViews
from chatserver.posts import Posts
from chatserver.presence import Presence
from chatserver.presence_redis import RedisPresence
from chatserver.presence_store import LocalPresence, PresenceStore
from chatserver.profile_pictures import PictureSource, ProfilePictures
from chatserver.pushes import SilentBell
from chatserver.receipts import Receipts
from chatserver.recovery import Recovery
from chatserver.requests import Requests
from chatserver.retention import Retention
from chatserver.revocations import CHANNEL, REDIS_CHANNEL, Revocations
from chatserver.sessions import Sessions
from chatserver.status_updates import StatusUpdates
from chatserver.store import Database
from chatserver.store.listener import Listener
from chatserver.tokens import TokenVerifier
from chatserver.typing_state import TypingState
from schemas.messages import MAX_CONTENT
from schemas.session import Limits

# Clients that type send so no more often than this (ms); typing expires after three times as long.
_TYPING_INTERVAL = 1000


@dataclass(frozen=True, slots=True)
class App:
    """A running server: what the outside needs of it."""

    web: web.Application
    gate: Gate
    socketio: SocketIODoor
    probes: Probes
    retention: Retention
    delivery: Delivery
    log_reader: LogReader
    status_updates: StatusUpdates
    sessions: Sessions
    revocations: Revocations


@asynccontextmanager
async def build(
    settings: Settings, dsn: str, stop: Callable[[], None], *, worker: int = 0
) -> AsyncIterator[App]:
    """The server on the database `dsn`; leaving the context closes what it opened.

    Args:
        stop: called where the server itself finds that it must stop.
        worker: which of several processes on one port this is, from 1; 0 where it is alone.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    async with AsyncExitStack() as stack:
        db = await Database.connect(settings.database, dsn)
        stack.push_async_callback(db.close)
        manager, presence_store, limit_store = _redis(settings, stack)
        limiter = Limiter(
            limit_store,
            messages=settings.message_rate_limit,
            client_messages=settings.client_message_rate_limit,
            commands=settings.command_rate_limit,
            requests=settings.ip_rate_limit,
            requests_in=settings.ip_rate_window,
        )
        stack.push_async_callback(limit_store.close)
        limit_store.start()

        vault = Vault(settings.encryption_keys)
        directory = Directory(db)
        reader = MessageReader(vault, directory)
        conversations = Conversations(db, directory, reader)
        log = Log(db, directory, reader, conversations)
        bell = manager if isinstance(manager, RedisManager) else SilentBell()
        delivery = Delivery(log.between, bell)
        publisher = Publisher(log, delivery)
        epoch = await log.epoch()
        recovery = Recovery(db, log, Pids(vault), epoch)
        requests = Requests(db, vault)
        authenticator = Authenticator(TokenVerifier(settings.jwt_secret), db)
        sessions = Sessions(authenticator, requests, single=settings.single_session)
        sessions.start()
        stack.push_async_callback(sessions.stop)
        mentions = Mentions(db, delivery)
        presence = Presence(
            db, directory, delivery, presence_store, max_members=settings.presence_max_members
        )
        stack.push_async_callback(presence.close)
        presence.start()
        typing = TypingState(db, delivery)
        status_updates = StatusUpdates(delivery)
        stack.callback(status_updates.flush)
        delivered = Delivered(db, status_updates)
        stack.push_async_callback(delivered.close)
        pictures = _pictures(settings, directory, stack)
        posts = Posts(db)
        receipts = Receipts(db, requests, status_updates)
        stack.push_async_callback(receipts.finish)
        gate = Gate(
            schemas.COMMANDS,
            handlers.MODULES,
            (
                Chat(
                    db,
                    vault,
                    directory,
                    reader,
                    conversations,
                    delivery,
                    publisher,
                    requests,
                    posts,
                    mentions,
                ),
                MessageChanges(db, vault, reader, publisher, requests, mentions),
                Reading(db, reader, log),
                conversations,
                recovery,
                receipts,
                OwnViews(publisher, requests),
                typing,
                presence,
                sessions,
                Blocks(directory, publisher, requests),
                pictures,
                Groups(
                    db, conversations, publisher, requests, max_members=settings.group_max_members
                ),
            ),
            limiter=limiter,
            strict=settings.is_development,
            timeout=settings.command_timeout,
        )
        engine = _engine(settings, manager)
        socketio_door = SocketIODoor(
            engine,
            gate,
            authenticator,
            recovery,
            delivery,
            presence,
            typing,
            delivered,
            sessions,
            Limits(
                max_message_length=MAX_CONTENT,
                max_payload_bytes=settings.max_payload_size,
                messages_per_minute=settings.message_rate_limit,
                typing_interval_ms=_TYPING_INTERVAL,
            ),
            limiter,
            Places(settings.max_connections_per_ip),
            max_connections=settings.max_connections,
        )
        log_reader = LogReader(db, delivery, epoch, on_new_history=stop)
        retention = Retention(db)
        retention.start()
        stack.push_async_callback(retention.stop)
        await log_reader.start()
        stack.push_async_callback(log_reader.stop)
        revocations = await _revocations(settings, dsn, db, sessions, stack)
        if isinstance(manager, RedisManager):
            manager.hear(REDIS_CHANNEL, revocations.hear)
            manager.on_recovered.append(revocations.ask_soon)
            manager.on_superseded = sessions.superseded
            sessions.announce = manager.announce_superseded
            # While the bell cannot be trusted the log is read more often, and at once when it is back.
            manager.on_lost.append(log_reader.alarm)
            manager.on_recovered.append(log_reader.calm)
            stack.push_async_callback(manager.stop)
            await manager.start(delivery)
            if not manager.healthy:
                log_reader.alarm()
        stack.push_async_callback(engine.shutdown)

        async def check_database() -> bool:
            try:
                return await db.one("alive") is not None
            except ChatError:
                return False

        loop_lag = LoopLag()
        loop_lag.start()
        stack.callback(loop_lag.stop)
        http = HttpTally()
        metrics = Metrics(
            Parts(
                gate=gate,
                posts=posts,
                db=db,
                delivery=delivery,
                log_reader=log_reader,
                retention=retention,
                pictures=pictures,
                doors=DoorCounts(engine, socketio_door, http),
                bell=manager.state if isinstance(manager, RedisManager) else None,
                loop_lag=loop_lag,
                max_connections=settings.max_connections,
            ),
            worker,
        )
        probes = Probes(
            check_database,
            metrics,
            token=settings.metrics_token,
            open_to_all=settings.is_development,
        )
        application = web.Application(
            middlewares=[
                http.middleware,
                doors_web.cors(settings.cors_origins),
                doors_web.errors,
                doors_web.limited(limiter, settings.trusted_proxy_hops),
            ],
            client_max_size=settings.max_payload_size,
        )
        rest = RestDoor(gate, authenticator, settings.max_payload_size)
        application.add_routes(rest.routes(schemas.COMMANDS))
        application.add_routes(probes.routes())
        application.add_routes(documents.routes())
        engine.attach(application, "socket.io")
        yield App(
            application,
            gate,
            socketio_door,
            probes,
            retention,
            delivery,
            log_reader,
            status_updates,
            sessions,
            revocations,
        )


def _pictures(settings: Settings, directory: Directory, stack: AsyncExitStack) -> ProfilePictures:
    source = None
    if settings.profile_picture_url is not None:
        source = PictureSource(settings.profile_picture_url)
        stack.push_async_callback(source.close)
    pictures = ProfilePictures(directory, source)
    stack.push_async_callback(pictures.close)
    return pictures


async def _revocations(
    settings: Settings, dsn: str, db: Database, sessions: Sessions, stack: AsyncExitStack
) -> Revocations:
    """Asks the database, and listens to it where it says something and a session of it can be kept."""
    revocations = Revocations(db, sessions)
    revocations.start()
    stack.push_async_callback(revocations.stop)
    if not settings.database.through_pooler and await revocations.are_told():
        listener = Listener(settings.database, dsn, CHANNEL, revocations.hear, revocations.ask_soon)
        listener.start()
        stack.push_async_callback(listener.stop)
    return revocations


def _redis(
    settings: Settings, stack: AsyncExitStack
) -> tuple[LocalManager | RedisManager, PresenceStore, LimitStore]:
    """Without Redis, one process serves alone."""
    grace = settings.presence_grace
    if settings.redis_url is None:
        return LocalManager(), LocalPresence(grace), LocalLimits()
    # One each: whoever is not answered in time drops all its client's connections.
    clients = [redis_client(settings.redis_url, timeout=1.0) for _ in range(2)]
    for client in clients:
        stack.push_async_callback(close_client, client)
    presence = RedisPresence(clients[0], grace=grace, lease=settings.presence_lease)
    return RedisManager(settings.redis_url), presence, RedisLimits(clients[1])


def _engine(settings: Settings, manager: LocalManager | RedisManager) -> Engine:
    # A client answers heartbeats, so only one that is gone is silent for so long.
    silence = min(settings.keep_alive_timeout, settings.connection_timeout)
    return Engine(
        compress=settings.ws_compression,
        send_queue_bytes=settings.send_queue_bytes,
        connect_timeout=settings.connect_timeout,
        proxy_hops=settings.trusted_proxy_hops,
        client_manager=manager,
        cors_allowed_origins="*" if "*" in settings.cors_origins else list(settings.cors_origins),
        # Tokens are in the CONNECT packet, so no page needs its cookies sent here.
        cors_credentials=False,
        max_http_buffer_size=settings.max_payload_size,
        ping_interval=max(1.0, min(25.0, silence / 2)),
        ping_timeout=max(1.0, min(20.0, silence / 2)),
        logger=False,
        engineio_logger=False,
    )
