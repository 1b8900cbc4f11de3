"""JSON as it arrives, which is read strictly, and as it leaves the server."""

import json
from typing import Any

import orjson

from chatserver.schemas.resources import Message

# More than any command has but for long texts.
_MOST_READ_AGAIN = 16 * 1024
# Values that a text may have, or signs that look like their beginnings: no command has more, be its longest text
# made of nothing but commas. A megabyte of empty lists takes a tenth of a second to read.
_MOST_PARTS = 72_000


# -- arriving -------------------------------------------------------------------------------------


class TooManyParts(ValueError):  # noqa: N818 - it says what the text is
    """The JSON has more values than any valid payload."""


def loads(text: str | bytes) -> Any:
    """Read JSON, strictly.

    What orjson refuses is read by the standard library, so that the schema can name the field.

    orjson refuses NaN, Infinity, lone surrogates and numbers out of range without saying where they stand;
    the values that the standard library makes of them are refused by every field of every schema. It takes ten
    times as long, so what is large is not read again.

    Raises:
        ValueError: not JSON, or nested too deep; TooManyParts.
    """
    if len(text) > _MOST_PARTS and _parts(text) > _MOST_PARTS:
        raise TooManyParts
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if len(text) > _MOST_READ_AGAIN:
            raise
        try:
            return json.loads(text)
        except RecursionError:
            raise ValueError("nested too deep") from None


def what_is_wrong(error: ValueError) -> str:
    """Return why `loads` refused a text, as a sentence for its sender."""
    return "Has too many values." if isinstance(error, TooManyParts) else "Is not JSON."


def _parts(text: str | bytes) -> int:
    if isinstance(text, bytes):
        return text.count(b",") + text.count(b"[") + text.count(b"{")
    return text.count(",") + text.count("[") + text.count("{")


# -- leaving --------------------------------------------------------------------------------------


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
        """Return the push's data."""
        whole = orjson.dumps(self.message)
        return b'%b,"conversationId":"%b"}' % (whole[:-1], self.message.conversation_id.encode())


def dumps(value: Any) -> bytes:
    """Write acks, pushes and resources as JSON.

    Raises:
        TypeError: the value has no JSON form.
    """
    return orjson.dumps(value, default=_default)


def _default(value: Any) -> orjson.Fragment:
    if isinstance(value, Received):
        return orjson.Fragment(value.json())
    raise TypeError(f"{type(value).__name__} is no JSON")
