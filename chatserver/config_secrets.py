"""Secrets of the configuration: reading them, judging them, keeping a development one."""

from __future__ import annotations

import base64
import os
import re
import secrets
from pathlib import Path

DEFAULT_ENCRYPTION_KEY = "super-secure-aes-encryption-key-32"
MIN_SECRET_BYTES = 32

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)(={0,2})")

# Compared without case and punctuation, so "CHANGE_ME" and "change-me" are one entry.
_PLACEHOLDERS = (
    "supersecureaesencryptionkey",
    "astringsecretatleast256bitslong",  # jwt.io
    "changeme",
    "changethis",
    "replaceme",
    "placeholder",
    "yoursecret",
    "yourjwtsecret",
    "your256bitsecret",
    "yoursupersecret",
)


class ConfigError(Exception):
    """The configuration is wrong; the message is one line for people, without secrets."""


def decode_base64(text: str) -> bytes | None:
    """The bytes of `text`, or None where it is not base64.

    Standard and URL-safe alphabets are accepted (not mixed), with the right padding or none.
    """
    match = _BASE64.fullmatch(text)
    if match is None:
        return None
    padding = len(match[1])
    missing = -(len(text) - padding) % 4
    if missing == 3 or padding not in (0, missing):
        return None
    standard = text.replace("-", "+").replace("_", "/").rstrip("=") + "=" * missing
    return base64.b64decode(standard, validate=True)


def is_placeholder(secret: bytes) -> bool:
    """Whether everyone knows `secret`: a default, an example's, or one byte repeated."""
    plain = re.sub(r"[^a-z0-9]", "", secret.decode("latin-1").lower())
    return len(set(secret)) <= 1 or any(word in plain for word in _PLACEHOLDERS)


def development_secret(path: Path) -> bytes:
    """The secret kept in the file `path` as base64, made there (mode 0600) where it is missing.

    Processes that start at once get the same one.
    Raises ConfigError where the file can't be written, can't be read or holds no such secret.
    """
    try:
        if not path.exists():
            _create(path, base64.b64encode(secrets.token_bytes(MIN_SECRET_BYTES)))
        kept = decode_base64(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigError(
            f"JWT_SECRET is not set and {str(path)!r} can't keep one ({error.strerror}): "
            "set JWT_SECRET, or make the directory writable"
        ) from error
    except UnicodeDecodeError:
        kept = None
    if kept is None or len(kept) < MIN_SECRET_BYTES:
        raise ConfigError(
            f"JWT_SECRET is not set and {str(path)!r} does not hold one: "
            "delete that file, or set JWT_SECRET"
        )
    return kept


def _create(path: Path, content: bytes) -> None:
    """Write `content` to `path` unless it exists by then.

    The name appears by a link to a complete file, so no other process ever reads half of it.
    """
    # Open to others: the embedded PostgreSQL's account passes through it. The file itself is not.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its secret is the one
    finally:
        draft.unlink()
