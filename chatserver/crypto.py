"""Text at rest: what the database keeps of a message can be read only with the key.

Version 2 is ours: AES-256-GCM with a fresh nonce, bound by its associated data to the key, the
conversation and the message, so that a row copied elsewhere does not open (DESIGN.md, "At rest").
Version 1 is how the existing messaging system wrote its rows (messaging-implementation.md,
"Message Encryption"): we read it and never write it. CBC authenticates nothing: a changed or moved
row of version 1 may open as something else, which is why an importer should seal it anew.

What does not open raises. Nothing is ever stored or returned as plaintext instead.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.padding import PKCS7

LEGACY_VERSION = 1
VERSION = 2

_SALT = b"chatserver text at rest v2"
_LEGACY_SALT = b"salt"
# An AESGCM object takes 2.5 KB and a lost one 2.5 µs to make again, so a few MB are enough.
_CACHED_SUBKEYS = 2_000


class DecryptionError(Exception):
    """A stored text that does not open: another key, or changed, or moved. Says nothing more."""


class Sealed(NamedTuple):
    """A text as the database keeps it."""

    version: int
    key_id: str  # which key, as `Vault.key_id` names it
    nonce: bytes  # 12 bytes; in version 1 the initialisation vector, 16 bytes
    ciphertext: bytes  # in version 2 with the 16-byte tag at its end


# What a `Sealed` is made of; who opens a page full of them need not make one of each.
SealedText: TypeAlias = tuple[int, str, bytes, bytes]


def _scrypt(secret: str, salt: bytes) -> bytes:
    # n, r and p are Node's defaults in scryptSync too, so both versions derive alike.
    # A variable's bytes that are no UTF-8 reach Python as lone surrogates; this takes them back.
    return hashlib.scrypt(
        secret.encode("utf-8", "surrogateescape"), salt=salt, n=2**14, r=8, p=1, dklen=32
    )


class _Key:
    """One secret with all that is derived from it. Slow to make (two scrypts, about 0.1 s)."""

    def __init__(self, secret: str) -> None:
        master = _scrypt(secret, _SALT)
        self._legacy = AES(_scrypt(secret, _LEGACY_SALT))

        # scrypt's output is uniform, so HKDF's extract step adds nothing (RFC 5869 section 3.3).
        def derive(info: bytes, length: int = 32) -> bytes:
            return HKDFExpand(SHA256(), length, b"chatserver " + info).derive(master)

        # Derived, not configured, so that every process agrees; one-way, so it tells nothing.
        self.id = derive(b"key id", 4).hex()
        self._fingerprint = derive(b"fingerprint")
        # Every part has a fixed place and length, so no two rows have the same associated data.
        aad = bytes([VERSION, len(self.id)]) + self.id.encode()

        # A subkey per conversation: random nonces are good for 2**32 messages under one key
        # (NIST SP 800-38D section 8.3), which a busy server spends in days. With it comes what the
        # associated data of the conversation's messages begin with.
        @lru_cache(_CACHED_SUBKEYS)
        def cipher(conversation: bytes) -> tuple[AESGCM, bytes]:
            return AESGCM(derive(b"conversation " + conversation)), aad + conversation

        self.cipher = cipher

    def seal(self, conversation_id: UUID, message_id: UUID, plaintext: bytes) -> Sealed:
        cipher, aad = self.cipher(conversation_id.bytes)
        nonce = os.urandom(12)  # never from a buffer: a forked child would use the same ones
        text = cipher.encrypt(nonce, plaintext, aad + message_id.bytes)
        return Sealed(VERSION, self.id, nonce, text)

    def open_legacy(self, nonce: bytes, ciphertext: bytes) -> bytes:
        decryptor = Cipher(self._legacy, CBC(nonce)).decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        plaintext = unpadder.update(padded) + unpadder.finalize()
        plaintext.decode()  # it was text: a wrong key that got past the padding seldom gives any
        return plaintext

    def fingerprint(self, message: bytes) -> bytes:
        return hashlib.blake2b(message, key=self._fingerprint, digest_size=16).digest()


class Vault:
    """Seals and opens texts, and fingerprints what must be compared but not kept.

    `secrets` are values of `CHAT_ENCRYPTION_KEY`: the current one, which seals, then the previous
    ones, which still open. Construction derives their keys, about 0.1 s each: do it at start-up.

    Raises:
        ValueError: there is no secret, or an empty one.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a vault needs at least one secret, and none may be empty")
        keys = [_Key(secret) for secret in secrets]
        self._current = keys[0]
        self._keys = {key.id: key for key in reversed(keys)}  # the current one wins a clash

    @property
    def key_id(self) -> str:
        """Names the current key: 8 hex digits. An importer stores it with rows of version 1."""
        return self._current.id

    @property
    def key_ids(self) -> frozenset[str]:
        """Names every key that opens something."""
        return frozenset(self._keys)

    def seal(self, conversation_id: UUID, message_id: UUID, plaintext: bytes) -> Sealed:
        """Encrypt the text of this message under the current key, with a nonce of its own."""
        return self._current.seal(conversation_id, message_id, plaintext)

    def open(self, conversation_id: UUID, message_id: UUID, sealed: SealedText) -> bytes:
        """The text that was sealed for this very message.

        Raises:
            DecryptionError: no known key opens it here.
        """
        version, key_id, nonce, ciphertext = sealed
        key = self._keys.get(key_id)
        try:
            if key and version == VERSION:
                cipher, aad = key.cipher(conversation_id.bytes)
                return cipher.decrypt(nonce, ciphertext, aad + message_id.bytes)
            if key and version == LEGACY_VERSION:
                return key.open_legacy(nonce, ciphertext)
        except (InvalidTag, ValueError):
            pass  # one answer for every reason: which check failed is nobody's business
        raise DecryptionError("this text does not open")

    def fingerprint(self, *parts: bytes) -> bytes:
        """What an idempotency row keeps instead of the body: 16 bytes, under the current key.

        Give the ids of the row (conversation, sender, client id) before the body, so that equal
        texts do not show as equal fingerprints. `parts` are told apart: `(b"ab", b"c")` is not
        `(b"a", b"bc")`. Keyed BLAKE2b (RFC 7693) is a MAC of its own, in a fifth of HMAC-SHA256's time;
        16 bytes are plenty: without the key no one can search for another body that fits, and who found
        one would only lose a message of their own.
        """
        return self._current.fingerprint(_netstrings(parts))

    def same_fingerprint(self, stored: bytes, *parts: bytes) -> bool:
        """Whether `stored` was made of these `parts`, under the current or any previous key.

        Takes the same time wherever they differ. A row made under a key that is known no longer
        does not match: keep a previous key for as long as texts sealed with it are kept.
        """
        message = _netstrings(parts)
        same = [hmac.compare_digest(stored, k.fingerprint(message)) for k in self._keys.values()]
        return any(same)


_LENGTHS = [b"%d:" % length for length in range(256)]


def _netstrings(parts: Sequence[bytes]) -> bytes:
    # Half of what formatting each takes.
    message = []
    for part in parts:
        length = len(part)
        message.append(_LENGTHS[length] if length < 256 else b"%d:" % length)
        message.append(part)
    return b"".join(message)
