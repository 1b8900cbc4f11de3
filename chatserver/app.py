"""The composition root: every part is made here, room by room, and handed what it needs."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from chatserver.chat import Archive, StatusUpdates
from chatserver.composition.background import hear_the_bell, make_vitals, start_background
from chatserver.composition.doors import (
    make_http,
    make_metrics,
    make_open_connections,
    make_open_doors,
    make_probes,
    make_reception,
    make_rest,
    make_socketio,
    make_tally,
)
from chatserver.composition.files import Files, make_files_door, open_files
from chatserver.composition.ground import make_bell, make_resources, open_limits, open_store
from chatserver.composition.marketplace import make_marketplace
from chatserver.composition.messaging import make_messaging
from chatserver.composition.push import open_push
from chatserver.composition.searching import open_search
from chatserver.composition.services import (
    make_gate,
    open_chat,
    open_log,
    open_people,
    open_presence,
    open_sessions,
)
from chatserver.config import Settings
from chatserver.delivery import Delivery
from chatserver.doors.connection import OpenDoors, Reception
from chatserver.doors.counts import DoorCounts
from chatserver.doors.http import OpenConnections, Probes
from chatserver.doors.http.middleware import Headers
from chatserver.doors.messaging import MessagingDoor
from chatserver.doors.socketio import SocketIODoor
from chatserver.gate import Gate
from chatserver.log import LogReader, Retention
from chatserver.presence import Focus
from chatserver.search import Builder
from chatserver.sessions import Authenticator, Revocations, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A running server: what the outside needs of it.

    ``private_web`` is for whoever METRICS_ADDRESS lets in.
    """

    private_web: web.Application
    web: web.Application
    headers: Headers
    open_connections: OpenConnections
    gate: Gate
    reception: Reception
    open_doors: OpenDoors
    socketio: SocketIODoor
    messaging: MessagingDoor
    probes: Probes
    retention: Retention
    archive: Archive
    focus: Focus
    delivery: Delivery
    log_reader: LogReader
    status_updates: StatusUpdates
    builder: Builder
    sessions: Sessions
    revocations: Revocations
    authenticator: Authenticator
    files: Files


@asynccontextmanager
async def build(
    settings: Settings,
    dsn: str,
    stop: Callable[[], None],
    *,
    worker: int = 0,
    demo_users: Sequence[str] = (),
) -> AsyncIterator[App]:
    """Run the server on the database `dsn`; leaving the context closes what it opened.

    Args:
        stop: called where the server itself finds that it must stop.
        worker: which of several processes on one port this is, from 1; 0 where it is alone.
        demo_users: the people of the demo, for whom the page gets tokens in development.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    async with AsyncExitStack() as stack:
        store = await open_store(settings, dsn, stack)
        limiter = open_limits(settings, stack)
        resources = make_resources(store, limiter)
        bell = make_bell(settings)
        log = await open_log(settings, store, resources, bell, limiter)
        sessions = open_sessions(settings, store, bell, stack)
        presence_parts = open_presence(settings, store, resources, log, limiter, stack)
        presence = presence_parts.presence
        push = await open_push(settings, store, resources, log, presence_parts, stack)
        people = open_people(settings, resources, log, presence, stack)
        files = open_files(settings, store, resources, log, stack)
        chat = open_chat(settings, store, resources, log, limiter, files.claims, stack)
        search = open_search(store, resources, limiter, stack)
        gate = make_gate(
            settings,
            limiter,
            resources,
            log,
            sessions,
            presence,
            people,
            chat,
            search,
            files.services,
            push.devices,
        )
        reception = make_reception(settings, gate, limiter, log, sessions, presence, chat)
        socketio = make_socketio(settings, reception)
        messaging = make_messaging(settings, gate, limiter, resources, sessions, reception)
        marketplace = make_marketplace(settings, gate, limiter, resources, sessions, reception)
        background = await start_background(settings, dsn, store, log, sessions, stop, stack)
        await hear_the_bell(bell, store, log, sessions, socketio.engine, background, stack)
        stack.push_async_callback(socketio.engine.shutdown)
        tally = make_tally()
        open_doors = make_open_doors(reception, socketio, messaging, marketplace)
        counts = DoorCounts(open_doors, reception, tally)
        metrics = make_metrics(
            settings,
            worker,
            bell,
            limiter,
            presence_parts,
            store,
            log,
            people,
            chat,
            search,
            files,
            gate,
            background,
            push,
            counts,
            stack,
        )
        vitals = make_vitals(
            settings, log, sessions, presence_parts, chat, search, files, background, push
        )
        probes = make_probes(settings, store, metrics, vitals)
        rest = make_rest(settings, gate, sessions, resources)
        http = make_http(
            settings,
            limiter,
            socketio,
            rest,
            make_files_door(files, limiter, sessions),
            files.storage.origin,
            marketplace,
            messaging,
            probes,
            tally,
            demo_users,
        )
        yield App(
            private_web=http.private,
            web=http.application,
            headers=http.headers,
            open_connections=make_open_connections(settings),
            gate=gate,
            reception=reception,
            open_doors=open_doors,
            socketio=socketio.door,
            messaging=messaging.door,
            probes=probes,
            retention=background.retention,
            archive=background.archive,
            focus=presence_parts.focus,
            delivery=log.delivery,
            log_reader=background.log_reader,
            status_updates=chat.status_updates,
            builder=search.builder,
            sessions=sessions.watch,
            revocations=background.revocations,
            authenticator=sessions.authenticator,
            files=files,
        )
