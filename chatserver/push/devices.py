"""Keeps people's devices: where each is reached, and by whom."""

from collections.abc import Collection
from uuid import UUID

from chatserver.core.caller import Caller
from chatserver.core.crypto import DecryptionError
from chatserver.core.errors import invalid, not_found
from chatserver.core.ids import uuid7
from chatserver.core.logging import get_logger
from chatserver.core.times import iso
from chatserver.log import Changes
from chatserver.push.encryption import check_keys
from chatserver.push.outside import is_allowed
from chatserver.push.targets import PushTarget, PushTargets
from chatserver.schemas.push import PushDevice, PushDeviceAdd
from chatserver.store import Database, Record

_log = get_logger(__name__)

MOST_DEVICES = 20


class Devices:
    """Adds, lists and removes the devices of those who ask.

    Args:
        providers: those that are configured.
        private: whether push services may be at private addresses.

    Raises (coroutines):
        ChatError: UNAVAILABLE where the database cannot answer now.
    """

    def __init__(
        self,
        db: Database,
        changes: Changes,
        targets: PushTargets,
        providers: Collection[str],
        *,
        private: bool = False,
    ) -> None:
        self._db = db
        self._changes = changes
        self._targets = targets
        self._providers = frozenset(providers)
        self._private = private

    async def add(self, caller: Caller, cmd: PushDeviceAdd) -> PushDevice:
        """Add a device of the caller's, whoever had it before.

        Raises:
            ChatError: VALIDATION_ERROR for a provider that is not configured, or a subscription that is none;
                CONFLICT for one device too many; IDEMPOTENCY_CONFLICT
        """
        if cmd.provider not in self._providers:
            raise invalid("provider", "Is not configured here.")
        target = self._target(cmd)
        sealed = self._targets.seal(caller.user_id, target, cmd.name or "")
        prints = self._targets.fingerprints(target)
        made = await self._changes.make(
            caller,
            lambda db: db.one(
                "add_push_device",
                caller.user_id,
                uuid7(),
                cmd.provider,
                prints,
                sealed,
                MOST_DEVICES,
            ),
            of="push device",
            answer=lambda row: {"deviceId": str(row["device_id"])},
            appended=lambda _row: (),
        )
        for device in await self.all(caller):
            if device.id == made.answer["deviceId"]:
                return device
        raise not_found("device")  # it was removed since

    async def all(self, caller: Caller) -> tuple[PushDevice, ...]:
        """Return the caller's devices, the first added first."""
        rows = await self._db.all("push_devices_of", caller.user_id)
        return tuple(self._shown(row) for row in rows)

    async def remove(self, caller: Caller, device_id: UUID) -> None:
        """Remove a device of the caller's.

        Raises:
            ChatError: RESOURCE_NOT_FOUND, IDEMPOTENCY_CONFLICT
        """
        await self._changes.make(
            caller,
            lambda db: db.one("remove_push_device", caller.user_id, device_id),
            of="push device",
            appended=lambda _row: (),
        )

    def _target(self, cmd: PushDeviceAdd) -> PushTarget:
        if cmd.subscription is None:
            return PushTarget(provider="fcm", address=cmd.token or "")
        subscription = cmd.subscription
        if not is_allowed(subscription.endpoint, private=self._private):
            raise invalid("subscription", "Must be at a public https address, port 443 or 8443.")
        try:
            check_keys(subscription.p256dh, subscription.auth)
        except ValueError:
            raise invalid("subscription", "Must have the keys of a subscription.") from None
        return PushTarget(
            provider="webpush",
            address=subscription.endpoint,
            p256dh=subscription.p256dh,
            auth=subscription.auth,
        )

    def _shown(self, row: Record) -> PushDevice:
        try:
            _, name = self._targets.open(row["user_id"], row["provider"], row["sealed"])
        except DecryptionError:
            _log.error("a device does not open", device_id=str(row["id"]))
            name = ""
        return PushDevice(
            id=str(row["id"]),
            provider=row["provider"],
            name=name or None,
            created_at=iso(row["created_at"]),
        )
