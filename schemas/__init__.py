"""The wire: every command and push, declared once.

Dispatch, REST routes and the documents are made from these two tables. A row without a handler, or a
handler without a row, keeps the server from starting.
"""

from chatserver.schemas import (
    blocks,
    conversations,
    files,
    groups,
    history,
    members,
    mentions,
    messages,
    own_views,
    pins,
    presence,
    profile_pictures,
    push,
    reactions,
    receipts,
    search,
    sessions,
    settings,
    system,
    typing,
)
from chatserver.schemas.table import Command, Push, distinct

COMMANDS: tuple[Command, ...] = distinct(
    *messages.COMMANDS,
    *reactions.COMMANDS,
    *pins.COMMANDS,
    *files.COMMANDS,
    *receipts.COMMANDS,
    *typing.COMMANDS,
    *history.COMMANDS,
    *search.COMMANDS,
    *conversations.COMMANDS,
    *own_views.COMMANDS,
    *settings.COMMANDS,
    *groups.COMMANDS,
    *members.COMMANDS,
    *presence.COMMANDS,
    *push.COMMANDS,
    *blocks.COMMANDS,
    *profile_pictures.COMMANDS,
    *sessions.COMMANDS,
    *system.COMMANDS,
)
PUSHES: tuple[Push, ...] = distinct(
    *messages.PUSHES,
    *reactions.PUSHES,
    *pins.PUSHES,
    *files.PUSHES,
    *mentions.PUSHES,
    *receipts.PUSHES,
    *typing.PUSHES,
    *conversations.PUSHES,
    *own_views.PUSHES,
    *settings.PUSHES,
    *groups.PUSHES,
    *members.PUSHES,
    *presence.PUSHES,
    *blocks.PUSHES,
    *sessions.PUSHES,
    *system.PUSHES,
)
