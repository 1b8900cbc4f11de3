"""Makes bound sockets of the addresses to listen on, before anything else starts."""

import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chatserver.config import ConfigError

_MOST_PRIVILEGED = 1023


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """A host and a port (0 is any that is free), or the path of a Unix socket, and the variables that said so."""

    host: str
    port: int
    host_name: str = "HOST"
    port_name: str = "PORT"

    @property
    def path(self) -> Path | None:
        """The Unix socket's, if it is one."""
        return Path(self.host) if self.host.startswith("/") else None


def bind(address: ListenAddress, *, mode: int = 0o660, shared: bool = False) -> list[socket.socket]:
    """Bind sockets, one for each address that the host has; ``::`` is IPv6 and IPv4.

    Args:
        mode: of a Unix socket's file.
        shared: whether other processes of ours bind the same port.

    Raises:
        ConfigError: the address cannot be used; the message names the variable.
    """
    if address.path is not None:
        return [_bind_path(address, address.path, mode)]
    found: list[socket.socket] = []
    port = address.port
    try:
        for family, place in _resolve(address):
            try:
                bound = _bind(family, (place[0], port, *place[2:]), shared=shared)
            except OSError as error:
                # Such as ::1 of localhost, where there is no IPv6.
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and found:
                    continue
                raise refusal(address, error) from None
            found.append(bound)
            port = bound.getsockname()[1]
    except BaseException:
        for bound in found:
            bound.close()
        raise
    return found


def port_of(sockets: Sequence[socket.socket]) -> int:
    """Return the port that bound sockets have in common; 0 is a Unix socket's."""
    name = sockets[0].getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0


def refusal(address: ListenAddress, error: OSError) -> ConfigError:
    """Make the error for an address that cannot be listened on: the variable, the cause and the remedy."""
    host, port = address.host, address.port
    if error.errno == errno.EADDRINUSE:
        taken = f"{address.host_name} {host}" if address.path else f"{address.port_name} {port}"
        return ConfigError(
            f"{taken} is taken: another process listens there; stop it, or choose another"
        )
    if address.path is not None:
        return ConfigError(
            f"{address.host_name} {host} cannot be made a Unix socket: "
            f"{os.strerror(error.errno or errno.ENAMETOOLONG)}; "
            "write a path in a directory that this process may write to"
        )
    if error.errno in (errno.EACCES, errno.EPERM) and port <= _MOST_PRIVILEGED:
        return ConfigError(
            f"{address.port_name} {port} is privileged: choose one from {_MOST_PRIVILEGED + 1} on, with a proxy "
            "or a redirection before it, or give this process CAP_NET_BIND_SERVICE"
        )
    return ConfigError(
        f"{address.host_name} {host} cannot be listened on: {os.strerror(error.errno or 0)}; write an address "
        "of this machine, 0.0.0.0 or :: for all of them, or the path of a Unix socket"
    )


def _resolve(address: ListenAddress) -> Iterator[tuple[int, tuple[object, ...]]]:
    try:
        infos = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, ValueError):  # ValueError: what is no host name at all
        raise ConfigError(
            f"{address.host_name} {address.host!r} is no address of this machine: write one, 0.0.0.0 or :: for "
            "all of them, or the path of a Unix socket"
        ) from None
    yield from dict.fromkeys((family, place) for family, _, _, _, place in infos)


def _bind(family: int, place: tuple[object, ...], *, shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # All addresses means IPv4 ones too, whatever the system's default is.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(place[0] != "::"))
        bound.bind(place)
    except BaseException:
        bound.close()
        raise
    return bound


def _bind_path(address: ListenAddress, path: Path, mode: int) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        # Nobody else gets in between the two.
        before = os.umask(0o777)
        try:
            bound.bind(str(path))
        finally:
            os.umask(before)
        path.chmod(mode)
        # From now on another process sees that somebody is here.
        bound.listen(socket.SOMAXCONN)
    except OSError as error:
        bound.close()
        raise refusal(address, error) from None
    except BaseException:
        bound.close()
        raise
    return bound


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that has ended.

    Raises:
        OSError: somebody listens there, or it is no socket.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except (TimeoutError, BlockingIOError):
            pass  # it is there, and busy
    raise OSError(errno.EADDRINUSE, "")


@contextmanager
def removed_after(sockets: Sequence[socket.socket]) -> Iterator[None]:
    """Close sockets at the end, and remove their files, unless those belong to another process by then."""
    files = [(Path(name), _identity(Path(name))) for s in sockets if (name := _path_of(s))]
    try:
        yield
    finally:
        for bound in sockets:
            bound.close()
        for path, identity in files:
            if identity is not None and _identity(path) == identity:
                with suppress(OSError):
                    path.unlink()


def _path_of(bound: socket.socket) -> str:
    return str(bound.getsockname()) if bound.family == socket.AF_UNIX else ""


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
