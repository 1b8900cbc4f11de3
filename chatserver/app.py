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
from chatserver.doors.engine import Engine, LocalManager
from chatserver.doors.probes import Probes
from chatserver.doors.redis_client import close_client, redis_client
from chatserver.doors.redis_manager import RedisManager
from chatserver.doors.rest import RestDoor
from chatserver.doors.socketio import SocketIODoor
from chatserver.errors import ChatError
from chatserver.gate import Gate
from chatserver.groups import Groups
from chatserver.history import Reading
from chatserver.log import Log, Publisher
from chatserver.log_reader import LogReader
from chatserver.message_changes import MessageChanges
from chatserver.messages import MessageReader
from chatserver.offset import Pids
from chatserver.posts import Posts
from chatserver.presence import Presence
from chatserver.presence_redis import RedisPresence
from chatserver.presence_store import LocalPresence, PresenceStore
from chatserver.pushes import SilentBell
from chatserver.receipts import Receipts
from chatserver.recovery import Recovery
from chatserver.requests import Requests
from chatserver.retention import Retention
from chatserver.store import Database
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


@asynccontextmanager
async def build(settings: Settings, dsn: str, stop: Callable[[], None]) -> AsyncIterator[App]:
    """The server on the database `dsn`; leaving the context closes what it opened.

    Args:
        stop: called where the server itself finds that it must stop.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    async with AsyncExitStack() as stack:
        db = await Database.connect(settings.database, dsn)
        stack.push_async_callback(db.close)
        manager, presence_store = _redis(settings, stack)

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
        presence = Presence(
            db, directory, delivery, presence_store, max_members=settings.presence_max_members
        )
        stack.push_async_callback(presence.close)
        presence.start()
        typing = TypingState(db, delivery)
        delivered = Delivered(db, delivery)
        stack.push_async_callback(delivered.close)
        posts = Posts(db)
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
                ),
                MessageChanges(db, vault, reader, publisher, requests),
                Reading(db, reader, log),
                conversations,
                recovery,
                Receipts(delivery, requests),
                typing,
                presence,
                Blocks(directory, publisher, requests),
                Groups(
                    db, conversations, publisher, requests, max_members=settings.group_max_members
                ),
            ),
            strict=settings.is_development,
            timeout=settings.command_timeout,
        )
        authenticator = Authenticator(TokenVerifier(settings.jwt_secret), db)
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
            Limits(
                max_message_length=MAX_CONTENT,
                max_payload_bytes=settings.max_payload_size,
                messages_per_minute=settings.message_rate_limit,
                typing_interval_ms=_TYPING_INTERVAL,
            ),
            max_connections=settings.max_connections,
            single_session=settings.single_session,
        )
        log_reader = LogReader(db, delivery, epoch, on_new_history=stop)
        retention = Retention(db)
        retention.start()
        stack.push_async_callback(retention.stop)
        await log_reader.start()
        stack.push_async_callback(log_reader.stop)
        if isinstance(manager, RedisManager):
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

        probes = Probes(check_database)
        application = web.Application(
            middlewares=[doors_web.cors(settings.cors_origins), doors_web.errors],
            client_max_size=settings.max_payload_size,
        )
        rest = RestDoor(gate, authenticator, settings.max_payload_size)
        application.add_routes(rest.routes(schemas.COMMANDS))
        application.add_routes(probes.routes())
        application.add_routes(documents.routes())
        engine.attach(application, "socket.io")
        yield App(application, gate, socketio_door, probes, retention, delivery, log_reader)


def _redis(
    settings: Settings, stack: AsyncExitStack
) -> tuple[LocalManager | RedisManager, PresenceStore]:
    """Without Redis, one process serves alone."""
    grace = settings.presence_grace
    if settings.redis_url is None:
        return LocalManager(), LocalPresence(grace)
    redis = redis_client(settings.redis_url, timeout=1.0)
    stack.push_async_callback(close_client, redis)
    presence = RedisPresence(redis, grace=grace, lease=settings.presence_lease)
    return RedisManager(settings.redis_url), presence


def _engine(settings: Settings, manager: LocalManager | RedisManager) -> Engine:
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
        ping_interval=max(1.0, min(25.0, settings.keep_alive_timeout / 2)),
        ping_timeout=max(1.0, min(20.0, settings.keep_alive_timeout / 2)),
        logger=False,
        engineio_logger=False,
    )
