"""The two routes of files' bytes: one takes them, one serves them."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from chatserver.core.caller import Session, User
from chatserver.core.errors import ChatError, not_found, unavailable
from chatserver.core.logging import get_logger
from chatserver.doors.files import serving
from chatserver.doors.http import HttpConnection, answer, bearer_token, expectations, failure
from chatserver.files import (
    LINK_SECONDS,
    PIECE,
    Downloads,
    Links,
    Storage,
    StorageError,
    Uploads,
)
from chatserver.limits import Limiter
from chatserver.sessions import Authenticator

_log = get_logger(__name__)


class FilesDoor:
    """Serves ``/api/files/:id`` and takes ``/api/files/:id/content``."""

    def __init__(
        self,
        authenticator: Authenticator,
        limiter: Limiter,
        uploads: Uploads,
        downloads: Downloads,
        links: Links,
        storage: Storage,
    ) -> None:
        self._authenticator = authenticator
        self._limiter = limiter
        self._uploads = uploads
        self._downloads = downloads
        self._links = links
        self._storage = storage

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; that of GET answers HEAD as well."""
        return [
            web.get("/api/files/{file_id}", _guarded(self._give)),
            web.put(
                "/api/files/{file_id}/content",
                _guarded(self._take),
                expect_handler=expectations.check,
            ),
        ]

    # -- taking -----------------------------------------------------------------------------------

    async def _take(self, request: web.Request) -> web.StreamResponse:
        file_id = _named(request)
        query = request.query
        until = self._links.check_upload(
            file_id, query.get("expires", ""), query.get("signature", "")
        )
        self._limiter.upload(str(file_id))
        await self._uploads.receive(
            file_id, request.content_length, _pieces(request, until), self._limiter.upload_of
        )
        return answer({"success": True})

    # -- giving -----------------------------------------------------------------------------------

    async def _give(self, request: web.Request) -> web.StreamResponse:
        file_id = _named(request)
        session = await self._reader(request, file_id)
        self._limiter.command(session, "command")
        thumb = request.query.get("variant") == "thumb"
        found = await self._downloads.find(session.user.id, file_id, thumb=thumb)
        if found is None:
            raise not_found("file")
        tag = f'"{found.object_id.hex}"'
        headers = serving.headers(found.attributes, tag)
        if serving.is_known(request.headers, tag):
            del headers["Content-Type"]
            return web.Response(status=304, headers=headers)
        try:
            size = await self._storage.size(found.object_id)
            elsewhere = await self._storage.download_address(found.object_id, LINK_SECONDS)
        except StorageError as error:
            _log.warning("a file could not be read", error=str(error))
            raise unavailable() from error
        if size is None:
            _log.error("a file is not where it was stored", file=str(file_id))
            raise not_found("file")
        if elsewhere is not None and request.method != "HEAD":
            # What it is served as was said when it was written (`Attributes`).
            moved = {"Location": elsewhere, "Cross-Origin-Resource-Policy": "cross-origin"}
            return web.Response(status=302, headers=moved)
        try:
            part = serving.part(request.headers, tag, size)
        except web.HTTPRequestRangeNotSatisfiable:
            headers["Content-Range"] = f"bytes */{size}"
            return web.Response(status=416, headers=headers)
        response = web.StreamResponse(status=200, headers=headers)
        start, end = part or (0, size)
        if part is not None:
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        response.content_length = end - start
        await response.prepare(request)
        if request.method != "HEAD":
            await self._send(request, response, found.object_id, start, end)
        return response

    async def _reader(self, request: web.Request, file_id: uuid.UUID) -> Session:
        """Return who asks: by a token, or by a personal link.

        Raises:
            ChatError: AUTH_REQUIRED, AUTH_FAILED, UNAVAILABLE; RESOURCE_NOT_FOUND for a link that does not hold
        """
        connection_id = str(uuid.uuid4())
        if (link := request.query.get("link")) is None:
            return await self._authenticator.authenticate(
                bearer_token(request), connection_id, lasting=False
            )
        user_id = self._links.person(file_id, link)
        user = User(id=user_id, username="", display_name="")
        return Session(user=user, connection_id=connection_id, expires_at=0, lasting=False)

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        object_id: uuid.UUID,
        start: int,
        end: int,
    ) -> None:
        connection = cast("HttpConnection", request.protocol)
        try:
            async for piece in self._storage.read(object_id, start, end):
                # A client that takes nothing for so long is gone, or holds what others could have.
                due = connection.answer_due.set(connection.abort)
                try:
                    await response.write(piece)
                finally:
                    due.settle()
                self._downloads.sent += len(piece)
        except StorageError as error:
            # The head says how many bytes come: cut off, the client knows that they did not.
            _log.error("a file could not be read", error=str(error))
            connection.abort()


async def _pieces(request: web.Request, until: float) -> AsyncIterator[bytes]:
    """Give a body as it comes. Those who send none of it for REQUEST_BODY_TIMEOUT are cut off.

    Raises:
        ChatError: RESOURCE_NOT_FOUND where the address has ended meanwhile.
    """
    await expectations.go_on(request)
    connection = cast("HttpConnection", request.protocol)
    try:
        while True:
            connection.renew_body()
            # What is not read here stays in the socket, but for a little: memory has few pieces of each file.
            piece = await request.content.read(PIECE)
            # What we do with it is none of the client's time.
            connection.hold_body()
            if not piece:
                return
            if time.time() > until:
                raise not_found("file")
            yield piece
    finally:
        connection.renew_body()


def _named(request: web.Request) -> uuid.UUID:
    try:
        return uuid.UUID(request.match_info["file_id"])
    except ValueError:
        raise not_found("file") from None


def _guarded(respond: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await respond(request)
        except ChatError as error:
            return failure(error)

    return guarded
