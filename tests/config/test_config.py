"""The configuration: what is read, what each environment requires, how mistakes read."""

import base64
import dataclasses

import pytest

from chatserver.config import VARIABLES, settings_table
from tests.config.samples import DATABASE, DEVELOPMENT, KEY, PRODUCTION, SECRET, load, refusal


def test_production_defaults() -> None:
    """Production needs four variables, and the others have the documented defaults, in seconds."""
    settings = load(PRODUCTION)
    assert settings == dataclasses.replace(
        settings,
        environment="production",
        host="0.0.0.0",
        port=3001,
        max_connections=10_000,
        max_connections_per_ip=10,
        max_payload_size=1_048_576,
        keep_alive_timeout=60.0,
        connection_timeout=300.0,
        command_timeout=4.5,
        drain_delay=5.0,
        ws_compression=False,
        message_rate_limit=240,
        client_message_rate_limit=240,
        command_rate_limit=6000,
        search_rate_limit=30,
        ip_rate_limit=3000,
        ip_rate_window=900.0,
        presence_max_members=100,
        presence_grace=60.0,
        presence_lease=30.0,
        single_session=False,
        trusted_proxy_hops=0,
        cors_origins=("https://app.example.com",),
        log_level="info",
        jwt_secret=bytes(range(40, 72)),
        encryption_keys=(KEY,),
        redis_url=None,
        database=dataclasses.replace(
            settings.database,
            dsn=DATABASE,
            tls="verify-full",
            min_size=2,
            max_size=10,
            idle_timeout=30.0,
            connection_timeout=2.0,
            statement_timeout=30.0,
            query_timeout=30.0,
            statement_cache_size=100,
        ),
    )
    assert not settings.is_development


def test_development_defaults() -> None:
    """Development listens to this machine alone and needs no database, key or origins."""
    settings = load(DEVELOPMENT)
    assert settings.is_development
    assert settings.host == "127.0.0.1"
    assert settings.database.dsn is None
    assert settings.database.tls == "disable"
    assert settings.cors_origins == ("*",)
    assert settings.encryption_keys == ("super-secure-aes-encryption-key-32",)
    assert settings.drain_delay == 0


def test_every_variable_may_be_blank() -> None:
    """A blank variable counts as one that is not set."""
    blank = {row.name: " " for row in VARIABLES if row.name not in DEVELOPMENT}
    assert load(DEVELOPMENT, **blank) == load(DEVELOPMENT)


def test_limits_that_follow_others() -> None:
    """What a device may send, and how many commands, follow MESSAGE_RATE_LIMIT unless they are set."""
    settings = load(DEVELOPMENT, MESSAGE_RATE_LIMIT="100")
    assert (settings.client_message_rate_limit, settings.command_rate_limit) == (100, 2500)
    settings = load(
        DEVELOPMENT,
        MESSAGE_RATE_LIMIT="100",
        CLIENT_MESSAGE_RATE_LIMIT="50",
        COMMAND_RATE_LIMIT="0",
    )
    assert (settings.client_message_rate_limit, settings.command_rate_limit) == (50, 0)


def test_only_the_given_mapping_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's own environment has no say."""
    monkeypatch.setenv("PORT", "9999")
    assert load(DEVELOPMENT).port == 3001


