"""Files: what people upload, to send it with a message."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from chatserver.schemas.base import MessageEvent, Retryable
from chatserver.schemas.characters import shows_something
from chatserver.schemas.fields import Id, Many, Text, Whole
from chatserver.schemas.resources import File, Time
from chatserver.schemas.table import Command, Push, Rest
from chatserver.schemas.wire import resource

MAX_NAME = 255
MAX_FILES = 10
MAX_LINKS = 50
MAX_SIDE = 100_000
# Of sound or pictures that move, in ms.
MAX_DURATION = 15 * 60 * 1000
MAX_WAVEFORM = 100
# What no file is larger than, whatever MAX_FILE_SIZE says.
MAX_SIZE = 2**40

# What a media type is (RFC 6838, section 4.2); browsers say "" where they know none.
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
OPAQUE = "application/octet-stream"
_EDGES = " .\t"
_UNNAMED = "file"


def clean_name(name: str) -> str:
    """Return a file's name as it is kept: without a path, and without characters that control or turn a text."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(
        char for char in last if unicodedata.category(char) not in ("Cc", "Cf", "Zl", "Zp")
    )
    kept = kept.strip(_EDGES)
    return kept if shows_something(kept) else _UNNAMED


def clean_type(declared: str) -> str:
    """Return a media type without its parameters, in lower case; that of any bytes where it is none."""
    bare = declared.partition(";")[0].strip().lower()
    return bare if _TYPE.fullmatch(bare) else OPAQUE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCreate(Retryable):
    """What is to be uploaded. ``size`` is in bytes, ``duration`` in ms; ``waveform`` is for voice messages.

    ``type`` is a hint: what the file is, its bytes say. Of ``name`` the path is dropped.
    """

    conversation_id: Annotated[UUID, Id()]
    name: Annotated[str, Text(1, MAX_NAME, blank=False, kept_as=clean_name)]
    size: Annotated[int, Whole(1, MAX_SIZE)]
    type: Annotated[str, Text(0, 255, kept_as=clean_type)]
    width: Annotated[int | None, Whole(1, MAX_SIDE)] = None
    height: Annotated[int | None, Whole(1, MAX_SIDE)] = None
    duration: Annotated[int | None, Whole(0, MAX_DURATION)] = None
    waveform: Annotated[
        tuple[int, ...] | None, Many(Whole(0, 255), 1, MAX_WAVEFORM, distinct=False)
    ] = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """Width and height go together; a waveform goes with a duration."""
        if (self.width is None) != (self.height is None):
            yield ("height" if self.height is None else "width"), "Give both width and height."
        if self.waveform is not None and self.duration is None:
            yield "duration", "A waveform needs a duration."


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Where the bytes go: the whole file as the body of one request with these headers, without a token.

    ``url`` is an address at this server, or a bucket's.
    """

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCreated:
    """The file, and where to upload it."""

    file: File
    upload: Upload


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOfFile(Retryable):
    """Names one of your files."""

    file_id: Annotated[UUID, Id()]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGiven:
    """The file as it is now."""

    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLinksAsk:
    """Which files."""

    file_ids: Annotated[tuple[UUID, ...], Many(Id(), 1, MAX_LINKS)]


@resource
class FileLink:
    """Addresses that hold for a minute, for one person, without a token: for pages' pictures and players."""

    url: str
    thumb_url: str | None
    expires_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLinks:
    """Links by the ids of their files; those that you may not see are left out."""

    links: dict[str, FileLink]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUpdated(MessageEvent):
    """A file that was sent while it was looked at is ready, or refused. Null where its message was erased."""

    file: File | None


@resource
class FileElsewhere:
    """A file as the doors of other systems show it; ``url`` is an address for requests with the token."""

    name: str
    size: int
    type: str
    url: str


COMMANDS = (
    Command(
        "file:create",
        takes=FileCreate,
        gives=FileCreated,
        mutates=True,
        errors=(
            "RESOURCE_NOT_FOUND",
            "USER_BLOCKED",
            "PAYLOAD_TOO_LARGE",
            "IDEMPOTENCY_CONFLICT",
        ),
        doc="Begin to upload a file for a conversation. PUT its bytes to `upload.url`, then file:complete.",
    ),
    Command(
        "file:complete",
        takes=ChangeOfFile,
        gives=FileGiven,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE", "IDEMPOTENCY_CONFLICT"),
        doc="Say that a file is uploaded. What takes longer than two seconds to look at is `scanning`, and may be "
        "sent; chat:file_updated tells the end.",
    ),
    Command(
        "file:delete",
        takes=ChangeOfFile,
        gives=None,
        mutates=True,
        errors=("RESOURCE_NOT_FOUND", "CONFLICT", "IDEMPOTENCY_CONFLICT"),
        doc="Delete a file of yours that was not sent. One that was goes with its message.",
    ),
    Command(
        "file:links",
        takes=FileLinksAsk,
        gives=FileLinks,
        rows=lambda cmd: -(-len(cmd.file_ids) // 10),
        rest=(Rest("POST", "/api/files/links"),),
        doc="Addresses of files that hold for a minute without a token. Every ten count as a command.",
    ),
)

PUSHES = (
    Push(
        "chat:file_updated",
        carries=FileUpdated,
        durable=True,
        doc="What became of a file that was sent while it was looked at.",
    ),
)
