"""Whatever octets come: an answer or a close for each, no crash, and no more kept than the bounds say."""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from urllib.parse import unquote

import pytest
from aiohttp import WSMsgType
from hypothesis import given
from hypothesis import strategies as st

from chatserver.doors.protocols import sockjs_frames
from chatserver.doors.protocols.stomp import (
    MAX_HEAD,
    BadStompFrame,
    FrameReader,
    StompFrame,
    Version,
    encode,
)
from chatserver.doors.protocols.stomp_beats import Beats
from chatserver.doors.protocols.stomp_session import StompSession
from tests.doors.protocols.conftest import Http, a_session
from tests.doors.protocols.sockjs_services import Services
from tests.doors.protocols.test_stomp_session import Hall
from tests.support.fuzzing import BROKEN_JSON, JSON, drawn, mutated
from tests.support.inside import until
from tests.support.patience import PATIENCE
from tests.support.wire import Wire, frame, handshake

_MAX_BODY = 50
_VERSIONS: st.SearchStrategy[Version] = st.sampled_from(("1.0", "1.1", "1.2"))
_TEXT = st.text(max_size=6)
_COMMANDS = (
    *("CONNECT", "STOMP", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN"),
    *("COMMIT", "ABORT", "DISCONNECT", "MESSAGE", ""),
)
_NAMES = (
    *("id", "destination", "receipt", "ack", "accept-version", "heart-beat", "content-length"),
    *("transaction", "token"),
)
_SAID = ("1", "/a", "/no", "auto", "1.2,1.1", "10000,10000", "3", "wrong")
_HEADERS = st.lists(
    st.tuples(st.sampled_from(_NAMES) | _TEXT, st.sampled_from(_SAID) | _TEXT), max_size=4
)
_FRAMES = st.builds(
    lambda command, headers, body, version: encode(command, headers, body, version=version),
    st.sampled_from(_COMMANDS),
    _HEADERS,
    st.binary(max_size=_MAX_BODY + 5),
    _VERSIONS,
)
_STREAMS = st.lists(_FRAMES | st.just(b"\n"), max_size=5).map(b"".join)
_OCTETS = mutated(_STREAMS) | st.binary(max_size=60)
_CUTS = st.lists(st.integers(0, 200), max_size=6).map(sorted)


def _pieces(data: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        yield data[start:end]


def _frames(
    pieces: Iterator[bytes], version: Version | None
) -> tuple[list[StompFrame], str | None]:
    """What is read, and why no more is."""
    reader = FrameReader(max_body=_MAX_BODY)
    reader.version = version
    found: list[StompFrame] = []
    for piece in pieces:
        reader.feed(piece)
        try:
            found += iter(reader.read, None)
        except BadStompFrame as error:
            return found, error.reason
        assert len(reader._buffer) <= MAX_HEAD + 2
    return found, None


@given(_OCTETS, _CUTS, st.none() | _VERSIONS)
def test_any_octets(data: bytes, cuts: list[int], version: Version | None) -> None:
    """Octets are frames, or refused by a reason, and in whatever pieces they come they are the same."""
    found, why = _frames(_pieces(data, [cut for cut in cuts if cut <= len(data)]), version)
    whole, whole_why = _frames(iter((data,)), version)
    assert whole == found
    # A frame that is wrong in two ways is refused by what is seen first.
    assert (why is None) == (whole_why is None)


@given(_HEADERS, st.binary(max_size=_MAX_BODY), st.sampled_from(("1.1", "1.2")))
def test_what_is_written_is_read(
    headers: list[tuple[str, str]], body: bytes, version: Version
) -> None:
    """Any headers and any body come back, but for what the version cannot write."""
    named = [(name, value) for name, value in headers if name and name != "content-length"]
    found, why = _frames(iter((encode("MESSAGE", named, body, version=version),)), version)
    assert why is None
    lost = str.maketrans({"\0": " "} | ({"\r": " "} if version == "1.1" else {}))
    expected: dict[str, str] = {}
    for name, value in named:
        expected.setdefault(name.translate(lost), value.translate(lost))
    if body:
        expected["content-length"] = str(len(body))
    assert found == [StompFrame("MESSAGE", expected, body)]


@given(st.lists(_OCTETS, max_size=4), st.booleans())
def test_any_conversation(said: list[bytes], is_connected: bool) -> None:
    """A session takes whatever it is sent; where it closes, it says why or was asked to."""

    async def play() -> Hall:
        hall = Hall()
        session = StompSession(hall, max_body=_MAX_BODY, beats=Beats(10_000, 30_000))
        if is_connected:
            await session.receive(
                encode("CONNECT", [("accept-version", "1.2")], version="1.2") + b"\n"
            )
        for octets in said:
            await session.receive(octets)
        assert session.over == hall.closed
        return hall

    hall = asyncio.run(play())
    written = FrameReader(max_body=10**6)
    written.version = "1.0"
    written.feed(hall.written)
    frames = list(iter(written.read, None))
    assert {answer.command for answer in frames} <= {"CONNECTED", "RECEIPT", "ERROR"}
    assert [answer.command for answer in frames].count("ERROR") <= hall.closed


@given(st.text())
def test_any_message_is_quoted(text: str) -> None:
    """A message survives its quotes, an event's escapes, and being put together of two."""
    quoted = sockjs_frames.quoted(text)
    assert json.loads(quoted) == text
    assert list(sockjs_frames.parse(sockjs_frames.messages((quoted, quoted))[1:])) == [text, text]
    assert sockjs_frames.quoted(text + text) == quoted[:-1] + quoted[1:]
    event = sockjs_frames.eventsource(quoted)
    assert event.count(b"\n") == event.count(b"\r") == 2
    assert unquote(event.decode().strip().removeprefix("data: ")) == quoted.decode()


@given(BROKEN_JSON | JSON | st.binary(max_size=20), st.booleans())
def test_any_body(body: bytes, may_be_one: bool) -> None:
    """A body is messages that can be written again, or refused by the protocol's own words."""
    with suppress(sockjs_frames.BadMessages):
        for message in sockjs_frames.parse(body, may_be_one=may_be_one):
            assert message.encode().decode() == message


_BODIES = mutated(st.lists(st.text(max_size=5), max_size=3).map(lambda m: json.dumps(m).encode()))


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever clients send is no error of ours."""
    yield
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.usefixtures("quiet")
async def test_bodies_over_http(http: Http) -> None:
    """Each body is taken or refused, and the session goes on."""
    path = a_session()
    assert await http.poll(path) == "o\n"
    for body in drawn(_BODIES | BROKEN_JSON, 60):
        answer = await http.post(f"{path}/xhr_send", body)
        assert (answer.status, answer.text) in (
            (204, ""),
            (500, "Payload expected."),
            (500, "Broken JSON encoding."),
        ), body
    await http.send(path, '["at last"]')
    assert (await http.poll(path)).endswith('"at last"]\n')


@pytest.mark.usefixtures("quiet")
async def test_frames_over_a_websocket(http: Http) -> None:
    """Each frame is echoed, or closes the connection with 1007 or with what SockJS says."""
    for body in drawn(_BODIES | BROKEN_JSON, 30):
        try:
            text = body.decode()
        except UnicodeDecodeError:
            continue
        async with http.session.ws_connect(f"{http.url}{a_session()}/websocket") as client:
            assert await client.receive_str(timeout=PATIENCE) == "o"
            await client.send_str(text)
            await client.send_str('["close"]')
            while (message := await client.receive(timeout=PATIENCE)).type is WSMsgType.TEXT:
                assert message.data[0] in "ac"
            assert (message.type, message.data in (1007, 3000)) == (WSMsgType.CLOSE, True), text


@pytest.mark.usefixtures("quiet")
async def test_octets_over_a_websocket(http: Http, shared: Services) -> None:
    """What is no WebSocket frame, or follows one, closes the connection, and leaves nothing."""
    valid = st.builds(frame, st.sampled_from((1, 2, 8, 9, 10)), st.binary(max_size=8))
    for octets in drawn(mutated(valid) | st.binary(min_size=1, max_size=20), 30):
        async with Wire(http.url) as wire:
            await wire.send(handshake(wire.host, path="/echo/websocket"))
            assert " 101 " in await wire.head()
            line = shared.echo.line
            await wire.send(octets)
        await until(lambda line=line: line in shared.host.over)
