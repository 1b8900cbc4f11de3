"""What keeps files, whichever it is: the disk, a bucket, and the one of tests in memory."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from yarl import URL

from chatserver.core.crypto import Vault
from chatserver.files.bucket import BucketStorage
from chatserver.files.disk import CHUNK, DiskStorage
from chatserver.files.storage import PIECE, Attributes, Storage, StorageError
from tests.support.bucket import bucket
from tests.support.files import fetch
from tests.support.memory_storage import MemoryStorage

_AS = Attributes("image/webp", 'inline; filename="a.webp"')


@pytest.fixture(scope="module")
def bucket_url() -> Iterator[str]:
    """A bucket of this file's tests."""
    with bucket() as url:
        yield url


@pytest.fixture(params=["disk", "bucket", "memory"])
async def storage(
    request: pytest.FixtureRequest, tmp_path: Path, bucket_url: str
) -> AsyncIterator[Storage]:
    """Each of them."""
    made: Storage
    if request.param == "disk":
        made = DiskStorage(tmp_path, Vault(["a key"]))
    elif request.param == "bucket":
        made = BucketStorage(bucket_url)
    else:
        made = MemoryStorage()
    yield made
    await made.close()


async def _pieces(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def _read(storage: Storage, object_id: UUID, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in storage.read(object_id, start, end)])


