"""Finds profile pictures: in a cache, the directory, or the main back end's HTTP (``messaging-api.md``)."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from urllib.parse import quote

import aiohttp
from yarl import URL

from chatserver.core.errors import ChatError
from chatserver.core.logging import get_logger
from chatserver.core.times import iso_now
from chatserver.resources import Directory
from chatserver.schemas.profile_pictures import Picture, PictureOf, Pictures

_log = get_logger(__name__)

_CACHED = 1_000
_CACHED_SECONDS = 300.0
# One request of ours, and all of a batch: less than a command may take.
_TIMEOUT = 2.0
_BATCH_TIMEOUT = 3.0
_AT_ONCE = 10
# Requests that wait for their turn. A back end that stands still must not make them pile up.
_MOST_WAITING = 500
_NO_METHOD = (405, 501)
_GONE = (404, 410)
_SAY_EVERY = 60.0


class PictureSource:
    """Asks the main back end, at ``<url>/<type>/<id>``, whether there is a picture.

    Redirects are not followed: the configured place is asked and no other, whatever the ids are. A redirect
    is a picture; clients follow it.

    Args:
        url: the configured base, without a trailing slash.
        timeout: seconds for one request.
    """

    def __init__(self, url: str, timeout: float = _TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self._said_at = -_SAY_EVERY

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def url_of(self, asked: PictureOf) -> str:
        """Return the URL of a picture; whatever the id is, it is one segment of the path."""
        return f"{self._url}/{asked.type}/{quote(str(asked.id), safe='')}"

    async def find(self, asked: PictureOf) -> str | None:
        """Find the picture's URL; None where there is none.

        Raises:
            OSError, aiohttp.ClientError, TimeoutError: nobody can tell now.
        """
        if asked.id in (".", ".."):
            return None  # no segment of a path: resolved, it would ask for something else
        url = self.url_of(asked)
        async with self._turns:
            try:
                status = await self._status("HEAD", url)
                if status in _NO_METHOD:
                    status = await self._status("GET", url)
            except (OSError, aiohttp.ClientError, TimeoutError) as error:
                self._say(type(error).__name__)
                raise
        if status in _GONE:
            return None
        if status >= 400:
            self._say(f"status {status}")
            raise OSError(f"status {status}")
        return url

    async def _status(self, method: str, url: str) -> int:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            )
        # encoded: normalised, an id could leave its segment.
        request = self._session.request(method, URL(url, encoded=True), allow_redirects=False)
        async with request as response:
            return response.status

    def _say(self, problem: str) -> None:
        if time.monotonic() - self._said_at >= _SAY_EVERY:
            self._said_at = time.monotonic()
            _log.warning("profile pictures unavailable", error=problem)


class ProfilePictures:
    """Finds pictures.

    Args:
        source: None where only the directory has pictures.
        batch_timeout: seconds for one batch; what is not found out by then is found out for the next one.
        clock: in seconds.
    """

    def __init__(
        self,
        directory: Directory,
        source: PictureSource | None,
        *,
        batch_timeout: float = _BATCH_TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._source = source
        self._batch_timeout = batch_timeout
        self._clock = clock
        self._cache: OrderedDict[PictureOf, tuple[float, str | None]] = OrderedDict()
        # Being asked: who wants the same meanwhile waits for the same answer.
        self._asking: dict[PictureOf, asyncio.Task[str | None]] = {}
        # How many pictures were told, by where they were found.
        self.told: Counter[str] = Counter()

    async def close(self) -> None:
        """Stop asking."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def batch(self, asked: Sequence[PictureOf]) -> Pictures:
        """Return the pictures in the order of what was asked. One that fails does not fail the others."""
        found = self._cached(asked)
        self.told["cache"] += len(found)
        found |= await self._from_directory(one for one in asked if one not in found)
        failed = await self._from_source([one for one in asked if one not in found], found)
        items = tuple(_picture(one, found.get(one), failed=one in failed) for one in asked)
        return Pictures(items=items, timestamp=iso_now())

    def _cached(self, asked: Iterable[PictureOf]) -> dict[PictureOf, str | None]:
        now = self._clock()
        found = {}
        for one in asked:
            until, url = self._cache.get(one, (0.0, None))
            if until > now:
                found[one] = url
        return found

    def _remember(self, one: PictureOf, url: str | None) -> None:
        self._cache[one] = (self._clock() + _CACHED_SECONDS, url)
        self._cache.move_to_end(one)
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)

    async def _from_directory(self, asked: Iterable[PictureOf]) -> dict[PictureOf, str | None]:
        users = {one: str(one.id) for one in asked if one.type == "user"}
        if not users:
            return {}
        try:
            urls = await self._directory.avatars(users.values())
        except ChatError:
            return {}  # the main back end may know, or each of them fails by itself
        found: dict[PictureOf, str | None] = {
            one: urls[user_id] for one, user_id in users.items() if urls.get(user_id)
        }
        if self._source is None:
            found |= {one: None for one in users if one not in found}
        self.told["directory"] += len(found)
        for one, url in found.items():
            self._remember(one, url)
        return found

    async def _from_source(
        self, asked: Sequence[PictureOf], found: dict[PictureOf, str | None]
    ) -> set[PictureOf]:
        """Add what the main back end knows to `found`. Returns what could not be found out."""
        if self._source is None:
            # Users are asked for here only where the database does not answer.
            failed = {one for one in asked if one.type == "user"}
            found |= {one: None for one in asked if one not in failed}
            self.told["failed"] += len(failed)
            return failed
        tasks = {one: task for one in asked if (task := self._ask(self._source, one))}
        if tasks:
            await asyncio.wait(set(tasks.values()), timeout=self._batch_timeout)
        answers: dict[PictureOf, str | None] = {}
        for one, task in tasks.items():
            if task.done() and not task.cancelled() and task.exception() is None:
                answers[one] = task.result()
        self.told["http"] += len(answers)
        found |= answers
        failed = {one for one in asked if one not in answers}
        self.told["failed"] += len(failed)
        return failed

    def _ask(self, source: PictureSource, one: PictureOf) -> asyncio.Task[str | None] | None:
        task = self._asking.get(one)
        if task is None and len(self._asking) < _MOST_WAITING:
            task = self._asking[one] = asyncio.create_task(source.find(one))
            task.add_done_callback(lambda done: self._asked(one, done))
        return task

    def _asked(self, one: PictureOf, task: asyncio.Task[str | None]) -> None:
        del self._asking[one]
        # The caller may have stopped waiting; the next one finds it here.
        with suppress(asyncio.CancelledError, OSError, aiohttp.ClientError, TimeoutError):
            self._remember(one, task.result())


def _picture(one: PictureOf, url: str | None, *, failed: bool) -> Picture:
    return Picture(
        type=one.type,
        id=one.id,
        has_picture=url is not None,
        default=url is None,
        url=url,
        error="UNAVAILABLE" if failed else None,
    )
