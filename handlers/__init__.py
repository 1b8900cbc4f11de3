"""What the server can do: one coroutine per command, found by its name."""

from chatserver.handlers import chat, file, group, presence, push, session, system, user

MODULES = (chat, file, group, presence, push, session, system, user)
