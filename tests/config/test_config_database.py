"""The database's settings: the DSN, TLS and the pool."""

import ssl
from pathlib import Path

import pytest
import trustme

from chatserver.config import ConfigError
from chatserver.config.dsn import parse_dsn
from chatserver.store.tls import client_context
from tests.config.samples import DATABASE, DEVELOPMENT, PRODUCTION, load, refusal

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


@pytest.mark.parametrize(
    "host", ["db:5432", "a,b", "me@db", "db/chat", "db?x=1", "db#x", "d b", "postgresql://db"]
)
def test_more_than_a_host_in_db_host_is_refused(host: str) -> None:
    """DB_HOST is a host alone."""
    message = refusal(DEVELOPMENT, **{**PARTS, "DB_HOST": host})
    assert message == "DB_HOST must be a host alone: write its port in DB_PORT"


@pytest.mark.parametrize(
    ("place", "db_ssl", "tls"),
    [
        ("me@db/chat", None, "verify-full"),
        ("me@localhost.example.com/chat", None, "verify-full"),
        ("me@localhost/chat", None, "disable"),
        ("me@127.1.2.3:6000/chat", None, "disable"),
        ("me@[::1]:6000/chat", None, "disable"),
        ("%2Frun%2Fpg/chat", None, "disable"),
        ("/chat?host=/run/pg", None, "disable"),
        ("me@localhost,db/chat", None, "verify-full"),
        ("me@localhost/chat?sslmode=prefer", None, "prefer"),
        ("me@localhost/chat?sslmode=require", None, "require"),
        ("me@db/chat?sslmode=allow", None, "allow"),
        ("me@db/chat?sslmode=prefer", None, "prefer"),
        ("me@db/chat?ssl=true", None, "require"),
        ("me@db/chat?requiressl=1", None, "require"),
        ("me@db/chat?sslmode=disable", None, "disable"),
        ("me@db/chat?sslmode=require", None, "require"),
        ("me@db/chat?sslmode=verify-ca", None, "verify-ca"),
        ("me@db/chat?sslmode=verify-full", None, "verify-full"),
        ("me@db/chat?sslmode=no-verify", None, "no-verify"),
        ("me@db/chat?sslmode=disable", "true", "verify-full"),
        ("me@db/chat?sslmode=require", "FALSE", "disable"),
        ("me@db/chat?sslmode=prefer", "no-verify", "no-verify"),
        ("me@localhost/chat", "true", "verify-full"),
    ],
)
def test_certificates_are_verified(place: str, db_ssl: str | None, tls: str) -> None:
    """Certificates are verified unless DB_SSL or the URL says otherwise or the host is local."""
    changes = {} if db_ssl is None else {"DB_SSL": db_ssl}
    url = f"postgresql://{place}"
    assert load(DEVELOPMENT, DATABASE_URL=url, **changes).database.tls == tls


def context(**changes: str) -> ssl.SSLContext:
    """What a connection of these settings is encrypted with."""
    database = load(PRODUCTION, **changes).database
    assert database.dsn is not None
    return client_context(database.tls, parse_dsn(database.dsn))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of one's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".postgresql").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("mode", "verify_mode", "check_hostname"),
    [
        ("", ssl.CERT_REQUIRED, True),
        ("?sslmode=require", ssl.CERT_NONE, False),
        ("?sslmode=no-verify", ssl.CERT_NONE, False),
        ("?sslmode=verify-ca", ssl.CERT_REQUIRED, False),
        ("?sslmode=verify-full&sslrootcert=system", ssl.CERT_REQUIRED, True),
        ("?sslmode=require&sslrootcert=ROOT", ssl.CERT_REQUIRED, False),
        ("?sslmode=verify-ca&sslrootcert=ROOT", ssl.CERT_REQUIRED, False),
    ],
)
def test_sslmode_means_what_libpq_means(
    home: Path, mode: str, verify_mode: ssl.VerifyMode, check_hostname: bool
) -> None:
    """`require` trusts anybody, unless there is an authority to verify with; `verify-…` verify in any case."""
    root = home / "ca.pem"
    trustme.CA().cert_pem.write_to_path(root)
    url = DATABASE + mode.replace("ROOT", str(root))
    made = context(DATABASE_URL=url)
    assert (made.verify_mode, made.check_hostname) == (verify_mode, check_hostname)


