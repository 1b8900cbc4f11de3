"""Sample environments for the tests of the configuration."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from chatserver.config import ConfigError, Settings, load_settings

SECRET = base64.b64encode(bytes(range(40, 72))).decode()
KEY = "a long and random text for tests 4f8b1c"
DATABASE = "postgresql://chat:hunter2@db.example.com/chat"
DEVELOPMENT = {"APP_ENV": "development", "JWT_SECRET": SECRET}
PRODUCTION = {
    "JWT_SECRET": SECRET,
    "CHAT_ENCRYPTION_KEY": KEY,
    "DATABASE_URL": DATABASE,
    "CORS_ALLOWED_ORIGINS": "https://app.example.com",
}


def load(base: Mapping[str, str], **changes: str) -> Settings:
    """Settings of `base` with `changes`; nothing is written."""
    return load_settings({**base, **changes}, state_directory=Path("/nowhere"))


def refusal(base: Mapping[str, str], **changes: str) -> str:
    """The message with which `base` with `changes` is refused."""
    with pytest.raises(ConfigError) as caught:
        load(base, **changes)
    return str(caught.value)
