"""Reads where files are kept, and what looks at them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from chatserver.config.reader import Reader

_ADVICE = "write file:///var/lib/chat/files, or s3://bucket/prefix?region=eu-central-1"


def read_files_url(read: Reader, state_directory: Path) -> str:
    """Read where files are kept: a folder (`file:`) or a bucket (`s3:`); by default a folder of the state's."""
    name = "FILES_URL"
    default = f"file://{quote(str(state_directory.absolute() / 'files'))}"
    text = read.text(name)
    if text is None:
        return default
    try:
        url = urlsplit(text)
    except ValueError:
        read.wrong(name, f"is no URL: {_ADVICE}")
        return default
    if url.scheme == "file" and not url.netloc and unquote(url.path).startswith("/"):
        return text
    if url.scheme == "s3" and url.hostname:
        return text
    read.wrong(name, f"names neither a folder nor a bucket: {_ADVICE}")
    return default


def read_clamd(read: Reader) -> tuple[str, int] | None:
    """Read the host and the port of the clamd that looks at files; None where none does."""
    name = "CLAMD_URL"
    text = read.text(name)
    if text is None:
        return None
    try:
        url = urlsplit(text)
        if url.scheme == "tcp" and url.hostname and url.port and url.path in ("", "/"):
            return url.hostname, url.port
    except ValueError:
        pass
    read.wrong(name, "is no address: write tcp://host:port, such as tcp://127.0.0.1:3310")
    return None
