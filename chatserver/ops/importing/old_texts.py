"""Opens what the messaging system has encrypted (messaging-implementation.md, "Message Encryption").

Its rows are AES-256-CBC in hex under scrypt(CHAT_ENCRYPTION_KEY, "salt"), each with an initialisation vector of
its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chatserver.config import ConfigError
from chatserver.core.crypto import LEGACY_VERSION, DecryptionError, Vault

# So many of the first encrypted rows are tried before anything is written.
SAMPLE = 20
_NOWHERE = UUID(int=0)  # what is sealed in the old form is not bound to a place


class OldTexts:
    """Opens old texts with the old key.

    Args:
        secret: the old server's `CHAT_ENCRYPTION_KEY`; None where there is none.
    """

    def __init__(self, secret: str | None) -> None:
        self._vault = Vault([secret]) if secret else None

    def open(self, content: str | None, iv: str | None) -> str | None:
        """Return the text of an encrypted row; None if it does not open.

        Args:
            content: the ciphertext in hex.
            iv: the initialisation vector in hex, 16 bytes.
        """
        if self._vault is None or not content or not iv:
            return None
        try:
            sealed = LEGACY_VERSION, self._vault.key_id, bytes.fromhex(iv), bytes.fromhex(content)
            return self._vault.open(_NOWHERE, _NOWHERE, sealed, b"").decode()
        except (DecryptionError, ValueError):
            return None

    def check(
        self, sample: Sequence[tuple[str | None, str | None]], table: str, variable: str
    ) -> None:
        """Try the key at the first encrypted rows. A damaged row among them does not matter.

        Raises:
            ConfigError: the key is missing, or is not the one that they were encrypted with.
        """
        if not sample:
            return
        if self._vault is None:
            raise ConfigError(
                f"{variable} is not set, and {table} has encrypted rows: set it to the CHAT_ENCRYPTION_KEY "
                "of the old server"
            )
        # A wrong key gets past the padding of one row in 256, and seldom to a text.
        opened = sum(self.open(content, iv) is not None for content, iv in sample)
        if opened * 2 < len(sample):
            raise ConfigError(
                f"{variable} does not open the encrypted rows of {table}: set it to the CHAT_ENCRYPTION_KEY "
                "of the old server"
            )
