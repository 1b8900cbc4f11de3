"""Serves the key that browsers subscribe with: ``GET /api/push/vapid-public-key``. It is public."""

from aiohttp import web

from chatserver.config import VapidKeys
from chatserver.core.errors import not_found
from chatserver.doors.http.answers import answer

PATH = "/api/push/vapid-public-key"


def routes(keys: VapidKeys | None) -> list[web.RouteDef]:
    """Return the route; without keys Web Push is not configured."""

    async def respond(_request: web.Request) -> web.Response:
        if keys is None:
            raise not_found("key")
        return answer({"key": keys.public})

    return [web.get(PATH, respond)]
