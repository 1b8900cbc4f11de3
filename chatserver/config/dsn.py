"""Reads a PostgreSQL URL as libpq does: where to connect, as whom, and by which rules.

The source is PostgreSQL's documentation, "Connection URIs" and "Parameter Key Words". asyncpg's own complaints
about a URL quote it, password included, and what it does not know goes to the server; so it is given none.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chatserver.config.keepalive import KeepAlive
from chatserver.config.libpq import FOREIGN, HONOURED, IGNORED, PROMISED, SESSION

URL_ADVICE = (
    "write postgresql://user:password@host:5432/name, "
    "with any of @ : / ? # % in the password percent-encoded"
)
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full", "no-verify")
_PORT = 5432
# What may be shown of a URL: a name that looks like a parameter's.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}(\.[A-Za-z0-9_]{1,40})?")
# One host[:port] of a URL: [IPv6], or anything without a colon.
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%25[^\[\]@:]+)?\]|[^:\[\]@]+)(?::([0-9]{1,5}))?")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
# The server writes, so of libpq's words those that may lead to a standby alone are no use.
_WRITABLE = ("any", "read-write", "primary")


class UnusableError(Exception):
    """A URL is wrong; the message continues a sentence that begins with the variable's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What a URL says. `places` are hosts (or directories of Unix sockets) with their ports, in order.

    `tls` has libpq's ssl… parameters but for `sslmode`; `session` what is asked of the server for each session, by
    names in lower case. `notes` says, for people, what is not as the parameters might be understood.
    """

    places: tuple[tuple[str, int], ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    passfile: str | None
    sslmode: str | None
    tls: Mapping[str, str] = field(repr=False)
    direct_tls: bool
    connect_timeout: int | None
    target_session_attrs: str
    keepalive: KeepAlive
    krbsrvname: str | None
    gsslib: str | None
    session: Mapping[str, str]
    notes: tuple[str, ...]


def parse_dsn(dsn: str) -> Address:
    """Read `dsn`, and the service file where it names one.

    Raises:
        UnusableError
    """
    try:
        parts = urlsplit(dsn)
    except ValueError:
        raise UnusableError(f"can't be read: {URL_ADVICE}") from None
    if not dsn.isprintable():
        raise UnusableError(f"has a line break or a control character: {URL_ADVICE}")
    if dsn[:1] in "'\"":
        raise UnusableError(f"stands in quotation marks: leave them out, and {URL_ADVICE}")
    if parts.scheme not in ("postgresql", "postgres"):
        raise UnusableError(f"must begin with postgresql://: {URL_ADVICE}")
    account, _, places = parts.netloc.rpartition("@")
    if "@" in account or parts.fragment or "@" in parts.query:
        raise UnusableError(f"can't be read: {URL_ADVICE}")
    given = _parameters(parts.query)
    service = given.pop("service", None)
    servicefile = given.pop("servicefile", None)
    user, _, password = account.partition(":")
    # As libpq has it, what stands behind the ? wins.
    for key, text in (("user", user), ("password", password), ("dbname", parts.path[1:])):
        if text:
            given.setdefault(key, _decoded(text))
    if service:
        for key, value in _service(service, servicefile).items():
            if not (places and key in ("host", "hostaddr", "port")):
                given.setdefault(key, value)
    return _address(tuple(_places(places, given)), given)


def _decoded(text: str) -> str:
    """Decode percent-encoding as libpq does: a plus sign stays one, and what is no UTF-8 is refused."""
    if _PERCENT.search(text):
        raise UnusableError(f"has a % that begins no percent-encoded byte: {URL_ADVICE}")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UnusableError("has percent-encoded bytes that are no UTF-8: encode it anew") from None


def _parameters(query: str) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, separator, value = pair.partition("=")
        if not separator or not _NAME.fullmatch(name := _decoded(name)):
            raise UnusableError(
                f"can't be read behind its ?: write name=value&name=value; {URL_ADVICE}"
            )
        given[name if name in HONOURED else name.lower()] = _decoded(value)
    # As libpq has it, for JDBC's sake.
    if given.get("ssl") == "true":
        del given["ssl"]
        given.setdefault("sslmode", "require")
    for name in given:
        _check_known(name)
    return given


def _check_known(name: str) -> None:
    if name == "ssl":
        raise UnusableError("has the parameter ssl, which is not libpq's: write sslmode instead")
    if name in FOREIGN:
        raise UnusableError(f"has the parameter {name}, which is another tool's: {FOREIGN[name]}")
    if not (name in HONOURED or name in IGNORED or name in SESSION or "." in name):
        raise UnusableError(
            f"has the parameter {name}, which neither libpq nor PostgreSQL knows: leave it out"
        )


def _service(name: str, given: str | None) -> dict[str, str]:
    """Return the parameters of a service, from its file (libpq: "The Connection Service File")."""
    system = Path(os.environ.get("PGSYSCONFDIR", "/etc/postgresql-common")) / "pg_service.conf"
    own = given or os.environ.get("PGSERVICEFILE")
    for path in (Path(own) if own else Path("~/.pg_service.conf").expanduser(), system):
        file = configparser.RawConfigParser(
            delimiters=("=",), comment_prefixes=("#",), strict=False, default_section=""
        )
        file.optionxform = str  # type: ignore[assignment,method-assign]  # names as they stand
        try:
            file.read_string(path.read_text("utf-8"))
        except OSError:
            continue
        except (UnicodeDecodeError, configparser.Error):
            raise UnusableError(
                f"names a service, whose file {str(path)!r} can't be read: mend that file"
            ) from None
        if file.has_section(name):
            found = dict(file.items(name))
            for parameter in found:
                _check_known(parameter)
            return found
    raise UnusableError(
        "names a service that no service file has: name the file in PGSERVICEFILE, or correct the name"
    )


def _places(netloc: str, given: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Yield the hosts and ports: the parameters', else those before the database's name."""
    hosts, ports = given.pop("host", ""), given.pop("port", "")
    address = given.pop("hostaddr", "")
    listed = [_number(port, "port", most=65_535) for port in ports.split(",")] if ports else []
    if netloc and not hosts:
        matches = [_PLACE.fullmatch(place) for place in netloc.split(",")]
        found = [(_decoded(match[1]).strip("[]"), match[2]) for match in matches if match]
        if len(found) < len(matches) or not all(host for host, _ in found):
            raise UnusableError(f"can't be read: {URL_ADVICE}")
    else:
        found = [(host, None) for host in (hosts or address).split(",")]
        if not all(host for host, _ in found):
            raise UnusableError(
                f"names no host: {URL_ADVICE}, or postgresql:///name?host=/directory/of/the/socket"
            )
    if len(listed) not in (0, 1, len(found)):
        raise UnusableError("has not as many ports as hosts: write one for each, or one for all")
    for number, (host, port) in enumerate(found):
        if any(not sign.isprintable() or sign.isspace() for sign in host):
            raise UnusableError(f"has a blank in a host's name: {URL_ADVICE}")
        own = _PORT if port is None else _number(port, "port", most=65_535)
        yield host, listed[number % len(listed)] if listed else own


