"""Wrong values: every variable, refused in either environment."""

import re
from collections.abc import Mapping

import pytest

from chatserver.config import VARIABLES
from tests.config.samples import DEVELOPMENT, PRODUCTION, refusal

WRONG_ANYWHERE = [
    ("APP_ENV", "staging"),
    ("APP_ENV", "prod"),
    *[
        (row.name, value)
        for row in VARIABLES
        if row.most
        for value in (
            "many",
            "1.5",
            "-1",
            "0x10",
            "٣٠٠٠",
            "9" * 5000,
            str(row.most + 1),
            str(row.least - 1),
        )
    ],
    *[(name, "maybe") for name in ("WS_COMPRESSION", "SINGLE_SESSION", "DB_SSL", "LOG_LEVEL")],
    *[
        (name, value)
        for name in ("REDIS_URL", "REDISCLOUD_URL", "REDISTOGO_URL")
        for value in (
            "cache:6379",
            "http://:hunter2@cache",
            "redis://",
            "'redis://:hunter2@cache'",
            "redis://:hun#ter2@cache",
            "redis://:hun\nter2@cache",
            "redis://:hun@ter2@cache",
            "redis://:hun?ter2=x@cache",
            "redis://:hun/ter2@cache",
            "redis://:hunter2@cache:0",
            "redis://:hunter2@cache:65536",
            "redis://:hunter2@cache:٦٣٧٩",
            "redis://:hunter2@cache:hunter2",
            "redis://:hunter2@cache/hunter2",
            "redis://:hunter2@cache/0/1",
            "redis://:hunter2@cache?db=hunter2",
            "redis://:hunter2@cache?unheard_of=1",
            "redis://:hunter2@cache?hunter2",
            "redis://:hunter2@cache?ssl=true",
            "redis://:hunter2@cache?ssl_cert_reqs=none",
            "rediss://:hunter2@cache?ssl_cert_reqs=maybe",
            "redis://:hunter2@cache?decode_responses=true",
            "redis://:hunter2@cache?socket_timeout=60",
            "redis://:hunter2@cache?protocol=4",
            "unix://",
            "unix:///",
            "redis+sentinel://:hunter2@cache:26379/0",
            "redis+sentinel://:hunter2@cache:26379/mymaster",
            "redis+sentinel://:hunter2@cache:26379,:x/0/mymaster",
        )
    ],
    *[("JWT_SECRET", value) for value in ("not base64!", "abcde", "ab+/cd-_", "abc==", "ab=c")],
    *[
        ("CORS_ALLOWED_ORIGINS", value)
        for value in (
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://*.example.com",
            "https://app.example.com:0",
            "https://app.example.com:٨٠",
            "https://app.example.com:99999",
            "https://user:hunter2@app.example.com",
            "https://a.example.com https://b.example.com",
            "https://a\nb.example.com",
            "null",
        )
    ],
    *[
        ("DATABASE_URL", value)
        for value in (
            "mysql://chat:hunter2@db/chat",
            "chat:hunter2@db/chat",
            "hunter2",
            "postgresql:///chat",
            "postgresql://chat:hunter2@/chat",
            "postgresql://chat:hun@ter2@db/chat",
            "postgresql://chat:hun/ter2@db/chat",
            "postgresql://chat:hun#ter2@db/chat",
            "postgresql://chat:hun?ter2@db/chat",
            "postgresql://chat:hun[ter2@db/chat",
            "postgresql://chat:hunter2@db:hunter2/chat",
            "postgresql://chat:hunter2@db,/chat",
            "postgresql://chat:hunter2@db/chat?port=x",
            "postgresql://chat:hunter2@db/chat?sslmode",
            "postgresql://chat:hunter2@db/chat?sslmode=yes",
            "postgresql://chat:hun?ter2=x@db/chat",
            "postgresql://chat:hun%ter2@db/chat",
            "postgresql://chat:hun\nter2@db/chat",
            "postgresql://chat:hun%ffter2@db/chat",
            "postgresql://chat:hun%00ter2@db/chat",
            "postgresql://chat:hunter2@db:0/chat",
            "postgresql://chat:hunter2@db:65536/chat",
            "postgresql://chat:hunter2@db,other/chat?port=1,2,3",
            "postgresql://chat:hunter2@ db/chat",
            "'postgresql://chat:hunter2@db/chat'",
            '"postgresql://chat:hunter2@db/chat"',
            "jdbc:postgresql://db/chat?password=hunter2",
            "host=db password=hunter2 dbname=chat",
            "postgresql+asyncpg://chat:hunter2@db/chat",
            *(
                f"postgresql://chat:hunter2@db/chat?{parameter}"
                for parameter in (
                    "hunter2",
                    "h%75nter2%20=x",
                    "pgbouncer=true",
                    "schema=chat",
                    "connection_limit=5",
                    "pool_timeout=5",
                    "statement_cache_size=0",
                    "prepareThreshold=0",
                    "uselibpqcompat=true",
                    "ssl=no-verify",
                    "sslaccept=strict",
                    "unheard_of=1",
                    "shared_buffers=1GB",
                    "gssencmode=require",
                    "replication=database",
                    "target_session_attrs=standby",
                    "target_session_attrs=read-only",
                    "target_session_attrs=any-one",
                    "connect_timeout=soon",
                    "sslnegotiation=direct&sslmode=prefer",
                    "sslrootcert=system&sslmode=require",
                    "ssl_min_protocol_version=SSLv3",
                    "service=unheard_of",
                    "synchronous_commit=off",
                    "default_transaction_isolation=serializable",
                    "default_transaction_read_only=on",
                )
            ),
        )
    ],
    ("CHAT_ENCRYPTION_KEY", "\udcff"),
]


@pytest.mark.parametrize("base", [DEVELOPMENT, PRODUCTION], ids=["development", "production"])
@pytest.mark.parametrize(("name", "value"), WRONG_ANYWHERE)
def test_a_wrong_value_is_one_line_naming_it(
    base: Mapping[str, str], name: str, value: str
) -> None:
    """A wrong value is refused in one line that begins with the variable and hides passwords."""
    message = refusal(base, **{name: value})
    assert re.match(rf"{name} \S", message)
    assert message.isprintable()
    assert len(message) < 400
    assert "hunter2" not in message
    assert "hun" not in message.replace("hunter2", "")
