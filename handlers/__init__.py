"""What the server can do: one coroutine per command, found by its name."""

from handlers import chat, group, presence, session, system, user

MODULES = (chat, group, presence, session, system, user)
