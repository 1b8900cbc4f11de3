"""What a backup of the database holds."""

import os
import subprocess
from urllib.parse import parse_qs, urlsplit

from chatserver.ops.embedded.postgres import binaries


def dump(dsn: str) -> str:
    """The whole database as SQL."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    return subprocess.run(
        [binaries() / "pg_dump", "--inserts", "-h", query["host"][0], "-U", parts.username or "",
         parts.path.removeprefix("/")],
        env={**os.environ, "PGPASSWORD": parts.password or ""},
        check=True,
        capture_output=True,
        text=True,
    ).stdout  # fmt: skip
