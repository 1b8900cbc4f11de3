"""The configuration that the existing system documents is the one that is read."""

from pathlib import Path

import pytest

from chatserver.config import VARIABLES
from chatserver.config.tls import TlsSettings
from tests.config.samples import DEVELOPMENT, PRODUCTION, load, refusal

# messaging-implementation.md, "Environment Variables": names and defaults, "-" for none.
DOCUMENTED = """
PORT 3001                      NODE_ENV production            MAX_CONNECTIONS 50
MAX_PAYLOAD_SIZE 1048576       KEEP_ALIVE_TIMEOUT 60000       CONNECTION_TIMEOUT 300000
MAX_CONNECTIONS_PER_IP 10      MESSAGE_RATE_LIMIT 240         DATABASE_URL -
DB_HOST -                      DB_PORT 5432                   DB_NAME -
DB_USER -                      DB_PASS -                      DB_SSL true
DB_MAX_CONNECTIONS 10          DB_MIN_CONNECTIONS 2           DB_IDLE_TIMEOUT 30000
DB_CONNECTION_TIMEOUT 2000     DB_STATEMENT_TIMEOUT 30000     DB_QUERY_TIMEOUT 30000
REDIS_URL -                    REDISCLOUD_URL -               REDISTOGO_URL -
JWT_SECRET -                   CHAT_ENCRYPTION_KEY -          TLS_KEY -
TLS_CERT -                     TLS_CA -
"""
# Where we differ: 50 was sized for a machine of 512 MB; NODE_ENV is an alias, whose default APP_ENV has. That of
# CHAT_ENCRYPTION_KEY is written in public documents, so production refuses it.
OURS = {"MAX_CONNECTIONS": "10000", "NODE_ENV": ""}
# Comes with the limits that it sets.
TO_COME = {"MAX_CONNECTIONS_PER_IP"}


def test_every_documented_variable_is_read() -> None:
    """Each variable of the documented table has a row of ours, with its documented default."""
    words = DOCUMENTED.split()
    documented = dict(zip(words[::2], words[1::2], strict=True))
    assert len(documented) == 29
    rows = {row.name: row for row in VARIABLES}
    assert documented.keys() - rows.keys() <= TO_COME
    for name in documented.keys() & rows.keys():
        default = OURS.get(name, documented[name].strip("-"))
        assert rows[name].default == default, name


def test_what_the_contract_adds_is_read() -> None:
    """Each variable that the contract names beside the table has a row, too."""
    added = "APP_ENV CHAT_ENCRYPTION_KEY_PREVIOUS CORS_ALLOWED_ORIGINS TRUSTED_PROXY_HOPS SINGLE_SESSION"
    assert set(added.split()) <= {row.name for row in VARIABLES}


def test_tls_files() -> None:
    """TLS_KEY and TLS_CERT go together, TLS_CA beside them; nothing is opened until it is needed."""
    files = {"TLS_KEY": "/k.pem", "TLS_CERT": " /c.pem "}
    pair = TlsSettings(key=Path("/k.pem"), cert=Path("/c.pem"), ca=None)
    assert load(PRODUCTION).tls is None
    assert load(PRODUCTION, **files).tls == pair
    assert load(PRODUCTION, **files, TLS_CA="/a.pem").tls == TlsSettings(
        key=pair.key, cert=pair.cert, ca=Path("/a.pem")
    )
    assert refusal(PRODUCTION, TLS_KEY="/k.pem").startswith("TLS_CERT is not set")
    assert refusal(PRODUCTION, TLS_CERT="/c.pem").startswith("TLS_KEY is not set")


def test_connection_timeout() -> None:
    """CONNECTION_TIMEOUT is in milliseconds, five minutes where nothing is said."""
    assert load(PRODUCTION).connection_timeout == 300
    assert load(PRODUCTION, CONNECTION_TIMEOUT="1500").connection_timeout == 1.5


@pytest.mark.parametrize(
    "token", ["k7", "x" * 15, "a token with some blanks", "t\u00fcrschl\u00f6sser" * 2]
)
def test_metrics_tokens_that_are_refused(token: str) -> None:
    """A METRICS_TOKEN that is short, or that no header can carry, is refused, and not shown."""
    message = refusal(DEVELOPMENT, METRICS_TOKEN=token)
    assert message.startswith("METRICS_TOKEN ")
    assert token not in message


@pytest.mark.parametrize(
    "url",
    ["https://example.com", "http://localhost:8080/pfp", "https://[::1]:8080/a/b", "https://x.example/a%20b/"],
)  # fmt: skip
def test_picture_addresses(url: str) -> None:
    """PROFILE_PICTURE_URL is an address under which the pictures are; a slash at its end makes no difference."""
    assert load(PRODUCTION, PROFILE_PICTURE_URL=url).profile_picture_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["example.com/pfp", "ftp://example.com", "https://user:hunter2@example.com", "https://example.com/?id=",
     "https://example.com/#x", "https://example.com/a b", "https://example.com:port/", "https://", "file:///etc",
     "https://example.com/\u00fc", "https://example.com:0"],
)  # fmt: skip
def test_picture_addresses_that_are_refused(url: str) -> None:
    """An address that is none, or that would show clients a password, is refused."""
    message = refusal(PRODUCTION, PROFILE_PICTURE_URL=url)
    assert message.startswith("PROFILE_PICTURE_URL ")
    assert "hunter2" not in message
