"""TLS_KEY, TLS_CERT and TLS_CA: the server speaks https and wss by itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import socketio

from tests.conftest import User
from tests.support.certificates import Certificates, issue, lock_key
from tests.support.cli import production, run
from tests.support.patience import PATIENCE
from tests.support.redis_server import free_port
from tests.support.servers import environment, process_server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A key, its certificate, and what lies between that and the root."""
    return issue(tmp_path_factory.mktemp("tls"))


def _files(certificates: Certificates, **files: Path) -> dict[str, str]:
    given = {"TLS_KEY": certificates.key, "TLS_CERT": certificates.chain, **files}
    return {name: str(path) for name, path in given.items()}


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_https_and_wss(
    transport: str, dsn: str, certificates: Certificates, alice: User
) -> None:
    """A stock client that checks certificates chats by wss, and by https; REST is there too; plain text is not."""
    connector = aiohttp.TCPConnector(ssl=certificates.trusting)
    async with (
        process_server(dsn, **_files(certificates)) as server,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        assert server.url.startswith("https://")
        async with session.get(f"{server.url}/api/conversations", headers=alice.auth) as response:
            assert response.status == 200
        client = socketio.AsyncClient(http_session=session, reconnection=False)
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        client.on("session:ready", lambda said, *_: ready.set_result(said["user"]["userId"]))
        await client.connect(server.url, auth={"token": alice.token}, transports=[transport])
        assert await asyncio.wait_for(ready, PATIENCE) == alice.id
        assert (await client.call("system:ping", {}, timeout=PATIENCE))["success"]
        await client.disconnect()
        plain = server.url.replace("https://", "http://")
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{plain}/live")


async def test_a_chain_that_is_completed(dsn: str, certificates: Certificates) -> None:
    """A certificate whose chain is not in TLS_CERT is shown with TLS_CA's; clients are asked for none."""
    leaf = {"TLS_CERT": certificates.leaf}

    async def status(**files: Path) -> int:
        connector = aiohttp.TCPConnector(ssl=certificates.trusting)
        async with (
            process_server(dsn, **_files(certificates, **files)) as server,
            aiohttp.ClientSession(connector=connector) as session,
            session.get(f"{server.url}/live") as response,
        ):
            return response.status

    assert await status(**leaf, TLS_CA=certificates.intermediate) == 200
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await status(**leaf)


async def test_files_that_are_wrong(certificates: Certificates, tmp_path: Path) -> None:
    """What is wrong with the files is one readable line that names the variable, exit code 2, before all else."""
    nothing, garbage, locked = (
        tmp_path / name for name in ("nothing.pem", "garbage.pem", "locked")
    )
    garbage.write_text("This is no PEM.")
    other = issue(tmp_path)
    lock_key(other.key, locked)
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    cases = (
        ({"TLS_KEY": str(certificates.key)}, "TLS_CERT is not set"),
        ({"TLS_CERT": str(certificates.chain)}, "TLS_KEY is not set"),
        ({"TLS_CA": str(certificates.chain)}, "TLS_KEY is not set"),
        (_files(certificates, TLS_KEY=nothing), "TLS_KEY names"),
        (_files(certificates, TLS_CERT=nothing), "TLS_CERT names"),
        (_files(certificates, TLS_CA=nothing), "TLS_CA names"),
        (_files(certificates, TLS_CA=garbage), "TLS_CA names"),
        (_files(certificates, TLS_KEY=garbage), "TLS_KEY and TLS_CERT can't be used"),
        (_files(certificates, TLS_CERT=garbage), "TLS_KEY and TLS_CERT can't be used"),
        (_files(certificates, TLS_KEY=tmp_path), "TLS_KEY names"),
        (_files(certificates, TLS_KEY=other.key), "TLS_KEY is not the key of TLS_CERT"),
        (_files(other, TLS_KEY=locked), "TLS_KEY and TLS_CERT can't be used"),
    )
    ends = await asyncio.gather(
        *(run("serve", env=environment(away, **files)) for files, _ in cases)
    )
    for ended, (_, said) in zip(ends, cases, strict=True):
        assert (ended.code, ended.out) == (2, ""), said
        assert said in ended.problem


async def test_a_certificate_that_has_ended(tmp_path: Path) -> None:
    """A server whose certificate has ended says so as it starts, for its clients cannot."""
    ended = issue(tmp_path, not_after=datetime.now(UTC) - timedelta(days=1))
    away = "postgresql://somebody@127.0.0.1:1/none"
    said = await run("serve", env=production(away, PORT="0", LOG_LEVEL="info", **_files(ended)))
    assert "TLS_CERT does not hold now" in said.err
    assert said.code == 1
