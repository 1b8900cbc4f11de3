"""Where a device is reached: a subscription of Web Push, or a token of Firebase. These secrets are kept sealed."""

import hashlib
import os
from dataclasses import dataclass
from typing import Literal

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chatserver.core.crypto import DecryptionError, Vault

DeviceProvider = Literal["webpush", "fcm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTarget:
    """Where a device is reached. `address` is the endpoint or the token; the keys are a subscription's, raw."""

    provider: DeviceProvider
    address: str
    p256dh: bytes = b""
    auth: bytes = b""


class PushTargets:
    """Seals targets with the names of their devices, and tells them apart by fingerprints."""

    def __init__(self, vault: Vault) -> None:
        self._sealing = [AESGCM(key) for key in vault.derive(b"push devices")]
        self._telling = vault.derive(b"push targets")

    def fingerprints(self, target: PushTarget) -> list[bytes]:
        """Return what stands for a target under each key, the current one's first."""
        told = f"{target.provider}\x00{target.address}".encode()
        return [hashlib.blake2b(told, key=key, digest_size=16).digest() for key in self._telling]

    def seal(self, user_id: str, target: PushTarget, name: str) -> bytes:
        """Seal a target and its device's name for one person."""
        body = orjson.dumps([name, target.address, target.p256dh.hex(), target.auth.hex()])
        nonce = os.urandom(12)
        aad = _aad(user_id, target.provider)
        return nonce + self._sealing[0].encrypt(nonce, body, aad)

    def open(self, user_id: str, provider: DeviceProvider, sealed: bytes) -> tuple[PushTarget, str]:
        """Open what was sealed for this person. Returns the target, and the device's name.

        Raises:
            DecryptionError: it was not, or its key is not known.
        """
        for key in self._sealing:
            try:
                body = key.decrypt(sealed[:12], sealed[12:], _aad(user_id, provider))
            except (InvalidTag, ValueError):
                continue
            name, address, p256dh, auth = orjson.loads(body)
            target = PushTarget(
                provider=provider,
                address=address,
                p256dh=bytes.fromhex(p256dh),
                auth=bytes.fromhex(auth),
            )
            return target, name
        raise DecryptionError("this device does not open")


def _aad(user_id: str, provider: str) -> bytes:
    return f"push device\x00{provider}\x00{user_id}".encode()
