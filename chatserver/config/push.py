"""Reads the settings of notifications: the keys of Web Push, Firebase's credentials, and the hook."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from chatserver.config.reader import Reader
from chatserver.config.secrets import decode_base64

_PLACE = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[!-~]*)?")
_SECRET_BYTES = range(24, 65)
_MOST_CREDENTIALS = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class VapidKeys:
    """The key by which push services know this server (RFC 8292). `public` is base64url of the point."""

    public: str
    private: EllipticCurvePrivateKey = field(repr=False)
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FcmCredentials:
    """A service account of Firebase."""

    project_id: str
    client_email: str
    private_key: RSAPrivateKey = field(repr=False)
    token_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """Where the owner's own push system is told. `secret` is decoded."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """How people are notified. A provider that is None is not configured.

    `delay` is in seconds. With `content`, notifications say who wrote what. `private_addresses` are for tests.
    """

    vapid: VapidKeys | None = None
    fcm: FcmCredentials | None = None
    hook: HookSettings | None = None
    delay: float = 5.0
    content: bool = False
    private_addresses: bool = False


def load_push(read: Reader, *, production: bool) -> PushSettings:
    """Read all settings of notifications."""
    private_addresses = read.flag("PUSH_PRIVATE_ADDRESSES")
    if production and private_addresses:
        read.wrong(
            "PUSH_PRIVATE_ADDRESSES",
            "is on, which production refuses: clients name the addresses that are pushed to; leave it out",
        )
    return PushSettings(
        vapid=_vapid(read),
        fcm=_fcm(read, http=private_addresses),
        hook=_hook(read, production=production),
        delay=read.seconds("PUSH_DELAY"),
        content=read.flag("PUSH_CONTENT"),
        private_addresses=private_addresses,
    )


def encoded_point(key: EllipticCurvePrivateKey) -> bytes:
    """Return the public key of a private one, as 65 bytes (SEC 1, uncompressed)."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def base64url(raw: bytes) -> str:
    """Return bytes in base64url without padding (RFC 4648)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _vapid(read: Reader) -> VapidKeys | None:
    names = ("VAPID_PUBLIC_KEY", "VAPID_PRIVATE_KEY", "VAPID_SUBJECT")
    public, private, subject = (read.text(name) for name in names)
    if public is None and private is None and subject is None:
        return None
    advice = "`chatserver vapid` prints a pair"
    if subject is None:
        read.wrong(
            names[2], "is not set: write who push services may ask, such as mailto:ops@example.com"
        )
    elif not re.fullmatch(r"(mailto:[!-~]+@[!-~]+|https://[!-~]+)", subject):
        read.wrong(names[2], "must be mailto:… or https://…, where push services may ask")
    key = None
    raw = decode_base64(private or "")
    if private is None:
        read.wrong(names[1], f"is not set, and Web Push needs it: {advice}")
    elif raw is None or len(raw) != 32:
        read.wrong(names[1], f"must be 32 bytes in base64url: {advice}")
    else:
        try:
            key = derive_private_key(int.from_bytes(raw, "big"), SECP256R1())
        except ValueError:
            read.wrong(names[1], f"is no key of the curve P-256: {advice}")
    if public is None:
        read.wrong(names[0], f"is not set, and Web Push needs it: {advice}")
    elif key is not None and decode_base64(public) != encoded_point(key):
        read.wrong(names[0], f"does not belong to {names[1]}: {advice}")
    if public is None or key is None or subject is None:
        return None
    return VapidKeys(public=base64url(encoded_point(key)), private=key, subject=subject)


def _fcm(read: Reader, *, http: bool) -> FcmCredentials | None:
    name = "FCM_CREDENTIALS"
    text = read.text(name)
    if text is None:
        return None
    if not text.startswith("{"):
        try:
            with Path(text).open(encoding="utf-8") as file:
                text = file.read(_MOST_CREDENTIALS)
        except (OSError, ValueError):
            read.wrong(
                name,
                "names a file that can't be read: write the path of the service account's JSON, or the JSON",
            )
            return None
    try:
        found: Any = json.loads(text)
        account = {key: found[key] for key in ("project_id", "client_email", "token_uri")}
        key = load_pem_private_key(found["private_key"].encode(), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        account, key = {}, None
    schemes = ("https://", "http://") if http else ("https://",)
    if (
        key is None
        or not isinstance(key, RSAPrivateKey)
        or not all(isinstance(part, str) and part for part in account.values())
        or not re.fullmatch(r"[a-z0-9:.-]+", account["project_id"])
        or not account["token_uri"].startswith(schemes)
    ):
        read.wrong(
            name,
            "is no service account: download its JSON in the Firebase console (under service accounts)",
        )
        return None
    return FcmCredentials(private_key=key, **account)


def _hook(read: Reader, *, production: bool) -> HookSettings | None:
    url, secret = read.text("PUSH_HOOK_URL"), read.text("PUSH_HOOK_SECRET")
    if url is None and secret is None:
        return None
    match = _PLACE.fullmatch(url or "")
    if url is None:
        read.wrong("PUSH_HOOK_URL", "is not set, but PUSH_HOOK_SECRET is: set both, or none")
    elif match is None or not _is_port(url) or (production and match[1] != "https"):
        read.wrong(
            "PUSH_HOOK_URL",
            "must be https://host/path, without user and #" + ("" if production else " (or http:)"),
        )
    advice = 'write "whsec_" and 24 to 64 random bytes in base64, such as whsec_$(openssl rand -base64 32)'
    raw = decode_base64((secret or "").removeprefix("whsec_"))
    if secret is None:
        read.wrong(
            "PUSH_HOOK_SECRET", f"is not set, and signs what is sent to PUSH_HOOK_URL: {advice}"
        )
    elif not secret.startswith("whsec_") or raw is None or len(raw) not in _SECRET_BYTES:
        read.wrong("PUSH_HOOK_SECRET", f"is no secret of Standard Webhooks: {advice}")
    if url is None or raw is None:
        return None
    return HookSettings(url=url, secret=raw)


def _is_port(url: str) -> bool:
    try:
        return "#" not in url and urlsplit(url).port != 0
    except ValueError:
        return False
