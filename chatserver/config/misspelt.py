"""Finds variables that look as if they were meant for this server, but are not read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from chatserver.config.table import VARIABLES

_NAME = re.compile(r"[A-Z][A-Z0-9_]{2,40}")
# What other tools call them.
_ELSEWHERE = {
    "DATABASE_URI": "DATABASE_URL",
    "DB_DATABASE": "DB_NAME",
    "DB_HOSTNAME": "DB_HOST",
    "DB_PASSWORD": "DB_PASS",
    "DB_POOL_SIZE": "DB_MAX_CONNECTIONS",
    "DB_URL": "DATABASE_URL",
    "DB_USERNAME": "DB_USER",
    "ENCRYPTION_KEY": "CHAT_ENCRYPTION_KEY",
    "POSTGRES_URL": "DATABASE_URL",
    "CORS_ORIGINS": "CORS_ALLOWED_ORIGINS",
    "ALLOWED_ORIGINS": "CORS_ALLOWED_ORIGINS",
    "SSL_CERT": "TLS_CERT",
    "SSL_KEY": "TLS_KEY",
}
# How like a name must be, from 0 to 1: one letter wrong in eight, two exchanged.
_LIKENESS = 0.87


def misspelt(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables in `env` that are not read, each with the unset variable that it seems to stand for."""
    ours = {row.name for row in VARIABLES}
    unset = ours - {name for name, value in env.items() if value.strip()}
    found = {}
    for name in env:
        if name in ours or not _NAME.fullmatch(name):
            continue
        near = difflib.get_close_matches(name, unset, 1, _LIKENESS)
        meant = _ELSEWHERE.get(name) or (near[0] if near else None)
        if meant in unset:
            found[name] = meant
    return found
