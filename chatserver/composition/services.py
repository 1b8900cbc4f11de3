"""Makes what people use: the log, sessions, presence, people and chat."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from chatserver import handlers, schemas
from chatserver.chat import (
    Groups,
    HeartbeatReceipts,
    HistoryReader,
    Mentions,
    MessageChanges,
    Opening,
    OwnViews,
    Posting,
    Posts,
    Receipts,
    StatusUpdates,
    TypingState,
)
from chatserver.composition.ground import Resources, Store, redis_of_its_own
from chatserver.composition.searching import SearchParts
from chatserver.config import Settings
from chatserver.delivery import Bell, Delivery
from chatserver.files import FileClaims
from chatserver.gate import Gate
from chatserver.limits import Limiter
from chatserver.log import Changes, Log, Pids, Recovery
from chatserver.people import Blocks, PictureSource, ProfilePictures
from chatserver.presence import Focus, LocalPresence, Presence, PresenceStore, RedisPresence
from chatserver.push import Devices
from chatserver.sessions import Authenticator, Sessions, TokenVerifier


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParts:
    """The event log, and those who are told of it."""

    log: Log
    epoch: str
    delivery: Delivery
    changes: Changes
    recovery: Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParts:
    """Whose token it is, and for how long."""

    authenticator: Authenticator
    watch: Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceParts:
    """Who is online, and what they have in front of them."""

    presence: Presence
    focus: Focus


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Blocks and pictures; handlers find them by their types."""

    blocks: Blocks
    pictures: ProfilePictures


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatParts:
    """What people do with messages; `services` are what handlers ask for by their types."""

    services: tuple[object, ...]
    posts: Posts
    receipts: Receipts
    heartbeats: HeartbeatReceipts
    status_updates: StatusUpdates
    typing: TypingState


async def open_log(
    settings: Settings, store: Store, resources: Resources, bell: Bell, limiter: Limiter
) -> LogParts:
    """Open the event log, with delivery, which it feeds."""
    log = Log(
        store.db, resources.directory, resources.messages, resources.conversations, resources.abouts
    )
    delivery = Delivery(log.between, bell, log.ended, on_crowd=limiter.crowd)
    epoch = await log.epoch()
    within = settings.connect_query_timeout
    return LogParts(
        log=log,
        epoch=epoch,
        delivery=delivery,
        changes=Changes(store.requests, log, delivery),
        recovery=Recovery(store.db, log, Pids(store.vault), epoch, within=within),
    )


def open_sessions(
    settings: Settings, store: Store, bell: Bell, stack: AsyncExitStack
) -> SessionParts:
    """Start the checking of tokens, and the watch over connections."""
    tokens = TokenVerifier(settings.jwt_secret)
    authenticator = Authenticator(tokens, store.db, settings.connect_query_timeout)
    watch = Sessions(
        authenticator, single=settings.single_session, announce=bell.announce_superseded
    )
    watch.start()
    stack.push_async_callback(watch.stop)
    return SessionParts(authenticator=authenticator, watch=watch)


def open_presence(
    settings: Settings,
    store: Store,
    resources: Resources,
    log: LogParts,
    limiter: Limiter,
    stack: AsyncExitStack,
) -> PresenceParts:
    """Start presence; with Redis, over all processes."""
    focus = Focus(redis_of_its_own(settings, stack), lease=settings.presence_lease)
    stack.push_async_callback(focus.stop)
    focus.start()
    redis, grace = redis_of_its_own(settings, stack), settings.presence_grace
    kept: PresenceStore = LocalPresence(grace)
    if redis is not None:
        # One process tells a person's changes until their contacts may be told again.
        claim = settings.presence_interval + 10
        kept = RedisPresence(redis, grace=grace, lease=settings.presence_lease, claim=claim)
    presence = Presence(
        store.db,
        resources.directory,
        log.delivery,
        kept,
        max_members=settings.presence_max_members,
        interval=settings.presence_interval,
        focus=focus,
        on_read=limiter.looked_through,
    )
    stack.push_async_callback(presence.close)
    presence.start()
    return PresenceParts(presence=presence, focus=focus)


def open_people(
    settings: Settings,
    resources: Resources,
    log: LogParts,
    presence: Presence,
    stack: AsyncExitStack,
) -> People:
    """Make blocks, and pictures: the directory's, or the main back end's."""
    source = None
    if settings.profile_picture_url is not None:
        source = PictureSource(settings.profile_picture_url)
        stack.push_async_callback(source.close)
    pictures = ProfilePictures(resources.directory, source)
    stack.push_async_callback(pictures.close)
    blocks = Blocks(
        resources.directory, log.changes, settings.quotas, on_change=presence.blocks_changed
    )
    return People(blocks=blocks, pictures=pictures)


def open_chat(
    settings: Settings,
    store: Store,
    resources: Resources,
    log: LogParts,
    limiter: Limiter,
    claims: FileClaims,
    stack: AsyncExitStack,
) -> ChatParts:
    """Make the services for messages and conversations."""
    db, vault, requests, quotas = store.db, store.vault, store.requests, settings.quotas
    conversations, reader = resources.conversations, resources.messages
    delivery, changes = log.delivery, log.changes
    status_updates = StatusUpdates(delivery, resources.abouts)
    stack.callback(status_updates.flush)
    heartbeats = HeartbeatReceipts(db, status_updates)
    stack.push_async_callback(heartbeats.close)
    receipts = Receipts(db, requests, status_updates)
    stack.push_async_callback(receipts.finish)
    mentions, posts = Mentions(db, delivery), Posts(db)
    typing = TypingState(db, delivery, resources.abouts, interval=settings.typing_interval)
    services = (
        Posting(db, vault, reader, delivery, posts, mentions, resources.abouts, claims),
        Opening(db, resources.directory, conversations, changes, quotas),
        MessageChanges(db, vault, reader, changes, mentions, quotas),
        HistoryReader(db, reader, log.log, limiter.looked_through),
        OwnViews(changes),
        Groups(
            vault,
            resources.participants,
            changes,
            max_members=settings.group_max_members,
            quotas=quotas,
        ),
        receipts,
        typing,
    )
    return ChatParts(
        services=services,
        posts=posts,
        receipts=receipts,
        heartbeats=heartbeats,
        status_updates=status_updates,
        typing=typing,
    )


def make_gate(
    settings: Settings,
    limiter: Limiter,
    resources: Resources,
    log: LogParts,
    sessions: SessionParts,
    presence: Presence,
    people: People,
    chat: ChatParts,
    search: SearchParts,
    files: tuple[object, ...],
    devices: Devices,
) -> Gate:
    """Make the gate; handlers ask for services by their types."""
    services = (
        *chat.services,
        search.search,
        *files,
        people.blocks,
        people.pictures,
        devices,
        resources.conversations,
        resources.participants,
        log.recovery,
        presence,
        sessions.watch,
    )
    return Gate(
        schemas.COMMANDS,
        handlers.MODULES,
        services,
        limiter=limiter,
        strict=settings.is_development,
        timeout=settings.command_timeout,
    )
