"""Makes and reads the addresses that hold without a token: to upload one file, and to download for one person."""

import base64
import hashlib
import hmac
import math
import time
from datetime import datetime
from uuid import UUID

from chatserver.core.crypto import Vault
from chatserver.core.errors import not_found
from chatserver.resources import file_address

# How long a personal link holds (s).
LINK_SECONDS = 60
_DIGEST = 16
_LONGEST = 400


class Links:
    """Signs addresses: by a MAC (keyed BLAKE2b, RFC 7693) over what each is for, and until when."""

    def __init__(self, vault: Vault) -> None:
        self._keys = vault.derive(b"file links")

    def upload(self, file_id: UUID, expires_at: datetime) -> str:
        """Return where to upload a file until then."""
        until = math.floor(expires_at.timestamp())
        signed = _text(self._digest(self._keys[0], b"upload", file_id, until, ""))
        return f"{file_address(file_id)}/content?expires={until}&signature={signed}"

    def check_upload(self, file_id: UUID, expires: str, signature: str) -> float:
        """Return when an upload's address ends, in seconds since 1970.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for one that has ended, or was altered.
        """
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
            raise not_found("file")
        until = int(expires)
        self._check(_bytes(signature), b"upload", file_id, until, "")
        return until

    def personal(self, file_id: UUID, user_id: str) -> tuple[str, str, float]:
        """Return where a person may download a file, and its thumbnail, and until when (seconds since 1970)."""
        until = math.ceil(time.time() + LINK_SECONDS)
        digest = self._digest(self._keys[0], b"download", file_id, until, user_id)
        link = _text(until.to_bytes(5) + digest + user_id.encode())
        address = f"{file_address(file_id)}?link={link}"
        return address, f"{address}&variant=thumb", until

    def person(self, file_id: UUID, link: str) -> str:
        """Return the person whose link it is.

        Raises:
            ChatError: RESOURCE_NOT_FOUND for one that has ended, or was altered.
        """
        raw = _bytes(link)
        try:
            user_id = raw[5 + _DIGEST :].decode()
        except UnicodeDecodeError:
            raise not_found("file") from None
        self._check(raw[5 : 5 + _DIGEST], b"download", file_id, int.from_bytes(raw[:5]), user_id)
        return user_id

    def _check(self, given: bytes, kind: bytes, file_id: UUID, until: int, user_id: str) -> None:
        same = [
            hmac.compare_digest(given, self._digest(key, kind, file_id, until, user_id))
            for key in self._keys
        ]
        if not any(same) or until <= time.time():
            raise not_found("file")

    @staticmethod
    def _digest(key: bytes, kind: bytes, file_id: UUID, until: int, user_id: str) -> bytes:
        message = b"%b %b %d %b" % (kind, file_id.bytes, until, user_id.encode())
        return hashlib.blake2b(message, key=key, digest_size=_DIGEST).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Return what a part of an address stands for; nothing where it is none of ours."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    # One text for the same bytes: the last character may have bits that stand for none.
    return raw if len(text) <= _LONGEST and _text(raw) == text else b""
