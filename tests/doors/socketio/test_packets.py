import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.core import encoding
from chatserver.doors.socketio import packets
from chatserver.doors.socketio.packets import BadPacket, Packet, parse
from chatserver.schemas.messages import MAX_CONTENT_ENCRYPTED, MAX_METADATA_BYTES

# Also what no frame can bring: lone surrogates.
ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("frame", "packet"),
    [
        ('2["a"]', Packet("2", 0, "/", None, '["a"]')),
        ('27["a",{}]', Packet("2", 0, "/", 7, '["a",{}]')),
        ('2/admin,7["a"]', Packet("2", 0, "/admin", 7, '["a"]')),
        ('51-["a"]', Packet("5", 1, "/", None, '["a"]')),
        ('52-/admin,13["a"]', Packet("5", 2, "/admin", 13, '["a"]')),
        ('0{"token":"x"}', Packet("0", 0, "/", None, '{"token":"x"}')),
        ("0", Packet("0", 0, "/", None, "")),
        ("0/admin,", Packet("0", 0, "/admin", None, "")),
        ("1", Packet("1", 0, "/", None, "")),
        ('2["line\u2028\nbreaks"]', Packet("2", 0, "/", None, '["line\u2028\nbreaks"]')),
        ("29007199254740991[]", Packet("2", 0, "/", 2**53 - 1, "[]")),
        ("2" + "1" * 17, Packet("2", 0, "/", int("1" * 16), "1")),
    ],
)
def test_the_parts_of_a_packet(frame: str, packet: Packet) -> None:
    """A packet has a type, attachments, a namespace, an id and JSON, as the protocol orders them."""
    assert parse(frame) == packet


@pytest.mark.parametrize("frame", ["", "7", "9[]", "x", "-1", ' 2["a"]', '["a"]', "{}", "\n2"])
def test_what_is_no_packet(frame: str) -> None:
    """Text without a packet's type is no packet."""
    with pytest.raises(BadPacket):
        parse(frame)


@given(ANY_TEXT | st.from_regex(r"[0-6](\d+-)?(/[a-z]*,)?\d*.*", fullmatch=True))
def test_parsing_raises_nothing_else(frame: str) -> None:
    """Whatever comes is parsed or is no packet, and its id and attachments are numbers of few digits."""
    try:
        packet = parse(frame)
    except BadPacket:
        assert not frame or frame[0] not in "0123456"
    else:
        assert frame.startswith(packet.type)
        assert frame.endswith(packet.json)
        assert packet.attachments < 1000
        assert packet.id is None or packet.id < 10**16


@given(ANY_TEXT | st.binary())
def test_reading_json_raises_nothing_else(text: str | bytes) -> None:
    """Whatever comes as JSON is read or is a ValueError."""
    try:
        value = encoding.loads(text)
    except ValueError:
        return
    json.dumps(value)


@given(JSON)
def test_json_is_read(value: Any) -> None:
    """JSON is read as it was written, be it written with escapes or without."""
    assert encoding.loads(json.dumps(value)) == value
    assert encoding.loads(json.dumps(value, ensure_ascii=False)) == value


def test_hostile_values_are_read_for_the_schema_to_refuse() -> None:
    """What orjson refuses without saying where it stands is read, so that its field can be named."""
    read = encoding.loads('{"a":NaN,"b":-Infinity,"c":"\\ud800","d":1e400,"e":' + "9" * 400 + "}")
    assert list(read) == ["a", "b", "c", "d", "e"]
    assert read["a"] != read["a"]
    assert read["b"] == -read["d"] == float("-inf")
    assert read["c"] == "\ud800"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "", "[1] 2", "{a:1}"]
)
@pytest.mark.parametrize("kind", [str, str.encode], ids=["text", "bytes"])
def test_json_beyond_reading(text: str, kind: Any) -> None:
    """JSON that is nested too deep, has too long a number, or is none is a ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - its message is for nobody
        encoding.loads(kind(text))


@given(st.integers(0, 10**16 - 1), st.dictionaries(st.text(), JSON))
def test_an_ack_is_what_a_client_reads(packet_id: int, body: dict[str, Any]) -> None:
    """An ack has its id and one argument."""
    packet = parse(packets.ack(packet_id, body).decode())
    assert (packet.type, packet.id) == (packets.ACK, packet_id)
    assert json.loads(packet.json) == [body]


@given(st.text(), JSON)
def test_an_event_is_what_a_client_reads(name: str, payload: Any) -> None:
    """An event has its name and its payload, and asks for no ack."""
    packet = parse(packets.event(name, payload).decode())
    assert (packet.type, packet.id) == (packets.EVENT, None)
    assert json.loads(packet.json) == [name, payload]


def test_connecting_is_what_a_client_reads() -> None:
    """CONNECT and CONNECT_ERROR carry an object, the latter in the namespace that was asked for."""
    assert packets.connect({"sid": "x"}) == b'0{"sid":"x"}'
    assert packets.connect_error("/", {"message": "no"}) == b'4{"message":"no"}'
    assert packets.connect_error("/admin", {"message": "no"}) == b'4/admin,{"message":"no"}'


def test_what_is_large_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow parser, which only names what is wrong, reads nothing large."""
    read: list[int] = []
    slow = json.loads
    monkeypatch.setattr(encoding.json, "loads", lambda text: read.append(len(text)) or slow(text))
    large = '{"a":NaN,"b":"' + "x" * 20_000 + '"}'
    for text in (large, large.encode()):
        with pytest.raises(ValueError, match=r"JSON|NaN|expected|unexpected|column"):
            encoding.loads(text)
    assert read == []
    assert "a" in encoding.loads('{"a":NaN}')
    assert read == [9]


@pytest.mark.parametrize("piece", ["[],", "{},", "1,", '{"a":1},', "[[]],"])
def test_no_text_of_too_many_values_is_read(piece: str) -> None:
    """JSON of more values than any command has is refused unread: making them would hold up everybody."""
    text = '["x",[' + piece * (1_000_000 // len(piece)) + "1]]"
    for kind in (text, text.encode()):
        with pytest.raises(encoding.TooManyParts):
            encoding.loads(kind)


@pytest.mark.parametrize("sign", [",", "[", "{"])
def test_the_longest_command_is_read(sign: str) -> None:
    """The longest text that may be sent is read, be it of nothing but signs that stand between values."""
    cmd = {
        "contentEncrypted": sign * MAX_CONTENT_ENCRYPTED,
        "metadata": {"a": [1] * ((MAX_METADATA_BYTES - 6) // 2)},
    }
    assert encoding.loads(orjson.dumps(["chat:message_send", cmd]))[1] == cmd
