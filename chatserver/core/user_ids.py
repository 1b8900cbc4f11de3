"""Ids of users, as the main back end's tokens have them."""

from __future__ import annotations

import re
from typing import TypeGuard

MAX_USER_ID = 64


FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def is_user_id(value: object) -> TypeGuard[str]:
    """Return whether a token can name this user: 1 to 64 characters, none of them a control character."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_USER_ID and not FORBIDDEN.search(value)
