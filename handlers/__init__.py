"""What the server can do: one coroutine per command, found by its name."""

from handlers import chat, presence, system, user

MODULES = (chat, presence, system, user)
