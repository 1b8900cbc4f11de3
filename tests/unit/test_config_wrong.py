"""Wrong values: every variable, refused in either environment."""

import re
from collections.abc import Mapping

import pytest

from chatserver.config import VARIABLES
from tests.unit.config_samples import DEVELOPMENT, PRODUCTION, refusal

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
            "9" * 5000,
            str(row.most + 1),
            str(row.least - 1),
        )
    ],
    *[(name, "maybe") for name in ("WS_COMPRESSION", "SINGLE_SESSION", "DB_SSL", "LOG_LEVEL")],
    *[
        (name, value)
        for name in ("REDIS_URL", "REDISCLOUD_URL", "REDISTOGO_URL")
        for value in ("cache:6379", "http://:hunter2@cache", "redis://")
    ],
    *[("JWT_SECRET", value) for value in ("not base64!", "abcde", "ab+/cd-_", "abc==", "ab=c")],
    *[
        ("CORS_ALLOWED_ORIGINS", value)
        for value in (
            "app.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://*.example.com",
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
            "postgresql://chat:hunter2@db/chat?sslmode=prefer",
            "postgresql://chat:hunter2@db/chat?sslmode=allow",
            "postgresql://chat:hunter2@db/chat?sslmode=yes",
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
