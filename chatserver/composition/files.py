"""Makes what takes, looks at and serves files."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chatserver.composition.ground import Resources, Store
from chatserver.composition.services import LogParts, SessionParts
from chatserver.config import Settings
from chatserver.doors.files import FilesDoor
from chatserver.files import (
    BucketStorage,
    Caretaker,
    Clamd,
    Completion,
    DiskStorage,
    Downloads,
    FileClaims,
    FileLimits,
    FileRows,
    Images,
    Links,
    Objects,
    Storage,
    Uploads,
)
from chatserver.limits import Limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Files; `services` are what handlers ask for by their types."""

    storage: Storage
    uploads: Uploads
    completion: Completion
    caretaker: Caretaker
    downloads: Downloads
    claims: FileClaims
    links: Links

    @property
    def services(self) -> tuple[object, ...]:
        """What handlers ask for."""
        return self.uploads, self.completion, self.downloads


def open_files(
    settings: Settings, store: Store, resources: Resources, log: LogParts, stack: AsyncExitStack
) -> Files:
    """Open the storage, and make what works on it."""
    db, vault = store.db, store.vault
    storage = _storage(settings, store)
    stack.push_async_callback(storage.close)
    rows, links, objects = FileRows(vault), Links(vault), Objects(db, storage)
    limits = FileLimits(
        max_size=settings.max_file_size,
        per_day=settings.file_quota_per_day,
        upload_ttl=settings.upload_ttl,
    )
    completion = Completion(
        db,
        vault,
        resources.messages,
        rows,
        objects,
        store.requests,
        log.changes,
        Images(objects),
        None if settings.clamd is None else Clamd(*settings.clamd),
    )
    stack.push_async_callback(completion.close)
    caretaker = Caretaker(db, objects, completion)
    caretaker.start()
    stack.push_async_callback(caretaker.stop)
    return Files(
        storage=storage,
        uploads=Uploads(db, rows, objects, links, log.changes, limits),
        completion=completion,
        caretaker=caretaker,
        downloads=Downloads(db, rows, links),
        claims=FileClaims(db, rows),
        links=links,
    )


def _storage(settings: Settings, store: Store) -> Storage:
    url = urlsplit(settings.files_url)
    if url.scheme == "s3":
        return BucketStorage(settings.files_url)
    return DiskStorage(Path(unquote(url.path)), store.vault)


def make_files_door(files: Files, limiter: Limiter, sessions: SessionParts) -> FilesDoor:
    """Make the routes of files' bytes."""
    return FilesDoor(
        sessions.authenticator, limiter, files.uploads, files.downloads, files.links, files.storage
    )
