"""The wire: every command and push, declared once.

Dispatch, REST routes and the documents are made from these two tables. A row without a handler, or a
handler without a row, keeps the server from starting.
"""

from schemas import chat, group, pictures, presence, session, system, user
from schemas.table import Command, Push

COMMANDS: tuple[Command, ...] = (
    *chat.COMMANDS,
    *group.COMMANDS,
    *presence.COMMANDS,
    *user.COMMANDS,
    *pictures.COMMANDS,
    *session.COMMANDS,
    *system.COMMANDS,
)
PUSHES: tuple[Push, ...] = (
    *chat.PUSHES,
    *group.PUSHES,
    *presence.PUSHES,
    *user.PUSHES,
    *session.PUSHES,
    *system.PUSHES,
)
