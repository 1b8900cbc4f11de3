"""Blocks between people."""

from dataclasses import dataclass

from schemas.base import OfUser
from schemas.table import Command, Push


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBlocked:
    """Whom the person has blocked or unblocked, on another device perhaps."""

    user_id: str
    personal_seq: int


COMMANDS = (
    Command(
        "user:block",
        takes=OfUser,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Block a person: neither of you can send to, open with, or see the presence of the other.",
    ),
    Command(
        "user:unblock",
        takes=OfUser,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND",),
        doc="Take your own block of a person back.",
    ),
)

PUSHES = (
    Push(
        "user:blocked",
        carries=UserBlocked,
        durable=True,
        personal=True,
        doc="You blocked a person.",
    ),
    Push(
        "user:unblocked",
        carries=UserBlocked,
        durable=True,
        personal=True,
        doc="You unblocked a person.",
    ),
)