def test_the_authority_of_ones_own_home(home: Path) -> None:
    """~/.postgresql/root.crt makes `require` verify, as libpq has it."""
    url = f"{DATABASE}?sslmode=require"
    assert context(DATABASE_URL=url).verify_mode is ssl.CERT_NONE
    trustme.CA().cert_pem.write_to_path(home / ".postgresql" / "root.crt")
    assert context(DATABASE_URL=url).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("db_ssl", "verify_mode", "check_hostname"),
    [("true", ssl.CERT_REQUIRED, True), ("no-verify", ssl.CERT_NONE, False)],
)
def test_db_ssl(home: Path, db_ssl: str, verify_mode: ssl.VerifyMode, check_hostname: bool) -> None:
    """`true` checks certificate and host name, whatever sslmode says; `no-verify` checks neither."""
    made = context(DATABASE_URL=f"{DATABASE}?sslmode=require", DB_SSL=db_ssl)
    assert (made.verify_mode, made.check_hostname) == (verify_mode, check_hostname)


@pytest.mark.parametrize("option", ["sslrootcert", "sslcert", "sslcrl"])
@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_a_missing_certificate_file_is_a_config_error(home: Path, mode: str, option: str) -> None:
    """A certificate file that can't be read is one line that names the parameter, without the URL."""
    with pytest.raises(
        ConfigError, match=rf"^DATABASE_URL names a certificate .* {option}"
    ) as caught:
        context(DATABASE_URL=f"{DATABASE}?sslmode={mode}&{option}=/nowhere/file.pem")
    assert "hunter2" not in str(caught.value)


def test_versions_of_tls(home: Path) -> None:
    """The least and the newest version of TLS are those of the URL."""
    versions = "ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.3"
    made = context(DATABASE_URL=f"{DATABASE}?{versions}")
    assert made.minimum_version == made.maximum_version == ssl.TLSVersion.TLSv1_3


def test_times_of_the_url() -> None:
    """The URL's connect_timeout and statement_timeout count where no variable says otherwise."""
    url = f"{DATABASE}?connect_timeout=7&statement_timeout=9s"
    database = load(PRODUCTION, DATABASE_URL=url).database
    assert (database.connection_timeout, database.statement_timeout) == (7, None)
    database = load(
        PRODUCTION, DATABASE_URL=url, DB_CONNECTION_TIMEOUT="100", DB_STATEMENT_TIMEOUT="200"
    ).database
    assert (database.connection_timeout, database.statement_timeout) == (0.1, 0.2)
    by_option = f"{DATABASE}?options=-c%20statement_timeout%3D9s"
    assert load(PRODUCTION, DATABASE_URL=by_option).database.statement_timeout is None
    # libpq's "for ever" is nobody's wish here.
    assert (
        load(PRODUCTION, DATABASE_URL=f"{DATABASE}?connect_timeout=0").database.connection_timeout
        == 2
    )


def test_the_pool_has_a_smallest_and_a_largest_size() -> None:
    """A small DB_MAX_CONNECTIONS lowers the default minimum; a larger minimum is refused."""
    database = load(DEVELOPMENT, DB_MAX_CONNECTIONS="1").database
    assert (database.min_size, database.max_size) == (1, 1)
    message = refusal(DEVELOPMENT, DB_MAX_CONNECTIONS="3", DB_MIN_CONNECTIONS="4")
    assert message == "DB_MIN_CONNECTIONS must be at most DB_MAX_CONNECTIONS, 3"
