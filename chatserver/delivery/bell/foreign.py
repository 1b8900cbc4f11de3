"""Reads what other programs publish, in the format of python-socketio's managers.

One method is heeded: ``emit`` of an event that is neither one of ours (`schemas.PUSHES`) nor reserved by
Socket.IO's clients, without binary attachments: to rooms, to single connections by their sid, or (no room) to
everybody. One argument; an ack is never asked for, because the callback kept for it would leak.

``disconnect``, ``enter_room``, ``leave_room`` and ``close_room`` are for nobody: sessions end, and rooms have
members, by what the log and the sessions say. ``callback`` answers asks that are never made. All of these, and
everything malformed, are ignored.
"""

from typing import Any

import orjson

from chatserver import schemas
from chatserver.delivery.bell.messages import ROOMS, Emit, are_texts

# `MAX_PAYLOAD_SIZE` by default, many times what a push should be.
MAX_FOREIGN = 1024 * 1024
# Rooms and connections that a message may be for.
MAX_ADDRESSES = 1_000
_MAX_NAME = 200
# What strangers may not say: what clients believe of us, and what Socket.IO's clients say to their application.
_RESERVED = frozenset(push.name for push in schemas.PUSHES) | {
    "connect",
    "connect_error",
    "connecting",
    "disconnect",
    "disconnecting",
    "error",
    "newListener",
    "removeListener",
}


def ping(host_id: str) -> bytes:
    """Write a sign of life; an unknown method, which everybody ignores."""
    return orjson.dumps({"method": "ping", "host_id": host_id})


def read_foreign(raw: object) -> Emit | None:
    """Read the push that a stranger's message asks for; None where it is not to be heeded."""
    if not isinstance(raw, bytes) or len(raw) > MAX_FOREIGN:
        return None
    try:
        message = orjson.loads(raw)
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("namespace") not in ("/", None):
        return None
    if message.get("method") != "emit" or message.get("binary") or "chatserver" in message:
        return None
    return _read_emit(message)


def _read_emit(message: dict[str, Any]) -> Emit | None:
    name, data, room = message.get("event"), message.get("data"), message.get("room")
    if not isinstance(name, str) or name in _RESERVED or not 0 < len(name) <= _MAX_NAME:
        return None
    addressed = [room] if isinstance(room, str) else room
    if not isinstance(data, list) or not (addressed is None or are_texts(addressed)):
        return None
    if len(addressed or ()) > MAX_ADDRESSES:
        return None
    try:
        # Encoded once, not for each connection; a payload that is nested too deep can be read but not written.
        payload = orjson.Fragment(orjson.dumps(data[0] if data else None))
    except TypeError:
        return None
    if addressed is None:
        return Emit(name, payload, rooms=None)
    rooms = tuple(text for text in addressed if text.startswith(ROOMS))
    sids = tuple(text for text in addressed if not text.startswith(ROOMS))
    return Emit(name, payload, rooms=rooms, sids=sids)
