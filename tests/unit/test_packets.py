import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatserver.doors import packets
from chatserver.doors.packets import BadPacket, Packet, parse

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
        value = packets.loads(text)
    except ValueError:
        return
    json.dumps(value)


@given(JSON)
def test_json_is_read(value: Any) -> None:
    """JSON is read as it was written, be it written with escapes or without."""
    assert packets.loads(json.dumps(value)) == value
    assert packets.loads(json.dumps(value, ensure_ascii=False)) == value


def test_hostile_values_are_read_for_the_schema_to_refuse() -> None:
    """What orjson refuses without saying where it stands is read, so that its field can be named."""
    read = packets.loads('{"a":NaN,"b":-Infinity,"c":"\\ud800","d":1e400,"e":' + "9" * 400 + "}")
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
        packets.loads(kind(text))


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
