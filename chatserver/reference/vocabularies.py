"""What a door that speaks another system's words tells of itself, for the reference."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOf:
    """A field of what clients are told; whether it may be left out."""

    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTaken:
    """A field of what clients ask.

    Args:
        ours: the command's field that it becomes; None where it becomes none.
        said: what it must be, where that is something else than for the command.
        is_number: whether it is a whole number then, rather than a string.
    """

    name: str
    ours: str | None
    said: str | None = None
    is_number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMessage:
    """A message of clients, by a type and its aliases, as a command.

    ``answer`` is the type of the answer, with `answers` its fields; None where there is none. ``destination`` is
    where it is sent, where that says its type.
    """

    type: str
    aliases: tuple[str, ...]
    command: str
    takes: tuple[FieldTaken, ...]
    answer: str | None
    answers: tuple[FieldOf, ...]
    destination: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMessage:
    """A push of the main door, as clients are told it; at ``destinations``, where there are several."""

    push: str
    personal: bool
    type: str
    fields: tuple[FieldOf, ...]
    destinations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenPush:
    """A push that clients are not told, and why."""

    push: str
    personal: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A part of what clients are told: its fields, each with a sentence."""

    name: str
    doc: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All of it. ``name`` is the page's; ``address`` the path of the WebSocket.

    ``connecting`` and ``routes`` are paragraphs and rows of prose, and ``differences`` what is otherwise than in
    the system that the clients come from, each with its reason.
    """

    name: str
    title: str
    address: str
    protocol: Literal["wss", "stomp"] = "wss"
    summary: str
    connecting: tuple[str, ...]
    differences: tuple[str, ...]
    routes: tuple[tuple[str, str], ...]
    asked: tuple[AskedMessage, ...]
    told: tuple[ToldMessage, ...]
    untold: tuple[HiddenPush, ...]
    shapes: tuple[Shape, ...]