@pytest.mark.parametrize(
    "size", [1, CHUNK - 1, CHUNK, CHUNK + 1, PIECE, PIECE + 1, 2 * PIECE, 6_000_001]
)
async def test_what_is_written_is_read(storage: Storage, size: int) -> None:
    """Whatever its size, an object is read as it was written, whole and in parts."""
    object_id, data = uuid4(), os.urandom(size)
    assert await storage.write(object_id, _pieces(data), _AS) == size
    assert await storage.size(object_id) == size
    assert await _read(storage, object_id) == data
    for start, end in ((0, 1), (size - 1, size), (size // 3, size // 2 + 1), (size // 2, size)):
        assert await _read(storage, object_id, start, end) == data[start:end]
    if size > 2:
        assert await _read(storage, object_id, size // 2) == data[size // 2 :]


async def test_few_pieces_are_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files move at once, two pieces of all of them are sealed, opened or come back to the loop."""
    storage, under_way, most = DiskStorage(tmp_path, Vault(["a key"])), 0, 0
    submit = ThreadPoolExecutor.submit

    def counted(self: ThreadPoolExecutor, *arguments: Any) -> "Future[Any]":
        nonlocal under_way, most
        done = submit(self, *arguments)
        if self is storage._sealing:
            under_way += 1
            most = max(most, under_way)
            asyncio.wrap_future(done).add_done_callback(left)
        return done

    def left(_: object) -> None:
        nonlocal under_way
        under_way -= 1

    monkeypatch.setattr(ThreadPoolExecutor, "submit", counted)
    data = os.urandom(5 * PIECE)
    written = [uuid4() for _ in range(20)]
    await asyncio.gather(*(storage.write(each, _pieces(data), _AS) for each in written))
    assert await asyncio.gather(*(_read(storage, each) for each in written)) == [data] * 20
    assert most == 2
    await storage.close()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells what is open")
async def test_slow_clients_hold_no_files_open(tmp_path: Path) -> None:
    """While an upload sends nothing, or a download is not read, its object's file is not open."""
    storage = DiskStorage(tmp_path, Vault(["a key"]))
    open_files: list[set[str]] = []

    def look() -> None:
        links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
        found = {os.readlink(link) for link in links if os.path.lexists(link)}
        open_files.append({path for path in found if path.startswith(str(tmp_path))})

    async def watched() -> AsyncIterator[bytes]:
        for _ in range(5):
            look()
            yield bytes(PIECE)

    object_id = uuid4()
    await storage.write(object_id, watched(), _AS)
    async for _ in storage.read(object_id):
        look()
    await storage.close()
    assert len(open_files) > 10
    assert open_files == [set()] * len(open_files)


async def test_what_is_deleted_is_gone(storage: Storage) -> None:
    """A deleted object has no size and cannot be read; deleting it again is nothing."""
    object_id = uuid4()
    await storage.write(object_id, _pieces(b"bytes"), _AS)
    for _ in range(2):
        await storage.delete(object_id)
        assert await storage.size(object_id) is None
        with pytest.raises(StorageError):
            await _read(storage, object_id)


async def test_who_stops_writing_is_told_why(storage: Storage) -> None:
    """What the pieces raise comes through; what was written can be deleted."""

    class StoppedError(Exception):
        pass

    async def stopping() -> AsyncIterator[bytes]:
        yield os.urandom(6_000_000)
        raise StoppedError

    object_id = uuid4()
    with pytest.raises(StoppedError):
        await storage.write(object_id, stopping(), _AS)
    await storage.delete(object_id)
    assert await storage.size(object_id) is None


# -- the disk ---------------------------------------------------------------------------------------


async def test_the_disk_tells_nothing(tmp_path: Path) -> None:
    """Nothing of a file stands on the disk, neither its bytes nor its id, and nobody else may read it."""
    storage, object_id = DiskStorage(tmp_path, Vault(["a key"])), uuid4()
    await storage.write(object_id, _pieces(b"nobody else's business " * 10_000), _AS)
    path = storage._path(object_id)
    assert b"business" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    await storage.close()


@pytest.mark.parametrize("change", ["a bit", "cut off", "chunks swapped", "another's", "longer"])
async def test_the_disk_notices_what_was_altered(tmp_path: Path, change: str) -> None:
    """What was changed, cut off, moved or put in another's place does not open."""
    storage = DiskStorage(tmp_path, Vault(["a key"]))
    ids = uuid4(), uuid4()
    for object_id in ids:
        await storage.write(object_id, _pieces(os.urandom(3 * CHUNK)), _AS)
    first, second = (storage._path(object_id) for object_id in ids)
    raw = bytearray(first.read_bytes())
    sealed = CHUNK + 16
    if change == "a bit":
        raw[5_000] ^= 1
    elif change == "cut off":
        del raw[-sealed:]
    elif change == "chunks swapped":
        raw[20 : 20 + sealed], raw[20 + sealed : 20 + 2 * sealed] = (
            raw[20 + sealed : 20 + 2 * sealed],
            raw[20 : 20 + sealed],
        )
    elif change == "another's":
        raw = bytearray(second.read_bytes())
    else:
        raw += raw[-sealed:]
    first.write_bytes(raw)
    with pytest.raises(StorageError):
        await _read(storage, ids[0])
    await storage.close()


async def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """Why the disk fails is in words, without the names of objects."""
    storage, object_id = DiskStorage(tmp_path / "files", Vault(["a key"])), uuid4()
    path = storage._path(object_id)

    async def filling() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield os.urandom(PIECE)
        path.unlink()
        path.symlink_to("/dev/full")
        for _ in range(4):
            yield os.urandom(PIECE)

    with pytest.raises(StorageError, match=r"^the disk: it is full: make room"):
        await storage.write(object_id, filling(), _AS)
    await storage.delete(object_id)
    path.parent.rmdir()
    path.parent.touch()
    with pytest.raises(StorageError, match=r"^the disk: File exists$"):
        await storage.write(object_id, _pieces(b"bytes"), _AS)
    await storage.close()


async def test_the_disk_opens_what_an_older_key_sealed(tmp_path: Path) -> None:
    """Keys rotate: a previous one opens, and one that is gone does not."""
    old, object_id = DiskStorage(tmp_path, Vault(["old"])), uuid4()
    await old.write(object_id, _pieces(b"bytes"), _AS)
    both, new = (DiskStorage(tmp_path, Vault(keys)) for keys in (["new", "old"], ["new"]))
    assert await _read(both, object_id) == b"bytes"
    with pytest.raises(StorageError):
        await _read(new, object_id)
    for storage in (old, both, new):
        await storage.close()


# -- the bucket -------------------------------------------------------------------------------------


async def test_a_bucket_takes_and_gives_by_address(bucket_url: str) -> None:
    """An object is uploaded and downloaded by signed addresses alone; it is served as what it was written as."""
    storage, object_id = BucketStorage(bucket_url), uuid4()
    address = await storage.upload_address(object_id, 60)
    assert address is not None
    taken = await fetch("PUT", "", address, data=b"bytes", Content_Type="application/octet-stream")
    assert taken.status == 200
    assert await storage.size(object_id) == 5
    written = uuid4()
    await storage.write(written, _pieces(b"pixels"), _AS)
    download = await storage.download_address(written, 60)
    assert download is not None
    served = await fetch("GET", "", download, Range="bytes=2-3")
    assert (served.status, served.body) == (206, b"xe")
    assert served.headers["Content-Type"] == _AS.type
    assert served.headers["Content-Disposition"] == _AS.disposition
    await storage.close()


@pytest.mark.parametrize(
    ("url", "environment", "origin"),
    [
        ("s3://chat?region=eu-central-1", {}, "https://s3.eu-central-1.amazonaws.com"),
        ("s3://chat?region=eu-central-1", {"AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"},
         "https://chat.s3.eu-central-1.amazonaws.com"),
        ("s3://chat?region=x&endpoint=https://S3.Example.com:443/base/", {}, "https://s3.example.com"),
        ("s3://key:secret@chat?region=x&endpoint=http://[::1]:9000", {}, "http://[::1]:9000"),
        ("s3://chat", {"AWS_ENDPOINT": "https://objects.example.com"}, "https://objects.example.com"),
    ],
)  # fmt: skip
def test_the_origin_of_a_bucket(
    url: str, environment: dict[str, str], origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The origin of a bucket is that of its addresses: it follows from the settings, without credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert BucketStorage(url).origin == origin


async def test_addresses_are_of_the_origin(storage: Storage) -> None:
    """What a storage gives addresses of has their origin; the others have none."""
    for address in (
        await storage.upload_address(uuid4(), 60),
        await storage.download_address(uuid4(), 60),
    ):
        assert storage.origin == (None if address is None else str(URL(address).origin()))


@pytest.mark.parametrize("endpoint", ["nonsense", "http://a;script-src", "http://a,b", "ftp://a"])
def test_an_origin_is_one_source(endpoint: str) -> None:
    """An endpoint that is no server's address, or would say more in a policy, is refused."""
    with pytest.raises(StorageError):
        _ = BucketStorage(f"s3://chat?region=x&endpoint={quote(endpoint)}").origin


async def test_a_bucket_that_is_away_says_so() -> None:
    """A bucket that cannot be reached fails, naming no address."""
    storage = BucketStorage("s3://key:secret@bucket?region=x&endpoint=http://127.0.0.1:9")
    with pytest.raises(StorageError) as failed:
        await storage.size(uuid4())
    assert "127.0.0.1" not in str(failed.value)
