"""Seals texts at rest: without the key nobody reads what the database keeps of a message.

Version 3 is ours: AES-256-GCM with a fresh nonce, bound by its associated data to the key, the
conversation, the message and a context (who sent it, as what), so that a row copied elsewhere, or
put into somebody else's mouth, does not open. Version 2, which we read, lacks the context. Version
1 is how the existing messaging system wrote its rows (messaging-implementation.md, "Message
Encryption"): we read it and never write it. CBC authenticates nothing: a changed or moved row of
version 1 may open as something else, which is why an importer should seal it anew.

What is short and is compared where it lies, a group's title, is a text that can stand in a text column:
AES-SIV (RFC 5297), which gives the same for the same text in the same place, and for no other.

What does not open raises. Nothing is ever stored or returned as plaintext instead.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.padding import PKCS7

LEGACY_VERSION = 1
VERSION_WITHOUT_CONTEXT = 2
VERSION = 3

_SALT = b"chatserver text at rest v2"
_LEGACY_SALT = b"salt"
# An AESGCM object takes 2.5 KB and a lost one 2.5 µs to make again, so a few MB are enough.
_CACHED_SUBKEYS = 2_000


# A field at rest: this, the key's id, and base64url (RFC 4648) without padding.
_FIELD = "s1"


class DecryptionError(Exception):
    """A stored text does not open: its key is unknown, or it was changed or moved.

    The message says nothing more.
    """


class AlteredError(DecryptionError):
    """The key is known, so somebody changed or moved the text."""


class Sealed(NamedTuple):
    """A text as the database keeps it."""

    version: int
    key_id: str  # which key, as `Vault.key_id` names it
    nonce: bytes  # 12 bytes; in version 1 the initialisation vector, 16 bytes
    ciphertext: bytes  # but in version 1 with the 16-byte tag at its end


# What a `Sealed` is made of; who opens a page full of them need not make one of each.
SealedText: TypeAlias = tuple[int, str, bytes, bytes]


def _scrypt(secret: str, salt: bytes) -> bytes:
    # n, r and p are Node's defaults in scryptSync too, so both versions derive alike.
    # A variable's bytes that are no UTF-8 reach Python as lone surrogates; this takes them back.
    return hashlib.scrypt(
        secret.encode("utf-8", "surrogateescape"), salt=salt, n=2**14, r=8, p=1, dklen=32
    )


class _Key:
    """One secret, and all keys that are derived from it. Slow to make (two scrypts, about 0.1 s)."""

    def __init__(self, secret: str) -> None:
        master = _scrypt(secret, _SALT)
        self._legacy = AES(_scrypt(secret, _LEGACY_SALT))

        # scrypt's output is uniform, so HKDF's extract step adds nothing (RFC 5869 section 3.3).
        def derive(info: bytes, length: int = 32) -> bytes:
            return HKDFExpand(SHA256(), length, b"chatserver " + info).derive(master)

        self.derive = derive
        # Derived, not configured, so that every process agrees; one-way, so it tells nothing.
        self.id = derive(b"key id", 4).hex()
        self._fingerprint = derive(b"fingerprint")
        # Every part but the last has a fixed place and length, so no two rows have the same associated data.
        key_id = bytes([len(self.id)]) + self.id.encode()
        self._field_place = key_id
        self._fields = AESSIV(derive(b"field", 64))

        # A subkey per conversation: random nonces are good for 2**32 messages under one key
        # (NIST SP 800-38D section 8.3), which a busy server spends in days. With it comes what the
        # associated data of the conversation's messages begin with.
        @lru_cache(_CACHED_SUBKEYS)
        def cipher(conversation: bytes) -> tuple[AESGCM, bytes]:
            return AESGCM(derive(b"conversation " + conversation)), key_id + conversation

        self.cipher = cipher

    def seal(
        self, conversation_id: UUID, message_id: UUID, plaintext: bytes, context: bytes
    ) -> Sealed:
        cipher, place = self.cipher(conversation_id.bytes)
        nonce = os.urandom(12)  # never from a buffer: a forked child would use the same ones
        aad = b"\x03%b%b%b" % (place, message_id.bytes, context)
        return Sealed(VERSION, self.id, nonce, cipher.encrypt(nonce, plaintext, aad))

    def field(self, conversation_id: UUID, name: str) -> list[bytes]:
        """Return the associated data that binds a field to its place."""
        return [self._field_place, conversation_id.bytes, name.encode()]

    def seal_field(self, conversation_id: UUID, name: str, text: str) -> str:
        sealed = self._fields.encrypt(text.encode(), self.field(conversation_id, name))
        return f"{_FIELD}.{self.id}.{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"

    def open_field(self, conversation_id: UUID, name: str, sealed: bytes) -> bytes:
        return self._fields.decrypt(sealed, self.field(conversation_id, name))

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

    def seal(
        self, conversation_id: UUID, message_id: UUID, plaintext: bytes, context: bytes
    ) -> Sealed:
        """Encrypt the text of this message under the current key, with a nonce of its own.

        `context` is what else of the row the text is not to be read without: `open` needs the same.
        """
        return self._current.seal(conversation_id, message_id, plaintext, context)

    def open(
        self, conversation_id: UUID, message_id: UUID, sealed: SealedText, context: bytes
    ) -> bytes:
        """Open the text that was sealed for this very message, in this context.

        Raises:
            AlteredError: its key does not open it here.
            DecryptionError: its key is not known.
        """
        version, key_id, nonce, ciphertext = sealed
        key = self._keys.get(key_id)
        try:
            if key and version == VERSION:
                cipher, place = key.cipher(conversation_id.bytes)
                aad = b"\x03%b%b%b" % (place, message_id.bytes, context)
                return cipher.decrypt(nonce, ciphertext, aad)
            if key and version == VERSION_WITHOUT_CONTEXT:
                cipher, place = key.cipher(conversation_id.bytes)
                return cipher.decrypt(nonce, ciphertext, b"\x02%b%b" % (place, message_id.bytes))
            if key and version == LEGACY_VERSION:
                return key.open_legacy(nonce, ciphertext)
        except (InvalidTag, ValueError):
            pass  # one answer for every reason: which check failed is nobody's business
        raise (AlteredError if key else DecryptionError)("this text does not open")

    def seal_field(self, conversation_id: UUID, name: str, text: str) -> str:
        """Encrypt a conversation's field of that name into a text without blanks; an empty one stays empty.

        The same text in the same place gives the same, so that the database can tell whether it changes.
        """
        return self._current.seal_field(conversation_id, name, text) if text else ""

    def open_field(self, conversation_id: UUID, name: str, text: str) -> str:
        """Open the text that was sealed for this very field.

        Raises:
            AlteredError: its key does not open it here, or it was never sealed.
            DecryptionError: its key is not known.
        """
        if not text:
            return ""
        form, _, rest = text.partition(".")
        key_id, _, sealed = rest.partition(".")
        key = self._keys.get(key_id)
        try:
            if key and form == _FIELD:
                raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
                return key.open_field(conversation_id, name, raw).decode()
        except (InvalidTag, ValueError):
            pass
        is_foreign = form == _FIELD and key is None
        raise (DecryptionError if is_foreign else AlteredError)("this text does not open")

    def derive(self, *purpose: bytes) -> tuple[bytes, ...]:
        """Derive keys of 32 bytes for another use than texts, from every secret, the current one's first.

        `purpose` says for what; its parts are told apart.
        """
        return tuple(self.derive_by_id(*purpose).values())

    def derive_by_id(self, *purpose: bytes) -> dict[str, bytes]:
        """Derive the same keys as `derive`, by the id of each secret's key, the current one's first."""
        info = b"for " + _netstrings(purpose)
        keys = (self._current, *self._keys.values())
        return {key.id: key.derive(info) for key in dict.fromkeys(keys)}

    def derive_one(self, key_id: str, *purpose: bytes) -> bytes:
        """Derive the key that `derive` makes of one secret, named by its key's id.

        Raises:
            DecryptionError: its key is not known.
        """
        key = self._keys.get(key_id)
        if key is None:
            raise DecryptionError("this key is not known")
        return key.derive(b"for " + _netstrings(purpose))

    def fingerprint(self, *parts: bytes) -> bytes:
        """Return the 16 bytes that an idempotency row keeps instead of the body, under the current key.

        Give the ids of the row (conversation, sender, client id) before the body, so that equal
        texts do not show as equal fingerprints. `parts` are told apart: `(b"ab", b"c")` is not
        `(b"a", b"bc")`. Keyed BLAKE2b (RFC 7693) is a MAC of its own, in a fifth of HMAC-SHA256's time;
        16 bytes are plenty: without the key no one can search for another body that fits, and who found
        one would only lose a message of their own.
        """
        return self._current.fingerprint(_netstrings(parts))

    def same_fingerprint(self, stored: bytes, *parts: bytes) -> bool:
        """Return whether `stored` was made of these `parts`, under the current or any previous key.

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
