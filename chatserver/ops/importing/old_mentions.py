"""Mentions as the messaging system keeps them with a message."""

from __future__ import annotations

import orjson

from chatserver.core.user_ids import is_user_id
from chatserver.schemas.resources import Mention

_MOST_MENTIONS = 50


def kept_mentions(text: str) -> tuple[Mention, ...] | None:
    """Read the list that messaging-api.md shows; None where the text is no such list."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, list):
        return None
    mentions: list[Mention] = []
    for item in found[:_MOST_MENTIONS]:
        if not isinstance(item, dict):
            continue
        if item.get("type") in ("everyone", "all"):
            mentions.append(Mention(type="everyone", user_id=None, username=None))
            continue
        user_id = item.get("userId", item.get("user_id"))
        user_id = str(user_id) if isinstance(user_id, int) else user_id
        username = item.get("username")
        if is_user_id(user_id):
            name = username if isinstance(username, str) and username else user_id
            mentions.append(Mention(type="user", user_id=user_id, username=name))
    return tuple(mentions)