@pytest.mark.parametrize(
    ("changes", "environment"),
    [
        ({"NODE_ENV": "development"}, "development"),
        ({"NODE_ENV": "development", "APP_ENV": "production"}, "production"),
        ({"NODE_ENV": "nonsense", "APP_ENV": "Production"}, "production"),
        ({"NODE_ENV": "development", "APP_ENV": ""}, "development"),
    ],
)
def test_node_env_is_an_alias(changes: dict[str, str], environment: str) -> None:
    """NODE_ENV stands in for APP_ENV where that is not set."""
    assert load(PRODUCTION, **changes).environment == environment


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("JWT_SECRET", "", "is not set"),
        ("JWT_SECRET", base64.b64encode(b"x" * 31 + b"").decode(), "placeholder"),
        ("JWT_SECRET", base64.b64encode(bytes(range(31))).decode(), "too short (31 bytes"),
        ("JWT_SECRET", base64.b64encode(b"please-Change_me-in-production-!!").decode(), "placeh"),
        ("JWT_SECRET", base64.b64encode(bytes(32)).decode(), "placeholder"),
        ("JWT_SECRET", "super-secure-aes-encryption-key-32", "placeholder"),
        ("CHAT_ENCRYPTION_KEY", "", "is not set"),
        ("CHAT_ENCRYPTION_KEY", "super-secure-aes-encryption-key-32", "well-known default"),
        ("CHAT_ENCRYPTION_KEY", "only thirty-one bytes of this..", "too short (31 bytes)"),
        ("CHAT_ENCRYPTION_KEY", SECRET, "JWT_SECRET"),
        ("DATABASE_URL", "", "is not set"),
        ("CORS_ALLOWED_ORIGINS", "", "is not set"),
        ("CORS_ALLOWED_ORIGINS", " , ", "is not set"),
        ("CORS_ALLOWED_ORIGINS", "*", "is *"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.com, *", "is *"),
    ],
)
def test_production_refuses(name: str, value: str, reason: str) -> None:
    """Production refuses what is missing, well known or too short, and says which and why."""
    message = refusal(PRODUCTION, **{name: value})
    assert message.startswith(f"{name} ")
    assert reason in message
    assert ": write " in message
    assert "; " not in message
    assert value.strip(" ,*") == "" or value not in message


def test_all_mistakes_are_found_at_once() -> None:
    """One line names every wrong variable."""
    message = refusal({"PORT": "x", "DB_SSL": "x"})
    named = [part.split()[0] for part in message.split("; ")]
    assert sorted(named) == [
        "CHAT_ENCRYPTION_KEY",
        "CORS_ALLOWED_ORIGINS",
        "DATABASE_URL",
        "DB_SSL",
        "JWT_SECRET",
        "PORT",
    ]


def test_a_mistyped_environment_hides_no_other_mistake_and_invents_none() -> None:
    """Where APP_ENV is wrong, what production requires is not asked for."""
    message = refusal({"APP_ENV": "dev", "PORT": "x"})
    assert [part.split()[0] for part in message.split("; ")] == ["APP_ENV", "PORT"]


def test_origins_are_as_browsers_send_them() -> None:
    """Origins are lower case, without default ports, and each stands once."""
    value = "https://App.Example.com, https://app.example.com:443,http://[::1]:3000,app://x,"
    expected = ("https://app.example.com", "http://[::1]:3000", "app://x")
    assert load(PRODUCTION, CORS_ALLOWED_ORIGINS=value).cors_origins == expected
    assert load(DEVELOPMENT, CORS_ALLOWED_ORIGINS=f"*,{value}").cors_origins == ("*",)


def test_the_first_redis_variable_wins() -> None:
    """REDIS_URL wins over REDISCLOUD_URL, and that over REDISTOGO_URL."""
    urls = {"REDISTOGO_URL": "redis://togo", "REDISCLOUD_URL": "rediss://cloud"}
    assert load(DEVELOPMENT, **urls).redis_url == "rediss://cloud"
    assert load(DEVELOPMENT, **urls, REDIS_URL="unix:///run/r").redis_url == "unix:///run/r"
    assert load(DEVELOPMENT, REDISTOGO_URL="redis://togo").redis_url == "redis://togo"


def test_heroku_has_one_proxy() -> None:
    """TRUSTED_PROXY_HOPS is 1 where DYNO is set and nothing else is said."""
    assert load(DEVELOPMENT, DYNO="web.1").trusted_proxy_hops == 1
    assert load(DEVELOPMENT, DYNO="web.1", TRUSTED_PROXY_HOPS="0").trusted_proxy_hops == 0


def test_no_secret_is_shown() -> None:
    """The repr of the settings holds no secret and no URL."""
    text = repr(load(PRODUCTION, REDIS_URL="redis://:hunter2@cache"))
    assert "hunter2" not in text
    assert KEY not in text
    assert "jwt_secret" not in text


def test_the_table_lists_every_variable_once() -> None:
    """The Markdown table has a row of three cells for each variable."""
    lines = settings_table().splitlines()
    assert [line.split("|")[1].strip(" `") for line in lines[2:]] == [v.name for v in VARIABLES]
    assert {line.count("|") for line in lines} == {4}
