"""Images are made anew: pixels alone are passed on."""

import asyncio
import base64
import io
import struct
import sys
import zlib
from pathlib import Path

import pytest

from chatserver.files import images
from tests.conftest import Connect, User
from tests.support.files import fetch, sent, uploaded
from tests.support.images import SECRET, exif, moving, noisy_gif, opened, picture, saved, talkative
from tests.support.patience import PATIENCE
from tests.support.servers import Server
from tests.support.talks import opened as conversation_with


@pytest.mark.parametrize(
    ("form", "served_as"),
    [
        ("JPEG", "image/jpeg"),
        ("MPO", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/jpeg"),
    ],
)
async def test_pixels_alone_are_passed_on(
    server: Server, connect: Connect, alice: User, bob: User, form: str, served_as: str
) -> None:
    """What an image says beside its pixels is in nothing that is served of it, and it looks as it did."""
    device = await connect(alice)
    talk = await conversation_with(device, bob)
    data = talkative(form)
    assert SECRET.encode() in data
    file = await uploaded(server.url, device, talk, data, "a.x", "application/x-thing")
    assert (file["state"], file["type"]) == ("ready", served_as)
    assert (file["width"], file["height"]) == (800, 600)
    message = await sent(device, talk, file["id"])
    assert message["message_type"] == "image"
    served = await fetch("GET", server.url, file["url"], bob)
    thumb = await fetch("GET", server.url, file["thumb_url"], bob)
    assert served.headers["Content-Type"] == served_as
    assert len(served.body) == file["size"]
    for one in (served.body, thumb.body):
        assert SECRET.encode() not in one
        assert not opened(one).getexif()
        assert not opened(one).info.keys() & {"comment", "exif", "icc_profile", "Comment"}
    assert opened(served.body).size == (800, 600)
    assert thumb.headers["Content-Type"] == "image/webp"
    assert max(opened(thumb.body).size) == 640
    before, after = (opened(one).convert("L").resize((8, 8)) for one in (data, served.body))
    assert all(abs(a - b) < 8 for a, b in zip(before.tobytes(), after.tobytes(), strict=True))
    assert len(file["preview"]) <= 1024
    preview = opened(base64.b64decode(file["preview"].removeprefix("data:image/webp;base64,")))
    assert max(preview.size) == 32


async def test_an_image_stands_upright(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """An image that a note turns is turned in its pixels, since the note is gone."""
    device = await connect(alice)
    talk = await conversation_with(device, bob)
    data = saved(picture((300, 100)), "JPEG", exif=exif(orientation=6))
    file = await uploaded(server.url, device, talk, data)
    assert (file["width"], file["height"]) == (100, 300)


@pytest.mark.parametrize("form", ["GIF", "WEBP"])
async def test_what_moves_still_moves(
    server: Server, connect: Connect, alice: User, bob: User, form: str
) -> None:
    """An image that moves has its frames and their times."""
    device = await connect(alice)
    talk = await conversation_with(device, bob)
    file = await uploaded(server.url, device, talk, moving(form))
    served = opened((await fetch("GET", server.url, file["url"], alice)).body)
    assert getattr(served, "n_frames", 1) == 3
    served.load()
    assert served.info["duration"] == 90


def _bomb() -> bytes:
    """A PNG of 900 megapixels in a hundred kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(3751)) for _ in range(30_000)) + packer.flush()
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


_JPEG = saved(picture(), "JPEG")
BROKEN = {
    "a bomb": _bomb(),
    "cut off": _JPEG[: len(_JPEG) // 2],
    "a head alone": b"\x89PNG\r\n\x1a\n",
    "no image": b"GIF89a<script>alert(1)</script>",
    "noise": b"\xff\xd8\xff" + bytes(range(256)) * 40,
    "many frames": moving("GIF", 502),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_cannot_be_made_anew_is_refused(
    server: Server, connect: Connect, alice: User, bob: User, kind: str
) -> None:
    """A broken image and a bomb are refused; the server goes on, and nobody is served or sent them."""
    device = await connect(alice)
    talk = await conversation_with(device, bob)
    file = await uploaded(server.url, device, talk, BROKEN[kind])
    assert file["state"] == "refused"
    assert (await fetch("GET", server.url, file["url"], alice)).status == 404
    ack = await device.ask("chat:message_send", {"conversationId": talk, "fileIds": [file["id"]]})
    assert ack["error"]["code"] == "CONFLICT"


async def test_a_small_image_becomes_no_large_one(
    server: Server, connect: Connect, alice: User, bob: User
) -> None:
    """Of a GIF whose frames say what differs, the new one says no more; one that would be many times as large is
    refused."""
    device = await connect(alice)
    talk = await conversation_with(device, bob)
    data = noisy_gif(120, is_see_through=False)
    file = await uploaded(server.url, device, talk, data)
    assert (file["state"], file["size"] < 2 * len(data)) == ("ready", True)
    data = noisy_gif(120, is_see_through=True)
    assert len(data) < 200_000
    assert (await uploaded(server.url, device, talk, data))["state"] == "refused"


async def test_a_worker_has_bounds() -> None:
    """A worker that wants more memory than it may have ends without an answer."""
    worker = Path(images.__file__).with_name("image_worker.py")
    script = f"import runpy; runpy.run_path({str(worker)!r})['_limit'](); bytearray(2 * 1024**3)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode
    assert b"MemoryError" in said


def test_the_bomb_is_one() -> None:
    """The bomb of these tests is small, and opens as far as its size."""
    assert len(BROKEN["a bomb"]) < 200_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("PIL.Image.MAX_IMAGE_PIXELS", None)
        assert opened(io.BytesIO(BROKEN["a bomb"]).getvalue()).size == (30_000, 30_000)
