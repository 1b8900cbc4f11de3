"""Makes the ground: the database, Redis, limits, and rows as resources."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from redis.asyncio import Redis

from chatserver.config import Settings
from chatserver.core.crypto import Vault
from chatserver.delivery import Bell, SilentBell
from chatserver.delivery.bell import RedisBell
from chatserver.limits import Limiter, LocalLimits, RedisLimits
from chatserver.redis import close_client, redis_client
from chatserver.resources import (
    Abouts,
    Conversations,
    Directory,
    Existence,
    MessageReader,
    Participants,
)
from chatserver.store import Database, Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """PostgreSQL, and what is sealed and remembered in it."""

    db: Database
    vault: Vault
    requests: Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Rows as resources of the wire."""

    directory: Directory
    messages: MessageReader
    participants: Participants
    conversations: Conversations
    existence: Existence
    abouts: Abouts


async def open_store(settings: Settings, dsn: str, stack: AsyncExitStack) -> Store:
    """Open the pool, the key that opens what is sealed, and the answers kept of requests."""
    db = await Database.connect(settings.database, dsn)
    stack.push_async_callback(db.close)
    vault = Vault(settings.encryption_keys)
    return Store(db=db, vault=vault, requests=Requests(db, vault, settings.quotas.kept_answers))


def redis_of_its_own(settings: Settings, stack: AsyncExitStack) -> Redis | None:
    """Make a client for one part alone: a call that is not answered in time costs all its client's connections."""
    if settings.redis_url is None:
        return None
    client = redis_client(settings.redis_url, timeout=1.0)
    stack.push_async_callback(close_client, client)
    return client


def open_limits(settings: Settings, stack: AsyncExitStack) -> Limiter:
    """Start the limits; with Redis, they hold over all processes."""
    redis = redis_of_its_own(settings, stack)
    store = LocalLimits() if redis is None else RedisLimits(redis)
    limiter = Limiter(
        store,
        messages=settings.message_rate_limit,
        client_messages=settings.client_message_rate_limit,
        commands=settings.command_rate_limit,
        searches=settings.search_rate_limit,
        requests=settings.ip_rate_limit,
        requests_in=settings.ip_rate_window,
        upload_ttl=settings.upload_ttl,
    )
    stack.push_async_callback(store.close)
    store.start()
    return limiter


def make_resources(store: Store, limiter: Limiter) -> Resources:
    """Make what turns rows into the wire's resources."""
    directory = Directory(store.db)
    messages = MessageReader(store.vault, directory)
    participants = Participants(store.db, directory)
    conversations = Conversations(
        store.db, store.vault, participants, messages, limiter.looked_through
    )
    return Resources(
        directory=directory,
        messages=messages,
        participants=participants,
        conversations=conversations,
        existence=Existence(store.db),
        abouts=Abouts(store.db),
    )


def make_bell(settings: Settings) -> Bell:
    """Make what tells the other processes; without Redis, one process serves alone."""
    if settings.redis_url is None:
        return SilentBell()
    return RedisBell(settings.redis_url, foreign_rate=settings.external_push_rate)
