"""Turns rows of the database into resources of the wire: people, messages, conversations, and pages of them."""

from chatserver.resources.abouts import Abouts
from chatserver.resources.conversations import Conversations
from chatserver.resources.directory import Directory, user_of
from chatserver.resources.existence import Existence
from chatserver.resources.files import Entry, file_address, shown_file
from chatserver.resources.messages import (
    MessageReader,
    body_of,
    context_of,
    context_of_row,
    posted_message,
)
from chatserver.resources.pages import REACTION_BYTES, fitting, fitting_messages
from chatserver.resources.participants import Participants

__all__ = [
    "REACTION_BYTES",
    "Abouts",
    "Conversations",
    "Directory",
    "Entry",
    "Existence",
    "MessageReader",
    "Participants",
    "body_of",
    "context_of",
    "context_of_row",
    "file_address",
    "fitting",
    "fitting_messages",
    "posted_message",
    "shown_file",
    "user_of",
]
