"""Tags answers: a client that has an answer already is told so, and not sent it again."""

import base64
import hashlib

from aiohttp import web


def answer(request: web.Request, response: web.Response, steady: bytes) -> web.Response:
    """Return the response with its ETag, or 304 where ``If-None-Match`` names it.

    The tag is weak (RFC 9110, section 8.8.3): it is that of `steady`, what matters of the body.
    """
    digest = hashlib.blake2b(steady, digest_size=16).digest()
    tag = f'"{base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}"'
    headers = {"ETag": f"W/{tag}"}
    asked = ",".join(request.headers.getall("If-None-Match", ()))
    # Weak comparison (section 13.1.2) takes a tag with W/ or without it; no tag of ours is part of another.
    if asked.strip() == "*" or tag in asked:
        return web.Response(status=304, headers=headers)
    response.headers.update(headers)
    return response
