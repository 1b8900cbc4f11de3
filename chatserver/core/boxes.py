"""Seals what is no text of a message, for one purpose: pieces of an index, cursors that clients keep."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chatserver.core.crypto import AlteredError, DecryptionError, Vault

# The key's id and the nonce come first.
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = _ID_BYTES + _NONCE_BYTES


class Box:
    """Seals bytes with AES-256-GCM, under keys that a vault derives for one purpose (`Vault.derive`).

    A fresh nonce is drawn for each, so a purpose is good for 2**32 of them under one secret (NIST SP 800-38D,
    section 8.3). It may be used in several threads at once.
    """

    def __init__(self, vault: Vault, *purpose: bytes) -> None:
        self.key_id = vault.key_id
        keys = vault.derive_by_id(*purpose)
        self.key_ids = frozenset(keys)
        self._ciphers = {bytes.fromhex(name): AESGCM(key) for name, key in keys.items()}

    def seal(self, place: bytes, plaintext: bytes) -> bytes:
        """Return the plaintext sealed under the current key, and bound to its place: `open` needs the same one."""
        key_id = bytes.fromhex(self.key_id)
        nonce = os.urandom(_NONCE_BYTES)
        return key_id + nonce + self._ciphers[key_id].encrypt(nonce, plaintext, key_id + place)

    def open(self, place: bytes, sealed: bytes) -> bytes:
        """Open what was sealed for this place, under the current or a previous key.

        Raises:
            AlteredError: its key does not open it here.
            DecryptionError: its key is not known, or nothing of this kind was ever sealed.
        """
        key_id = sealed[:_ID_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None or len(sealed) < _HEAD_BYTES:
            raise DecryptionError("this does not open")
        try:
            nonce = sealed[_ID_BYTES:_HEAD_BYTES]
            return cipher.decrypt(nonce, sealed[_HEAD_BYTES:], key_id + place)
        except (InvalidTag, ValueError):
            raise AlteredError("this does not open") from None
