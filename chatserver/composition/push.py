"""Makes notifications: devices, what reads the log for them, and a sender for each provider."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from chatserver.composition.ground import Resources, Store
from chatserver.composition.services import LogParts, PresenceParts
from chatserver.config import PushSettings, Settings
from chatserver.log import LogConsumer
from chatserver.push import (
    Devices,
    Fcm,
    Hook,
    Notifier,
    Outside,
    Provider,
    ProviderName,
    PushTargets,
    Sender,
    WebPush,
)

# Notices under way in one process.
_AT_ONCE = 32
_AT_ONCE_TO_HOOK = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PushParts:
    """Notifications. Where no provider is configured nothing reads the log for them."""

    devices: Devices
    consumer: LogConsumer | None
    senders: tuple[Sender, ...]


async def open_push(
    settings: Settings,
    store: Store,
    resources: Resources,
    log: LogParts,
    presence: PresenceParts,
    stack: AsyncExitStack,
) -> PushParts:
    """Start notifying by the providers that are configured."""
    push, targets = settings.push, PushTargets(store.vault)
    providers = _providers(push)
    devices = Devices(
        store.db,
        log.changes,
        targets,
        providers.keys() - {"hook"},
        private=push.private_addresses,
    )
    if not providers:
        return PushParts(devices=devices, consumer=None, senders=())
    # A short delay is kept to. A look at a busy conversation costs the same however much was said in it.
    pause = min(1.0, max(0.05, push.delay / 5))
    reading = min(2.0, max(0.05, push.delay / 2.5))
    senders = tuple(
        Sender(
            name,
            provider,
            store.db,
            targets,
            resources.messages,
            resources.directory,
            presence.focus.among,
            delay=push.delay,
            content=push.content,
            at_once=_AT_ONCE_TO_HOOK if name == "hook" else _AT_ONCE,
            pause=pause,
        )
        for name, provider in providers.items()
    )
    notifier = Notifier(store.db, resources.messages, resources.abouts, providers, push.delay)
    consumer = LogConsumer(store.db, notifier, pause=reading)
    await consumer.begin()
    for part in (consumer, *senders):
        part.start()
        stack.push_async_callback(part.stop)
    return PushParts(devices=devices, consumer=consumer, senders=senders)


def _providers(push: PushSettings) -> dict[ProviderName, Provider]:
    found: dict[ProviderName, Provider] = {}
    private = push.private_addresses
    if push.vapid is not None:
        outside = Outside(public=not private, at_once=_AT_ONCE)
        found["webpush"] = WebPush(push.vapid, outside, private=private)
    if push.fcm is not None:
        found["fcm"] = Fcm(push.fcm, Outside(public=False, at_once=_AT_ONCE))
    if push.hook is not None:
        found["hook"] = Hook(push.hook, Outside(public=False, at_once=_AT_ONCE_TO_HOOK))
    return found
