"""``file:*``"""

from chatserver.core.caller import Caller
from chatserver.files import Completion, Downloads, Uploads
from chatserver.schemas.files import (
    ChangeOfFile,
    FileCreate,
    FileCreated,
    FileGiven,
    FileLinks,
    FileLinksAsk,
)


async def create(caller: Caller, cmd: FileCreate, uploads: Uploads) -> FileCreated:
    """Begin a file."""
    return await uploads.create(caller, cmd)


async def complete(caller: Caller, cmd: ChangeOfFile, completion: Completion) -> FileGiven:
    """Say that a file is uploaded."""
    return await completion.complete(caller, cmd)


async def delete(caller: Caller, cmd: ChangeOfFile, uploads: Uploads) -> None:
    """Delete a file that was not sent."""
    await uploads.delete(caller, cmd)


async def links(caller: Caller, cmd: FileLinksAsk, downloads: Downloads) -> FileLinks:
    """Return addresses that hold for a minute without a token."""
    return await downloads.links(caller, cmd)
