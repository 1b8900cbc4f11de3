"""Serves the React app at ``/``, its service worker and their files at ``/assets/``, as ``make client`` built it.

All files are read when the server starts. So a path never reaches the file system, and those who have a page
open find its files although another build was made meanwhile; the next start serves that one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from chatserver.doors.http import etags
from chatserver.doors.http.lasting import upgrades

# Where Vite builds the app: inside the package, so that the wheel has it.
BUILT = Path(__file__).parents[2] / "static"
# The worker has no page: it may ask this server for files, and nothing else.
WORKER_POLICY = "default-src 'none'; connect-src 'self'"

_HTML = "text/html"
_WORKER = "sw.js"
# Not taken from the machine's own tables, where some have no type for scripts or a wrong one.
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}
_TEXTS = ("text/", "application/json", "application/manifest", "image/svg")
# The better first. What they are called in a file's name, and in Accept-Encoding.
_ENCODINGS = ((".br", "br"), (".gz", "gzip"))
_ACCEPTED = re.compile(
    r"(?:^|[,\s])(br|gzip)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?(?=,|$)", re.IGNORECASE
)
_VARIES = {"Vary": "Accept-Encoding, Origin"}

_UNBUILT = b"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>chatserver</title>
</head>
<body>
<main>
<h1>chatserver is running</h1>
<p>Its chat app is not built yet. With Node.js 20.19 or later and npm, build it in the server's
repository, then start the server again and reload this page:</p>
<pre><code>make client
make serve</code></pre>
<p>The server itself needs neither: <a href="/docs">its reference, with examples</a>.</p>
</main>
</body>
</html>
"""


def content_security_policy(files_origin: str | None = None) -> str:
    """Return the page's policy; `files_origin` is where files go to and come from, beside this server."""
    files = "" if files_origin is None else f" {files_origin}"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{files}; "
        f"img-src 'self'{files} https: data: blob:; media-src 'self'{files} https:; manifest-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types chatserver"
    )


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the app; `encoded` has what is smaller, by the name of its encoding, the best first."""

    content_type: str
    body: bytes
    encoded: Mapping[str, bytes]


class AppPage:
    """Answers requests for the app.

    Args:
        built: the directory that the app was built into; without an ``index.html``, a page says how to build it.
        upgrade: answers those who ask for a WebSocket at ``/``.
        files_origin: the origin of a bucket that files are in; None where this server keeps them.
    """

    def __init__(self, built: Path, upgrade: Handler, files_origin: str | None) -> None:
        self._page = _read(built / "index.html", _HTML) or _File(_HTML, _UNBUILT, {})
        self._worker = _read(built / _WORKER, _TYPES[".js"])
        self._assets = _assets(built / "assets")
        self._upgrade = upgrade
        self._policy = content_security_policy(files_origin)

    def routes(self) -> list[web.RouteDef]:
        """Return the three routes."""
        return [
            web.get("/", self._root),
            web.get(f"/{_WORKER}", self._service_worker),
            web.get("/assets/{name}", self._asset),
        ]

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if upgrades(request):
            return await self._upgrade(request)
        return _current(request, self._page, self._policy)

    async def _service_worker(self, request: web.Request) -> web.StreamResponse:
        """Answer with the script that opens the app without a link.

        Raises:
            web.HTTPNotFound: the app is not built.
        """
        if self._worker is None:
            raise web.HTTPNotFound
        return _current(request, self._worker, WORKER_POLICY)

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file, whose name has a hash of what is in it.

        Raises:
            web.HTTPNotFound: there is none of that name.
        """
        found = self._assets.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound
        answered = _answer(request, found)
        answered.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answered


def _assets(directory: Path) -> Mapping[str, _File]:
    """Read the files whose types are known, by their names."""
    if not directory.is_dir():
        return {}
    read = {
        path.name: _read(path, _TYPES[path.suffix])
        for path in directory.iterdir()
        if path.suffix in _TYPES
    }
    return {name: file for name, file in read.items() if file is not None}


def _read(path: Path, content_type: str) -> _File | None:
    """Read a file, and what it was compressed to; None where it is none."""
    if not path.is_file():
        return None
    compressed = ((path.with_name(path.name + suffix), name) for suffix, name in _ENCODINGS)
    encoded = {name: other.read_bytes() for other, name in compressed if other.is_file()}
    return _File(content_type, path.read_bytes(), encoded)


def _current(request: web.Request, file: _File, policy: str) -> web.Response:
    """Answer with a file that each build has under the same name: kept, and asked for anew each time."""
    answered = _answer(request, file)
    answered.headers["Cache-Control"] = "no-cache"
    answered.headers["Content-Security-Policy"] = policy
    return answered


def _answer(request: web.Request, file: _File) -> web.Response:
    """Answer with a file in the best encoding that the client takes (RFC 9110, section 12.5.3), or with 304."""
    asked = ",".join(request.headers.getall("Accept-Encoding", ()))
    taken = {name.lower() for name, quality in _ACCEPTED.findall(asked) if _is_wanted(quality)}
    encoding = next((name for name in file.encoded if name in taken), None)
    response = web.Response(
        body=file.body if encoding is None else file.encoded[encoding],
        content_type=file.content_type,
        charset="utf-8" if file.content_type.startswith(_TEXTS) else None,
        headers=_VARIES if encoding is None else {**_VARIES, "Content-Encoding": encoding},
    )
    answered = etags.answer(request, response, file.body)
    answered.headers.update(_VARIES)
    return answered


def _is_wanted(quality: str) -> bool:
    """Return whether a quality, if one was written, is more than none."""
    return not quality or bool(quality.strip("0."))
