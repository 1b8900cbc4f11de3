"""The account that runs the embedded PostgreSQL where root starts it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatserver.ops.embedded import account
from chatserver.ops.embedded.account import Account
from tests.support.patience import PATIENCE


def test_servers_that_start_at_once_make_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two servers that find no account for PostgreSQL one makes it, and the other runs as that one."""
    made: list[Account] = []
    looked = threading.Barrier(2)
    have_looked = threading.local()

    def find(_: str) -> Account | None:
        found = made[-1] if made else None
        if not hasattr(have_looked, "once"):
            have_looked.once = True
            looked.wait(PATIENCE)
        return found

    def make() -> bool:
        # As useradd does, which replaces the line of another one that was as quick.
        made.append(Account(len(made) + 1, 1))
        return True

    monkeypatch.setattr(account, "_existing", find)
    monkeypatch.setattr(account, "_create_account", make)
    with ThreadPoolExecutor(2) as threads:
        found = [threads.submit(account._unprivileged_account) for _ in range(2)]
        assert [one.result(PATIENCE) for one in found] == [Account(1, 1)] * 2
