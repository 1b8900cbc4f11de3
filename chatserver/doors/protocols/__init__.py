"""Protocols that clients speak, without a word of what they say: WebSocket, SockJS, and STOMP over either.

A `WebSocket` is heard by a `WebSocketListener`, which a door makes of what it is to do with each message. A
`sockjs.SockJS` serves all its transports under a path, and has a `sockjs_channel.Channel` made for each client;
`sockjs_frames` says how messages go out over each. `stomp` reads and writes frames, `stomp_session` knows what
may be said when, and `Pulses` keep to the heart-beats of `stomp_beats`.
"""

from chatserver.doors.protocols import (
    sockjs,
    sockjs_channel,
    sockjs_frames,
    stomp,
    stomp_beats,
    stomp_session,
    websocket_frames,
)
from chatserver.doors.protocols.pulses import Pulse, Pulses
from chatserver.doors.protocols.websocket import Framed, WebSocket, WebSocketListener

__all__ = [
    "Framed",
    "Pulse",
    "Pulses",
    "WebSocket",
    "WebSocketListener",
    "sockjs",
    "sockjs_channel",
    "sockjs_frames",
    "stomp",
    "stomp_beats",
    "stomp_session",
    "websocket_frames",
]
