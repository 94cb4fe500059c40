"""Binance spot, user stream over the WebSocket API: the subscription, and frames to reports. Pure."""

import msgspec

from common.messages import ExecutionReported, VenueFill
from common.model.errors import MessageInvalid
from common.model.order import OrderState
from common.venues.binance_errors import Refusal, explain
from common.venues.binance_execution import VENUE, BinanceExecution, is_ours, side, state
from common.venues.grid import Grid
from common.venues.signer import HmacSigner

SUBSCRIBE_ID = "user-stream"
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
# In these reports `c` names the request that ended the order, and `C` the order.
_NAMES_ORIGINAL = frozenset({"CANCELED", "REPLACED"})


class Subscribed(msgspec.Struct, frozen=True):
    """Reports flow from now on."""


class SubscriptionRefused(msgspec.Struct, frozen=True):
    """The venue would not subscribe us."""

    refusal: Refusal


class StreamEnding(msgspec.Struct, frozen=True):
    """The venue ends this subscription or connection: make a new one."""


class Irrelevant(msgspec.Struct, frozen=True):
    """Well-formed, and nothing of ours."""


UserEvent = ExecutionReported | Subscribed | SubscriptionRefused | StreamEnding | Irrelevant


class _Event(msgspec.Struct):
    e: str
    s: str = ""
    c: str = ""
    C: str | None = ""
    S: str = ""
    q: str = "0"
    p: str = "0"
    x: str = ""
    X: str = ""
    r: str = "NONE"
    i: int = 0
    l: str = "0"  # noqa: E741 - the venue's own field name
    z: str = "0"
    L: str = "0"
    n: str | None = "0"
    N: str | None = None
    T: int = 0
    t: int = -1
    m: bool = False


class _Error(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Frame(msgspec.Struct):
    event: msgspec.Raw = msgspec.Raw()
    id: str | int | None = None
    status: int = 0
    error: _Error | None = None
    e: str = ""


class _Kind(msgspec.Struct):
    e: str


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_kind = msgspec.json.Decoder(_Kind).decode
_read_event = msgspec.json.Decoder(_Event).decode
_ENDINGS = frozenset({"eventStreamTerminated", "listenKeyExpired", "serverShutdown"})


def subscribe_frame(key: str, signer: HmacSigner, venue_time_ms: int, recv_window_ms: int) -> str:
    """The frame that subscribes this connection. The WebSocket API signs its parameters sorted by name."""
    text = f"apiKey={key}&recvWindow={recv_window_ms}&timestamp={venue_time_ms}"
    params = {
        "apiKey": key, "recvWindow": recv_window_ms, "timestamp": venue_time_ms, "signature": signer.sign(text)
    }  # fmt: skip
    frame = {"id": SUBSCRIBE_ID, "method": "userDataStream.subscribe.signature", "params": params}
    return msgspec.json.encode(frame).decode()


def read_user_frame(codec: BinanceExecution, frame: str | bytes, received_ns: int) -> UserEvent:
    """One frame's event. Raises MessageInvalid."""
    try:
        outer = _read_frame(frame)
        is_wrapped = bool(memoryview(outer.event))
        if not is_wrapped and outer.id is not None:
            return _answer(outer)
        body = outer.event if is_wrapped else frame
        kind = _read_kind(body).e if is_wrapped else outer.e
        if kind in _ENDINGS:
            return StreamEnding()
        if kind != "executionReport":
            return Irrelevant()
        return _report(codec, _read_event(body), received_ns)
    except _UNREADABLE as error:
        raise MessageInvalid("frame", "binance user stream", "a user-stream frame", str(error)) from None


def _answer(frame: _Frame) -> UserEvent:
    if frame.error is None and 200 <= frame.status < 300:
        return Subscribed() if frame.id == SUBSCRIBE_ID else Irrelevant()
    error = frame.error or _Error()
    return SubscriptionRefused(explain(frame.status, error.code, error.msg))


def _report(codec: BinanceExecution, event: _Event, received_ns: int) -> ExecutionReported | Irrelevant:
    client_order_id = event.C if event.x in _NAMES_ORIGINAL and event.C else event.c
    if not is_ours(client_order_id):
        return Irrelevant()
    grid = codec.grid(event.s)
    # REPLACED ends this order; the one that replaces it has a report of its own.
    now = OrderState.CANCELED if event.x == "REPLACED" else state(event.X)
    reason = "" if event.r == "NONE" else event.r
    return ExecutionReported(
        client_order_id=client_order_id, venue=VENUE, symbol=grid.instrument.symbol, state=now,
        filled_lots=grid.lots[event.z], event_time_ns=event.T * 1_000_000, received_ns=received_ns,
        venue_order_id=str(event.i), side=side(event.S), price_ticks=grid.ticks[event.p],
        quantity_lots=grid.lots[event.q], reason_code=reason.lower(), reason=reason,
        fill=_fill(event, grid, client_order_id) if event.x == "TRADE" else None,
    )  # fmt: skip


def _fill(event: _Event, grid: Grid, client_order_id: str) -> VenueFill:
    if event.t < 0:
        raise MessageInvalid("trade id", "binance user stream", "at least 0", event.t)
    return VenueFill(
        trade_id=event.t, client_order_id=client_order_id, venue_order_id=str(event.i), side=side(event.S),
        price_ticks=grid.ticks[event.L], quantity_lots=grid.lots[event.l], maker=event.m, fee=event.n or "0",
        fee_asset=event.N or "", event_time_ns=event.T * 1_000_000,
    )  # fmt: skip
