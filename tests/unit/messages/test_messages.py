"""The protocol: golden frames of every message, the reference msgpack package, evolution, rubbish."""

import json
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.messages import (
    MESSAGE_TYPES,
    Header,
    Heartbeat,
    LpInventoryChanged,
    Message,
    NetExposureChanged,
    QueryHealth,
    decode,
    decode_as,
    decode_header,
    encode,
)
from common.model.errors import MessageInvalid
from tests.unit.messages.examples import GOLDEN, example

FRAMES: dict[str, str] = json.loads(GOLDEN.read_text())


def test_there_is_a_golden_frame_of_every_message() -> None:
    assert set(FRAMES) == {kind.__name__ for kind in MESSAGE_TYPES}


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
def test_golden_frames_decode_and_encode_to_the_same_bytes(kind: type[Message]) -> None:
    frame = bytes.fromhex(FRAMES[kind.__name__])
    message = decode_as(kind, frame)
    assert message == example(kind)
    assert encode(message) == frame


@pytest.mark.parametrize("kind", MESSAGE_TYPES, ids=lambda kind: kind.__name__)
def test_the_reference_package_reads_every_name_and_value(kind: type[Message]) -> None:
    read = msgpack.unpackb(bytes.fromhex(FRAMES[kind.__name__]))
    assert read.pop("type") == kind.__name__
    assert read == _without_tag(kind)


def _without_tag(kind: type[Message]) -> dict[str, Any]:
    built = msgspec.to_builtins(example(kind), builtin_types=(bytes,))
    del built["type"]
    return _lists(built)


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, (list, tuple)) else value


def test_the_header_is_an_array_that_the_reference_package_reads() -> None:
    header = Header(1, "oms", 10, 2, 30, "ab")
    assert msgpack.unpackb(encode(header)) == [1, "oms", 10, 2, 30, "ab"]
    assert decode_header(encode(header)) == header


def test_a_header_of_another_version_is_refused() -> None:
    with pytest.raises(MessageInvalid, match="protocol version 1"):
        decode_header(encode(Header(2, "oms", 10, 2, 30)))


def test_unknown_fields_are_ignored_and_unknown_types_refused() -> None:
    assert decode(msgpack.packb({"type": "QueryHealth", "later": 1})) == QueryHealth()
    with pytest.raises(MessageInvalid):
        decode(msgpack.packb({"type": "OrderFrobnicated"}))


@pytest.mark.parametrize("kind", [NetExposureChanged, LpInventoryChanged])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_and_infinity_never_pass(kind: type[Message], bad: float) -> None:
    fields = msgpack.unpackb(encode(example(kind)))
    name = "net_delta" if kind is NetExposureChanged else "delta"
    with pytest.raises(MessageInvalid, match="finite"):
        decode(msgpack.packb(fields | {name: bad}))


@given(st.binary(max_size=300))
def test_rubbish_is_a_typed_error(frame: bytes) -> None:
    for read in (decode, decode_header):
        try:
            read(frame)
        except MessageInvalid:
            pass


@given(st.sampled_from(sorted(FRAMES)), st.data())
def test_a_flipped_byte_is_a_message_or_a_typed_error(name: str, data: st.DataObject) -> None:
    frame = bytearray.fromhex(FRAMES[name])
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(decode(bytes(frame)), Message)
    except MessageInvalid:
        pass


def test_deep_nesting_and_bad_text_are_typed_errors() -> None:
    for frame in (
        b"\x91" * 100_000,
        encode(Heartbeat(process="x", state="y", last_sequences={})).replace(b"x", b"\xff"),
    ):
        with pytest.raises(MessageInvalid):
            decode(frame)
