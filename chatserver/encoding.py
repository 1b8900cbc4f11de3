"""JSON as it leaves the server."""

from typing import Any

import orjson

from schemas.resources import Message


class Received:
    """What ``chat:message_received`` carries (`schemas.messages.MessageReceived`): a message, and the id of its
    conversation once more, in the envelope's casing.

    Every message that is sent is one of these, so the id is put into the message's JSON, and no second resource of
    twenty fields is made for it.
    """

    __slots__ = ("message",)

    def __init__(self, message: Message) -> None:
        self.message = message

    def json(self) -> bytes:
        """The push's data."""
        whole = orjson.dumps(self.message)
        return b'%b,"conversationId":"%b"}' % (whole[:-1], self.message.conversation_id.encode())


def dumps(value: Any) -> bytes:
    """The JSON of what leaves: acks, pushes, resources.

    Raises:
        TypeError: it is none.
    """
    return orjson.dumps(value, default=_default)


def _default(value: Any) -> orjson.Fragment:
    if isinstance(value, Received):
        return orjson.Fragment(value.json())
    raise TypeError(f"{type(value).__name__} is no JSON")
