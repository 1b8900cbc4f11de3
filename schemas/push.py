"""Devices to notify: added, listed and removed."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, get_args
from uuid import UUID

from marshmallow import ValidationError, fields

from chatserver.schemas.base import Empty, Retryable
from chatserver.schemas.fields import Id, OneOf, Text
from chatserver.schemas.resources import Time, Uuid
from chatserver.schemas.table import Command, Rest
from chatserver.schemas.wire import resource

PushProvider = Literal["webpush", "fcm"]

_MOST_ENDPOINT = 2_000
# Printable ASCII, as a browser gives it.
_ENDPOINT = re.compile(r"https?://[!-~]+\Z")
_KEY = re.compile(r"[A-Za-z0-9_-]+={0,2}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSubscription:
    """A subscription of Web Push. The keys are decoded."""

    endpoint: str
    p256dh: bytes
    auth: bytes


class PushSubscribed(fields.Field[PushSubscription]):
    """What a browser's `PushSubscription.toJSON()` gives; other members of it are passed over."""

    json_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "description": "What `PushSubscription.toJSON()` gives in a browser.",
        "properties": {
            "endpoint": {"type": "string", "format": "uri", "maxLength": _MOST_ENDPOINT},
            "expirationTime": {"type": ["integer", "null"]},
            "keys": {
                "type": "object",
                "properties": {
                    "p256dh": {"type": "string", "minLength": 87, "maxLength": 88},
                    "auth": {"type": "string", "minLength": 22, "maxLength": 24},
                },
                "required": ["p256dh", "auth"],
            },
        },
        "required": ["endpoint", "keys"],
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> PushSubscription:
        if not isinstance(value, dict) or not isinstance(value.get("keys"), dict):
            raise ValidationError("Must be a subscription, with its endpoint and keys.")
        endpoint = value.get("endpoint")
        if (
            not isinstance(endpoint, str)
            or len(endpoint) > _MOST_ENDPOINT
            or not _ENDPOINT.match(endpoint)
        ):
            raise ValidationError("Must have an endpoint: an https address.")
        p256dh, auth = (_key(value["keys"].get(name)) for name in ("p256dh", "auth"))
        if len(p256dh) != 65 or p256dh[:1] != b"\x04" or len(auth) != 16:
            raise ValidationError("Must have the keys p256dh and auth, in base64url.")
        return PushSubscription(endpoint=endpoint, p256dh=p256dh, auth=auth)


def _key(text: object) -> bytes:
    if not isinstance(text, str) or len(text) > 100 or not _KEY.match(text):
        return b""
    plain = text.rstrip("=")
    if len(plain) % 4 == 1:
        return b""
    return base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDeviceAdd(Retryable):
    """A device: a ``subscription`` of Web Push, or a ``token`` of Firebase."""

    provider: Annotated[PushProvider, OneOf(*get_args(PushProvider))]
    subscription: Annotated[PushSubscription | None, PushSubscribed()] = None
    token: Annotated[str | None, Text(1, 4096, blank=False)] = None
    name: Annotated[str | None, Text(1, 100)] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """A subscription for webpush, a token for fcm, and not the other."""
        wanted, other = ("subscription", "token")
        if self.provider == "fcm":
            wanted, other = other, wanted
        if getattr(self, wanted) is None:
            yield wanted, "Missing."
        if getattr(self, other) is not None:
            yield other, f"Does not go with {self.provider}."


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDeviceRemove(Retryable):
    """The device to remove."""

    device_id: Annotated[UUID, Id()]


@resource
class PushDevice:
    """A device of one's own that is notified. Where it is reached is not shown."""

    id: Uuid
    provider: PushProvider
    name: str | None
    created_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDeviceGiven:
    """The device."""

    device: PushDevice


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDevices:
    """All of one's own, the first added first."""

    devices: tuple[PushDevice, ...]


COMMANDS = (
    Command(
        "push:device_add",
        takes=PushDeviceAdd,
        gives=PushDeviceGiven,
        mutates=True,
        errors=("CONFLICT", "RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("POST", "/api/push/devices", 201, bare="device"),),
        doc="Have a device notified of messages that you have not read. The same endpoint or token again is the "
        "same device, and whoever added it last has it. You have 20 at most.",
    ),
    Command(
        "push:device_list",
        takes=Empty,
        gives=PushDevices,
        rest=(Rest("GET", "/api/push/devices"),),
        doc="Your devices that are notified.",
    ),
    Command(
        "push:device_remove",
        takes=PushDeviceRemove,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "IDEMPOTENCY_CONFLICT"),
        rest=(Rest("DELETE", "/api/push/devices/{device_id}"),),
        doc="Have a device notified no longer.",
    ),
)