def _number(text: str, name: str, *, most: int, least: int = 1) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise UnusableError(f"has a {name} that is none: write a number from {least} to {most}")
    return int(text)


def _word(given: dict[str, str], name: str, words: tuple[str, ...], default: str) -> str:
    value = given.pop(name, "") or default
    if value not in words:
        raise UnusableError(f"has an unknown {name}: write one of {', '.join(words)}")
    return value


def _address(places: tuple[tuple[str, int], ...], given: dict[str, str]) -> Address:
    """Read everything but the places; what is left in `given` then is for the server."""
    notes = []
    for name in [name for name in given if name in IGNORED]:
        truth, silent = IGNORED[name]
        if given.pop(name) not in ("", *silent):
            notes.append(f"{name} is not followed: {truth}")
    if given.pop("client_encoding", "").lower().replace("-", "") not in (
        "",
        "utf8",
        "auto",
        "unicode",
    ):
        notes.append("client_encoding is not followed: the text is UTF-8")
    if given.pop("timezone", "UTC").upper() != "UTC":
        notes.append("timezone is not followed: sessions are in UTC")
    if given.pop("gssencmode", "") == "require":
        raise UnusableError(
            "has gssencmode=require, and GSSAPI's encryption is not spoken: write gssencmode=disable and "
            "sslmode=verify-full"
        )
    if given.pop("replication", "") not in ("", "off", "false", "no", "0"):
        raise UnusableError("has replication, for connections that replicate: leave it out")
    if given.pop("requiressl", "") == "1":
        given.setdefault("sslmode", "require")
    sslmode = given.pop("sslmode", "") or None
    if sslmode not in (None, *SSLMODES):
        raise UnusableError(f"has an unknown sslmode: write one of {', '.join(SSLMODES)}")
    if sslmode in ("allow", "prefer"):
        notes.append(f"sslmode={sslmode} may fall back to plain text: sslmode=verify-full does not")
    timeout = given.pop("connect_timeout", "")
    attributes = _word(
        given,
        "target_session_attrs",
        (*_WRITABLE, "read-only", "standby", "prefer-standby"),
        "any",
    )
    if attributes not in _WRITABLE:
        raise UnusableError(
            f"has target_session_attrs={attributes}, and a standby takes no messages: write read-write"
        )
    direct = _word(given, "sslnegotiation", ("postgres", "direct"), "postgres") == "direct"
    if direct and sslmode in ("disable", "allow", "prefer"):
        raise UnusableError(
            "has sslnegotiation=direct: write sslmode=require, or a stricter one, too"
        )
    for key in ("ssl_min_protocol_version", "ssl_max_protocol_version"):
        if given.get(key):
            given[key] = _word(given, key, ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"), "")
    tls = {key: given.pop(key) for key in [*given] if key.startswith("ssl") and given[key]}
    if tls.get("sslrootcert") == "system" and sslmode not in (None, "verify-full"):
        raise UnusableError("has sslrootcert=system: write sslmode=verify-full, too")
    gsslib = given.pop("gsslib", "") or None
    if gsslib not in (None, "gssapi", "sspi"):
        raise UnusableError("has an unknown gsslib: write gssapi")
    name = given.pop("fallback_application_name", "")
    name = given.pop("application_name", "") or name
    database = given.pop("database", "")
    return Address(
        places=places,
        user=given.pop("user", "") or None,
        password=given.pop("password", "") or None,
        database=given.pop("dbname", "") or database or None,
        passfile=given.pop("passfile", "") or None,
        sslmode=sslmode,
        tls=tls,
        direct_tls=direct,
        connect_timeout=(
            _number(timeout, "connect_timeout", least=-1, most=86_400) if timeout else None
        ),
        target_session_attrs=attributes,
        keepalive=_keepalive(given),
        krbsrvname=given.pop("krbsrvname", "") or None,
        gsslib=gsslib,
        session=_session(given) | ({"application_name": name} if name else {}),
        notes=tuple(notes),
    )


def _keepalive(given: dict[str, str]) -> KeepAlive:
    ours = KeepAlive()

    def number(name: str, otherwise: int) -> int:
        text = given.pop(name, "")
        return _number(text, name, most=86_400_000, least=0) if text else otherwise

    is_asked = number("keepalives", 1)
    idle = number("keepalives_idle", ours.idle or 0)
    return KeepAlive(
        idle=idle if is_asked else None,
        interval=number("keepalives_interval", ours.interval),
        count=number("keepalives_count", ours.count),
        unacknowledged=number("tcp_user_timeout", ours.unacknowledged),
    )


def _session(given: dict[str, str]) -> dict[str, str]:
    """Return what is left: the server judges it, but for what our promises depend on."""
    session = {}
    for name, value in given.items():
        kept, reason = PROMISED.get(name, ((), ""))
        if kept and value.strip().lower() not in kept:
            raise UnusableError(f"has another {name} than {kept[0]}: {reason}, so leave it out")
        if name == "options" or name in SESSION or "." in name:
            session[name] = value
    return session
