"""The database's settings: the DSN, TLS and the pool."""

import ssl

import pytest

from chatserver.config import ConfigError
from tests.unit.config_samples import DATABASE, DEVELOPMENT, PRODUCTION, load, refusal

PARTS = {"DB_HOST": "db", "DB_NAME": "chat", "DB_USER": "me"}


@pytest.mark.parametrize(
    ("parts", "dsn"),
    [
        (PARTS, "postgresql://me@db:5432/chat"),
        (
            {**PARTS, "DB_PASS": " p@s:s/w?#%", "DB_PORT": "6000", "DB_NAME": "a b"},
            "postgresql://me:%20p%40s%3As%2Fw%3F%23%25@db:6000/a%20b",
        ),
        ({**PARTS, "DB_HOST": "::1"}, "postgresql://me@[::1]:5432/chat"),
        (
            {**PARTS, "DB_HOST": "/run/pg", "DB_PASS": "x"},
            "postgresql://me:x@/chat?host=%2Frun%2Fpg&port=5432",
        ),
        ({**PARTS, "DATABASE_URL": "postgres://me@db/chat"}, "postgres://me@db/chat"),
    ],
)
def test_the_dsn_is_made_of_parts(parts: dict[str, str], dsn: str) -> None:
    """DB_HOST and its like make a DSN, percent-encoded; DATABASE_URL wins over them."""
    assert load(DEVELOPMENT, **parts).database.dsn == dsn


@pytest.mark.parametrize("base", [DEVELOPMENT, {**PRODUCTION, "DATABASE_URL": ""}])
@pytest.mark.parametrize("missing", ["DB_HOST", "DB_NAME", "DB_USER"])
def test_half_a_database_is_refused(base: dict[str, str], missing: str) -> None:
    """DB_HOST, DB_NAME and DB_USER are needed together, in development too."""
    message = refusal(base, **{**PARTS, "DB_PASS": "hunter2", missing: ""})
    assert message == f"{missing} is not set: DB_HOST, DB_NAME and DB_USER are needed together"


def test_a_port_in_db_host_is_refused() -> None:
    """DB_HOST is a host alone."""
    message = refusal(DEVELOPMENT, **{**PARTS, "DB_HOST": "db:5432"})
    assert message == "DB_HOST must be a host alone: write its port in DB_PORT"


@pytest.mark.parametrize(
    ("place", "db_ssl", "tls"),
    [
        ("me@db/chat", None, "verify-full"),
        ("me@localhost.example.com/chat", None, "verify-full"),
        ("me@localhost/chat", None, "off"),
        ("me@127.1.2.3:6000/chat", None, "off"),
        ("me@[::1]:6000/chat", None, "off"),
        ("%2Frun%2Fpg/chat", None, "off"),
        ("/chat?host=/run/pg", None, "off"),
        ("me@localhost,db/chat", None, "verify-full"),
        ("me@localhost/chat?sslmode=prefer", None, "off"),
        ("me@localhost/chat?sslmode=require", None, "verify-full"),
        ("me@db/chat?sslmode=disable", None, "off"),
        ("me@db/chat?sslmode=require", None, "verify-full"),
        ("me@db/chat?sslmode=verify-ca", None, "verify-ca"),
        ("me@db/chat?sslmode=verify-full", None, "verify-full"),
        ("me@db/chat?sslmode=no-verify", None, "no-verify"),
        ("me@db/chat?sslmode=disable", "true", "verify-full"),
        ("me@db/chat?sslmode=require", "FALSE", "off"),
        ("me@db/chat?sslmode=prefer", "no-verify", "no-verify"),
        ("me@localhost/chat", "true", "verify-full"),
    ],
)
def test_certificates_are_verified(place: str, db_ssl: str | None, tls: str) -> None:
    """Certificates are verified unless DB_SSL or the URL says otherwise or the host is local."""
    changes = {} if db_ssl is None else {"DB_SSL": db_ssl}
    url = f"postgresql://{place}"
    assert load(DEVELOPMENT, DATABASE_URL=url, **changes).database.tls == tls


@pytest.mark.parametrize(
    ("db_ssl", "verify_mode", "check_hostname"),
    [("true", ssl.CERT_REQUIRED, True), ("no-verify", ssl.CERT_NONE, False)],
)
def test_the_ssl_context(db_ssl: str, verify_mode: ssl.VerifyMode, check_hostname: bool) -> None:
    """`true` checks certificate and host name, `no-verify` neither, `false` is no TLS."""
    context = load(PRODUCTION, DB_SSL=db_ssl).database.ssl_context()
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (verify_mode, check_hostname)
    assert load(PRODUCTION, DB_SSL="false").database.ssl_context() is False


def test_verify_ca_leaves_the_host_name() -> None:
    """sslmode=verify-ca checks the certificate alone."""
    url = f"{DATABASE}?sslmode=verify-ca&sslrootcert=system"
    context = load(PRODUCTION, DATABASE_URL=url).database.ssl_context()
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, False)


@pytest.mark.parametrize("option", ["sslrootcert", "sslcert"])
def test_a_missing_certificate_file_is_a_config_error(option: str) -> None:
    """A certificate file that can't be read is one line without the URL."""
    settings = load(PRODUCTION, DATABASE_URL=f"{DATABASE}?{option}=/nowhere/file.pem")
    with pytest.raises(ConfigError, match=r"^DATABASE_URL names a certificate file") as caught:
        settings.database.ssl_context()
    assert "hunter2" not in str(caught.value)


def test_the_pool_has_a_smallest_and_a_largest_size() -> None:
    """A small DB_MAX_CONNECTIONS lowers the default minimum; a larger minimum is refused."""
    database = load(DEVELOPMENT, DB_MAX_CONNECTIONS="1").database
    assert (database.min_size, database.max_size) == (1, 1)
    message = refusal(DEVELOPMENT, DB_MAX_CONNECTIONS="3", DB_MIN_CONNECTIONS="4")
    assert message == "DB_MIN_CONNECTIONS must be at most DB_MAX_CONNECTIONS, 3"
