"""Keeps files in a bucket that speaks S3. The bucket seals them; people upload to it and download from it.

``obstore`` is loaded when the bucket is first used: a server that keeps files on a disk starts without it.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from chatserver.files.storage import PIECE, Attributes, StorageError

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

# Parts of what is written, one after the other: no bucket takes smaller ones.
_PART = 5 * 1024 * 1024
# For one request to the bucket (s).
_TIMEOUT = "30s"
_RETRIES = 3
# The beginning of an address; nothing in it ends a source of a Content-Security-Policy.
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]_-]+(?=/)")


class BucketStorage:
    """A bucket, or what lies in it behind a prefix.

    Args:
        url: ``s3://bucket/prefix?region=…&endpoint=…``; ``s3://key:secret@bucket`` where the credentials are not
            those of the environment (``AWS_ACCESS_KEY_ID`` and the like).
    """

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._made: S3Store | None = None

    @property
    def _store(self) -> "S3Store":
        if self._made is None:
            url = self._url
            self._made = self._open(
                {
                    "access_key_id": unquote(url.username),
                    "secret_access_key": unquote(url.password),
                }
                if url.username and url.password
                else {}
            )
        return self._made

    def _open(self, config: "S3Config") -> "S3Store":
        from obstore.store import S3Store

        url, query = self._url, dict(parse_qsl(self._url.query))
        if region := query.get("region"):
            config["region"] = region
        endpoint = query.get("endpoint", "")
        if endpoint:
            config["endpoint"] = endpoint
        return S3Store(
            str(url.hostname),
            prefix=url.path.strip("/") or None,
            config=config,
            client_options={"timeout": _TIMEOUT, "allow_http": endpoint.startswith("http://")},
            retry_config={"max_retries": _RETRIES},
        )

    @property
    def origin(self) -> str:
        """See `Storage`. The environment counts (``AWS_ENDPOINT`` and the like), and nothing is asked of anybody.

        Raises:
            StorageError: the endpoint is no address of a server.
        """
        import obstore

        with _failing():
            # Where it leads does not depend on who signs; real credentials may have to be fetched.
            signer = self._open({"access_key_id": "-", "secret_access_key": "-"})
            found = _ORIGIN.match(obstore.sign(signer, "GET", "-", timedelta(seconds=1)))
        if found is None:
            raise StorageError("the bucket: its endpoint is no address of a server")
        return found[0]

    async def close(self) -> None:
        """See `Storage`."""

    async def write(
        self, object_id: UUID, pieces: AsyncIterator[bytes], attributes: Attributes
    ) -> int:
        """See `Storage`."""
        import obstore

        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in pieces:
                size += len(piece)
                yield piece

        with _failing():
            await obstore.put_async(
                self._store,
                object_id.hex,
                counted(),
                attributes={
                    "Content-Type": attributes.type,
                    "Content-Disposition": attributes.disposition,
                    "Cache-Control": "private, no-cache",
                },
                chunk_size=_PART,
                max_concurrency=1,
            )
        return size

    async def read(
        self, object_id: UUID, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """See `Storage`."""
        import obstore

        with _failing():
            options: Any = {"range": {"offset": start} if end is None else (start, end)}
            found = await obstore.get_async(self._store, object_id.hex, options=options)
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)

    async def size(self, object_id: UUID) -> int | None:
        """See `Storage`."""
        import obstore

        with _failing():
            try:
                size: int = (await obstore.head_async(self._store, object_id.hex))["size"]
            except FileNotFoundError:
                return None
            return size

    async def delete(self, object_id: UUID) -> None:
        """See `Storage`."""
        import obstore

        with _failing(), suppress(FileNotFoundError):
            await obstore.delete_async(self._store, object_id.hex)

    async def upload_address(self, object_id: UUID, seconds: float) -> str | None:
        """See `Storage`."""
        return await self._signed("PUT", object_id, seconds)

    async def download_address(self, object_id: UUID, seconds: float) -> str | None:
        """See `Storage`."""
        return await self._signed("GET", object_id, seconds)

    async def _signed(self, method: Any, object_id: UUID, seconds: float) -> str:
        import obstore

        with _failing():
            return await obstore.sign_async(
                self._store, method, object_id.hex, timedelta(seconds=max(1, int(seconds)))
            )


@contextmanager
def _failing() -> Iterator[None]:
    """Turn what obstore raises into what storages raise; its messages have addresses in them."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (TimeoutError, BaseError, OSError) as error:
        raise StorageError(f"the bucket: {type(error).__name__}") from None
