"""Variables that are set, and not read."""

import pytest

from chatserver.config import VARIABLES
from chatserver.config.misspelt import misspelt


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DB_PASSWORD", "DB_PASS"),
        ("POSTGRES_URL", "DATABASE_URL"),
        ("REDIS_URI", "REDIS_URL"),
        ("TRUSTED_PROXY_HOP", "TRUSTED_PROXY_HOPS"),
        ("CORS_ALLOWED_ORIGIN", "CORS_ALLOWED_ORIGINS"),
        ("IP_RATE_LIMT", "IP_RATE_LIMIT"),
    ],
)
def test_what_seems_to_be_meant(name: str, meant: str) -> None:
    """Another tool's name, or one letter too few, is told with ours, unless ours is set too."""
    assert misspelt({name: "x"}) == {name: meant}
    assert misspelt({name: "x", meant: "y"}) == {}


def test_what_is_none_of_ours() -> None:
    """The names of every machine, and our own, are left alone."""
    usual = "PATH HOME HOSTNAME SHELL TERM LANG PWD USER LOGNAME TZ DYNO PGUSER PGPASSWORD PYTHONPATH VIRTUAL_ENV"
    assert misspelt(dict.fromkeys(usual.split(), "x")) == {}
    assert misspelt({row.name: "x" for row in VARIABLES}) == {}
