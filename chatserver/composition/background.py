"""Starts what works in the background, and what watches it."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from chatserver.chat import Archive
from chatserver.composition.files import Files
from chatserver.composition.ground import Store
from chatserver.composition.push import PushParts
from chatserver.composition.searching import SearchParts
from chatserver.composition.services import ChatParts, LogParts, PresenceParts, SessionParts
from chatserver.config import Settings
from chatserver.core.vitals import Vitals
from chatserver.delivery import Bell
from chatserver.delivery.bell import Hearers, RedisBell, bell_keys, channels
from chatserver.doors.socketio import Engine
from chatserver.log import LogReader, Retention
from chatserver.sessions import CHANNEL, REDIS_CHANNEL, Revocations
from chatserver.store import NotifyListener


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundParts:
    """What works beside the commands."""

    log_reader: LogReader
    retention: Retention
    archive: Archive
    revocations: Revocations


async def start_background(
    settings: Settings,
    dsn: str,
    store: Store,
    log: LogParts,
    sessions: SessionParts,
    stop: Callable[[], None],
    stack: AsyncExitStack,
) -> BackgroundParts:
    """Start the log reader, retention, the archive, and what ends revoked sessions."""
    retention = Retention(store.db)
    retention.start()
    stack.push_async_callback(retention.stop)
    archive = Archive(store.db, log.changes)
    archive.start()
    stack.push_async_callback(archive.stop)
    log_reader = LogReader(store.db, log.delivery, log.epoch, on_new_history=stop)
    await log_reader.start()
    stack.push_async_callback(log_reader.stop)
    revocations = Revocations(store.db, sessions.watch)
    revocations.start()
    stack.push_async_callback(revocations.stop)
    # Listen to the database where it has something to tell and one session can be kept.
    if not settings.database.through_pooler and await revocations.are_told():
        listener = NotifyListener(
            settings.database, dsn, CHANNEL, revocations.hear, revocations.ask_soon
        )
        listener.start()
        stack.push_async_callback(listener.stop)
    return BackgroundParts(
        log_reader=log_reader, retention=retention, archive=archive, revocations=revocations
    )


async def hear_the_bell(
    bell: Bell,
    store: Store,
    log: LogParts,
    sessions: SessionParts,
    engine: Engine,
    background: BackgroundParts,
    stack: AsyncExitStack,
) -> None:
    """Begin to hear the other processes, where there are any."""
    if not isinstance(bell, RedisBell):
        return
    reader, revocations = background.log_reader, background.revocations
    hearers = Hearers(
        delivery=log.delivery,
        to_connections=engine.send_event,
        superseded=sessions.watch.superseded,
        channels={REDIS_CHANNEL: revocations.hear},
        # While the bell cannot be trusted the log is read more often, and at once when it is back.
        lost=(partial(reader.alarm, "bell"),),
        recovered=(revocations.ask_soon, partial(reader.calm, "bell")),
        young=(partial(reader.alarm, "channels"),),
        settled=(partial(reader.calm, "channels"),),
    )
    stack.push_async_callback(bell.stop)
    await bell.start(hearers, bell_keys(store.vault, channels.COMMON.decode(), log.epoch))
    if not bell.healthy:
        reader.alarm("bell")


def make_vitals(
    settings: Settings,
    log: LogParts,
    sessions: SessionParts,
    presence: PresenceParts,
    chat: ChatParts,
    search: SearchParts,
    files: Files,
    background: BackgroundParts,
    push: PushParts,
) -> Vitals:
    """Make what tells whether a part of the process stands still."""
    # This is longer than a query may take, with the wait for a connection.
    patience = settings.database.query_timeout + settings.database.connection_timeout
    return Vitals(
        patience,
        {
            "posts": chat.posts.stands_still,
            "receipts": chat.receipts.batches.stands_still,
            "authentication": sessions.authenticator.lookups.stands_still,
            "recovery": log.recovery.lookups.stands_still,
            "large recovery": log.recovery.large_lookups.stands_still,
            "contacts": presence.presence.lookups.stands_still,
            "focus": presence.focus.stands_still,
            "log reader": background.log_reader.stands_still,
            "sessions": sessions.watch.stands_still,
            "revocations": background.revocations.stands_still,
            "retention": background.retention.stands_still,
            "archive": background.archive.stands_still,
            "files": files.caretaker.stands_still,
            "search": search.background.stands_still,
            **{f"push by {sender.name}": sender.stands_still for sender in push.senders},
            **({"push": push.consumer.stands_still} if push.consumer else {}),
        },
    )
