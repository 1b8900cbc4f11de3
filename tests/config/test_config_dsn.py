"""A PostgreSQL URL is read as libpq reads it."""

from pathlib import Path

import pytest

from chatserver.config.dsn import Address, UnusableError, parse_dsn
from chatserver.config.keepalive import KeepAlive
from chatserver.config.libpq import FOREIGN, HONOURED, IGNORED, SESSION

DB = "postgresql://me:pw@db/chat"


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://db", ([("db", 5432)], None, None, None)),
        ("POSTGRES://me@db:6000/chat", ([("db", 6000)], "me", None, "chat")),
        ("postgresql://m%40e:p%2Fw%25+@db/a%20b", ([("db", 5432)], "m@e", "p/w%+", "a b")),
        ("postgresql://me:p:w@db/chat", ([("db", 5432)], "me", "p:w", "chat")),
        ("postgresql://[::1]:6000,[fe80::1%25eth0]/d", ([("::1", 6000), ("fe80::1%eth0", 5432)], None, None, "d")),
        ("postgresql://a:1,b:2,c/d", ([("a", 1), ("b", 2), ("c", 5432)], None, None, "d")),
        ("postgresql:///d?host=a,b&port=1,2", ([("a", 1), ("b", 2)], None, None, "d")),
        ("postgresql:///d?host=a,b&port=7", ([("a", 7), ("b", 7)], None, None, "d")),
        ("postgresql://%2Frun%2Fpg:6000/d", ([("/run/pg", 6000)], None, None, "d")),
        ("postgresql:///d?host=/run/pg&user=me&password=p%26w", ([("/run/pg", 5432)], "me", "p&w", "d")),
        ("postgresql://db?dbname=d", ([("db", 5432)], None, None, "d")),
        ("postgresql://?hostaddr=127.0.0.1&dbname=d", ([("127.0.0.1", 5432)], None, None, "d")),
        ("postgresql://me@db/d?user=you", ([("db", 5432)], "you", None, "d")),
        ("postgresql://db:6000/d?host=other&port=1", ([("other", 1)], None, None, "d")),
    ],
)  # fmt: skip
def test_who_and_where(dsn: str, expected: tuple[object, ...]) -> None:
    """Hosts, ports, sockets, users and names, in the URL's own places or behind the ?, percent-encoded."""
    address = parse_dsn(dsn)
    found = ([*address.places], address.user, address.password, address.database)
    assert found == expected


def test_every_parameter_of_libpq_is_followed_or_told() -> None:
    """No parameter of libpq goes to the server; what cannot be followed is told, unless it asks for nothing."""
    given = {
        "connect_timeout": "3",
        "sslmode": "require",
        "target_session_attrs": "primary",
        "krbsrvname": "pg",
        "gsslib": "gssapi",
        "passfile": "/p",
        "ssl_min_protocol_version": "TLSv1.2",
        "ssl_max_protocol_version": "TLSv1.3",
        "sslnegotiation": "direct",
        "gssencmode": "disable",
        "replication": "off",
        "requiressl": "1",
        "ssl": "true",
        "client_encoding": "utf-8",
        "port": "5432",
        "keepalives": "1",
        "keepalives_idle": "5",
        "keepalives_interval": "5",
        "keepalives_count": "5",
        "tcp_user_timeout": "5",
    }
    for name in HONOURED - {
        "service",
        "servicefile",
        "application_name",
        "fallback_application_name",
        "options",
    }:
        address = parse_dsn(f"postgresql://db/d?{name}={given.get(name, 'x')}")
        assert (address.session, address.notes) == ({}, ()), name
    for name, (_, silent) in IGNORED.items():
        address = parse_dsn(f"{DB}?{name}=something")
        assert address.session == {}
        assert [note.partition(" ")[0] for note in address.notes] == [name]
        for value in silent:
            assert parse_dsn(f"{DB}?{name}={value}").notes == ()


def test_when_a_silent_server_counts_as_gone() -> None:
    """What the URL says of keep-alives and of what is not acknowledged is followed; 0 leaves it to the system."""
    assert parse_dsn(DB).keepalive == KeepAlive()
    url = f"{DB}?keepalives_idle=7&keepalives_interval=6&keepalives_count=0&tcp_user_timeout=900"
    assert parse_dsn(url).keepalive == KeepAlive(idle=7, interval=6, count=0, unacknowledged=900)
    assert parse_dsn(f"{DB}?keepalives=0").keepalive == KeepAlive(idle=None)


def test_settings_of_the_server() -> None:
    """PostgreSQL's settings, extensions' and `options` are asked of the server, by names in lower case."""
    url = f"{DB}?Search_Path=a,b&my.own=1&options=-c%20x%3D1&fallback_application_name=f"
    session = {"search_path": "a,b", "my.own": "1", "options": "-c x=1", "application_name": "f"}
    assert parse_dsn(url).session == session
    assert parse_dsn(f"{url}&application_name=a").session["application_name"] == "a"
    assert not SESSION & {*HONOURED, *IGNORED, *FOREIGN}


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_parameters_of_other_tools(name: str) -> None:
    """What another tool would read is refused by name, in any case, with what to write instead."""
    for spelt in (name, name.upper()):
        with pytest.raises(UnusableError, match=f"has the parameter {name}, .*: (write|leave)"):
            parse_dsn(f"{DB}?{spelt}=1")


@pytest.mark.parametrize("mode", ["allow", "prefer"])
def test_what_may_fall_back_to_plain_text(mode: str) -> None:
    """sslmode=prefer and allow are followed, with a word."""
    assert "may fall back to plain text" in parse_dsn(f"{DB}?sslmode={mode}").notes[0]


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A service file."""
    file = tmp_path / "services.conf"
    chat = "host=db\nport=6000\nuser=me\npassword=hunter2=\nsslmode=require\n"
    file.write_text(f"# ours\n[chat]\n{chat}[bad]\nfoo=1\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    return file


def test_services(services: Path) -> None:
    """A service's parameters stand in for those that the URL does not have."""

    def of(address: Address) -> tuple[object, ...]:
        return [*address.places], address.user, address.password, address.sslmode

    expected = ([("db", 6000)], "me", "hunter2=", "require")
    assert of(parse_dsn("postgresql:///d?service=chat")) == expected
    assert of(parse_dsn("postgresql://you@other:1/d?service=chat&sslmode=disable")) == (
        [("other", 1)], "you", "hunter2=", "disable",
    )  # fmt: skip
    for wrong in ("nobody", "bad"):
        with pytest.raises(UnusableError) as caught:
            parse_dsn(f"postgresql:///d?service={wrong}")
        assert "hunter2" not in str(caught.value)
    services.write_text("hunter2")
    with pytest.raises(UnusableError, match="can't be read") as caught:
        parse_dsn("postgresql:///d?service=chat")
    assert "hunter2" not in str(caught.value)
