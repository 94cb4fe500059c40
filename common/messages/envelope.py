"""Bytes of the bus: the header and the codec of payloads. README.md beside this file is the protocol."""

from typing import Any, TypeVar

import msgspec

from common.messages.base import Message
from common.messages.control import (
    EngageKill,
    HealthReported,
    Heartbeat,
    KillStateChanged,
    QueryHealth,
    QuerySnapshot,
    RearmTrading,
    Rejected,
    SnapshotReported,
)
from common.messages.exchange import (
    ExchangeCommandExecuted,
    ExchangeEventOccurred,
    ExchangeReported,
    ExecuteExchangeCommand,
    QueryExchange,
)
from common.messages.fills import FillsListed, ListFills, OrderFilled
from common.messages.lp import (
    ExecuteLpCommand,
    LpCommandTaken,
    LpInventoryChanged,
    LpPerformanceReported,
    LpPreviewed,
    LpRange,
    LpRebalanced,
    LpReported,
    LpSagaEnded,
    PreviewLpCommand,
    QueryLp,
)
from common.messages.market import BookImage, FeedStatusChanged, TradePrinted
from common.messages.orders import (
    AccountReported,
    AllOrdersCanceled,
    CancelAllOrders,
    CancelOrder,
    ExecutionReported,
    ExecutionsListed,
    OrderChanged,
    QueryAccount,
    QueryExecutions,
    QueryOrder,
    SubmitOrder,
    VenueFill,
)
from common.messages.positions import NetExposureChanged, PositionChanged, ProfitReported
from common.messages.quotes import QuotesUpdated, WorkingQuote
from common.model.errors import MessageInvalid

PROTOCOL_VERSION = 1
PAYLOAD_BYTES_MAX = 4 * 1024 * 1024

MESSAGE_TYPES: tuple[type[Message], ...] = (
    AccountReported,
    AllOrdersCanceled,
    BookImage,
    CancelAllOrders,
    CancelOrder,
    EngageKill,
    ExchangeCommandExecuted,
    ExchangeEventOccurred,
    ExchangeReported,
    ExecuteExchangeCommand,
    ExecuteLpCommand,
    ExecutionReported,
    ExecutionsListed,
    FeedStatusChanged,
    FillsListed,
    HealthReported,
    Heartbeat,
    KillStateChanged,
    ListFills,
    LpCommandTaken,
    LpInventoryChanged,
    LpPerformanceReported,
    LpPreviewed,
    LpRange,
    LpRebalanced,
    LpReported,
    LpSagaEnded,
    NetExposureChanged,
    OrderChanged,
    OrderFilled,
    PositionChanged,
    PreviewLpCommand,
    ProfitReported,
    QueryAccount,
    QueryExchange,
    QueryExecutions,
    QueryHealth,
    QueryLp,
    QueryOrder,
    QuerySnapshot,
    QuotesUpdated,
    RearmTrading,
    Rejected,
    SnapshotReported,
    SubmitOrder,
    TradePrinted,
    VenueFill,
    WorkingQuote,
)

_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_M = TypeVar("_M", bound=Message)


class Header(msgspec.Struct, frozen=True, array_like=True):
    """Second frame: a msgpack array. `sequence` counts per (publisher, boot, topic) from 1; 0 in requests."""

    version: int
    publisher: str
    boot_ns: int
    sequence: int
    sent_ns: int
    trace_id: str = ""


_encoder = msgspec.msgpack.Encoder()
_header_decoder = msgspec.msgpack.Decoder(Header)
_any_message: Any = MESSAGE_TYPES[0]
for _type in MESSAGE_TYPES[1:]:
    _any_message = _any_message | _type
_payload_decoder = msgspec.msgpack.Decoder(_any_message)


def encode(value: Message | Header) -> bytes:
    """Message as a msgpack map, or header as a msgpack array."""
    return _encoder.encode(value)


def decode_header(frame: bytes) -> Header:
    """Second frame to Header; raises MessageInvalid."""
    try:
        header = _header_decoder.decode(frame)
    except _UNDECODABLE as error:
        raise MessageInvalid("header", "bus frame 2", "a header of this protocol", str(error)) from None
    if header.version != PROTOCOL_VERSION:
        raise MessageInvalid("header", "bus frame 2", f"protocol version {PROTOCOL_VERSION}", header.version)
    return header


def decode(frame: bytes) -> Message:
    """Payload to its message; raises MessageInvalid for anything else, an unknown type included."""
    if len(frame) > PAYLOAD_BYTES_MAX:
        raise MessageInvalid("payload", "bus frame 3", f"at most {PAYLOAD_BYTES_MAX} bytes", len(frame))
    try:
        message: Message = _payload_decoder.decode(frame)
    except _UNDECODABLE as error:
        raise MessageInvalid("payload", "bus frame 3", "a message of this protocol", str(error)) from None
    return message


def decode_as(kind: type[_M], frame: bytes) -> _M:
    """Payload to a message of one known type; raises MessageInvalid."""
    message = decode(frame)
    if not isinstance(message, kind):
        raise MessageInvalid("payload", "bus frame 3", kind.__name__, type(message).__name__)
    return message
