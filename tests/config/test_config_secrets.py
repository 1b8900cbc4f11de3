"""The secrets: how they are read, and the one that development keeps."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatserver.config import ConfigError, load_settings
from tests.config.samples import DEVELOPMENT, KEY, PRODUCTION, load


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("aGk", b"hi"),
        ("aGk=", b"hi"),
        (" aGk=\n", b"hi"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("_w", b"\xff"),
        ("/w==", b"\xff"),
    ],
)
def test_base64_of_both_alphabets(value: str, decoded: bytes) -> None:
    """JWT_SECRET is standard or URL-safe base64, padded or not, of any length in development."""
    assert load(DEVELOPMENT, JWT_SECRET=value).jwt_secret == decoded


def test_encryption_keys_have_the_current_one_first() -> None:
    """CHAT_ENCRYPTION_KEY_PREVIOUS adds keys behind the current one, the old default too."""
    old = "super-secure-aes-encryption-key-32"
    settings = load(PRODUCTION, CHAT_ENCRYPTION_KEY_PREVIOUS=f"older, {old},{KEY},")
    assert settings.encryption_keys == (KEY, "older", old)


def test_an_encryption_key_is_taken_as_it_stands() -> None:
    """Blanks around CHAT_ENCRYPTION_KEY belong to it."""
    assert load(PRODUCTION, CHAT_ENCRYPTION_KEY=f" {KEY} ").encryption_keys == (f" {KEY} ",)


def test_development_keeps_a_secret(tmp_path: Path) -> None:
    """Without JWT_SECRET, development makes one once, in a file for its owner alone."""
    state = tmp_path / "new" / ".chatserver"
    first = load_settings({"APP_ENV": "development"}, state_directory=state)
    second = load_settings({"APP_ENV": "development"}, state_directory=state)
    assert len(first.jwt_secret) == 32
    assert first == second
    assert [path.name for path in state.iterdir()] == ["jwt_secret"]
    assert stat.S_IMODE((state / "jwt_secret").stat().st_mode) == 0o600


def test_starting_at_once_gives_one_secret(tmp_path: Path) -> None:
    """Whoever loads the settings at the same time gets the same secret."""
    env = {"APP_ENV": "development"}
    with ThreadPoolExecutor(8) as pool:
        loading = [pool.submit(load_settings, env, state_directory=tmp_path) for _ in range(32)]
        assert len({task.result().jwt_secret for task in loading}) == 1
    assert os.listdir(tmp_path) == ["jwt_secret"]


@pytest.mark.parametrize("content", [b"", b"not base64", b"c2hvcnQ=", b"\xff"])
def test_a_broken_secret_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A kept secret that is none is refused, naming the file."""
    (tmp_path / "jwt_secret").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^JWT_SECRET is not set and '.*jwt_secret' does not"):
        load_settings({"APP_ENV": "development"}, state_directory=tmp_path)


def test_a_secret_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    """A state directory that can't be made is one line too."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^JWT_SECRET is not set and .* can't keep one"):
        load_settings({"APP_ENV": "development"}, state_directory=tmp_path / "file")


def test_wrong_settings_write_nothing(tmp_path: Path) -> None:
    """No secret is kept where the settings are refused."""
    with pytest.raises(ConfigError):
        load_settings({"APP_ENV": "development", "PORT": "x"}, state_directory=tmp_path)
    assert list(tmp_path.iterdir()) == []
