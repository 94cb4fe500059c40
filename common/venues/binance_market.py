"""Binance spot, public side: streams and REST bodies in, market events out. Pure.

Frames are those of a combined stream, `{"stream": "ethusdt@depth@100ms", "data": {...}}`. A book ticker has no event
type of its own, so the stream's name tells what the data is.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from common.model.errors import ConfigInvalid, MessageInvalid
from common.model.instrument import Instrument
from common.model.order import Side
from common.venues.events import (
    Acknowledged,
    ConnectionEnding,
    DepthChanged,
    DepthSnapshot,
    MarketEvent,
    TouchChanged,
    TradeSeen,
)
from common.venues.grid import PublicGrid

TIME_TARGET = "/api/v3/time"
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_Pairs = list[tuple[str, str]]


class _Frame(msgspec.Struct):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")
    id: int | str | None = None
    result: object = None
    error: object = None
    e: str = ""


class _Depth(msgspec.Struct, gc=False):
    s: str
    E: int
    U: int
    u: int
    b: _Pairs
    a: _Pairs


class _Ticker(msgspec.Struct, gc=False):
    s: str
    u: int
    b: str
    B: str
    a: str
    A: str


class _Trade(msgspec.Struct, gc=False):
    s: str
    E: int
    t: int
    p: str
    q: str
    T: int
    m: bool


class _Snapshot(msgspec.Struct):
    lastUpdateId: int
    bids: _Pairs
    asks: _Pairs


class _Time(msgspec.Struct):
    serverTime: int


class _Filter(msgspec.Struct):
    filterType: str
    tickSize: str = ""
    stepSize: str = ""


class _Symbol(msgspec.Struct):
    symbol: str
    status: str
    filters: list[_Filter]


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


_read_frame = msgspec.json.Decoder(_Frame).decode
_read_depth = msgspec.json.Decoder(_Depth).decode
_read_ticker = msgspec.json.Decoder(_Ticker).decode
_read_trade = msgspec.json.Decoder(_Trade).decode
_read_snapshot = msgspec.json.Decoder(_Snapshot).decode
_read_time = msgspec.json.Decoder(_Time).decode
_read_info = msgspec.json.Decoder(_ExchangeInfo).decode


class BinanceMarket:
    """Codec of the public side for a set of instruments of this venue."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._grids = {each.venue_symbol: PublicGrid(each) for each in instruments}

    def stream_url(self, base: str) -> str:
        """Address of the combined stream with depth differences, touches and trades of every instrument."""
        names = (
            f"{symbol.lower()}@{channel}"
            for symbol in self._grids
            for channel in ("depth@100ms", "bookTicker", "trade")
        )
        return f"{base.rstrip('/')}/stream?streams={'/'.join(names)}"

    def snapshot_target(self, symbol: str, levels: int) -> str:
        """What to GET for a whole book. Weight 5 to 250 for 100 to 5,000 levels."""
        return f"/api/v3/depth?symbol={symbol}&limit={levels}"

    def info_target(self) -> str:
        """What to GET for the rules of all instruments. Weight 20."""
        names = ",".join(f"%22{symbol}%22" for symbol in self._grids)
        return f"/api/v3/exchangeInfo?symbols=%5B{names}%5D"

    def on_frame(self, frame: str | bytes) -> MarketEvent:
        """One frame's event. Raises MessageInvalid for what is none of ours or breaks the instrument's grid."""
        try:
            outer = _read_frame(frame)
            if "@" in outer.stream:
                return self._on_data(outer.stream, outer.data)
        except _UNREADABLE as error:
            raise MessageInvalid("frame", "binance stream", "a combined-stream frame", str(error)) from None
        if outer.e == "serverShutdown":
            return ConnectionEnding()
        if outer.id is not None and outer.error is None:
            return Acknowledged()
        raise MessageInvalid("frame", "binance stream", "a combined-stream frame", repr(frame)[:120])

    def on_snapshot(self, symbol: str, body: bytes) -> DepthSnapshot:
        """Body of a depth request. Raises MessageInvalid."""
        try:
            data = _read_snapshot(body)
        except _UNREADABLE as error:
            raise MessageInvalid("depth snapshot", symbol, "lastUpdateId, bids, asks", str(error)) from None
        levels = self._grid(symbol).levels
        return DepthSnapshot(symbol, data.lastUpdateId, levels(data.bids), levels(data.asks))

    def check_info(self, body: bytes) -> None:
        """Compare the venue's tick and lot sizes with ours.

        Raises ConfigInvalid where they differ or a symbol is missing, MessageInvalid for an unreadable body.
        """
        try:
            listed = {each.symbol: each for each in _read_info(body).symbols}
        except _UNREADABLE as error:
            raise MessageInvalid("exchangeInfo", "binance", "symbols with filters", str(error)) from None
        for symbol, grid in self._grids.items():
            if symbol not in listed:
                raise ConfigInvalid("venue_symbol", "fleet.toml", "a symbol that the venue lists", symbol)
            _check_symbol(listed[symbol], grid.instrument)

    def _on_data(self, stream: str, data: msgspec.Raw) -> MarketEvent:
        kind = stream.partition("@")[2]
        if kind == "bookTicker":
            ticker = _read_ticker(data)
            level = self._grid(ticker.s).level
            return TouchChanged(ticker.s, ticker.u, level(ticker.b, ticker.B), level(ticker.a, ticker.A))
        if kind.startswith("depth"):
            depth = _read_depth(data)
            levels = self._grid(depth.s).levels
            return DepthChanged(depth.s, depth.U, depth.u, depth.E * 1_000_000, levels(depth.b), levels(depth.a))
        if kind == "trade":
            trade = _read_trade(data)
            price_ticks, quantity_lots = self._grid(trade.s).level(trade.p, trade.q)
            # `m`: the buyer was the maker, so the seller took.
            aggressor = Side.SELL if trade.m else Side.BUY
            return TradeSeen(trade.s, trade.t, price_ticks, quantity_lots, aggressor, trade.T * 1_000_000)
        raise MessageInvalid("frame", "binance stream", "depth, bookTicker or trade", stream[:60])

    def _grid(self, symbol: str) -> PublicGrid:
        try:
            return self._grids[symbol]
        except KeyError:
            raise MessageInvalid("symbol", "binance", "one that was subscribed", symbol[:30]) from None


def read_time_ns(body: bytes) -> int:
    """Body of a time request in ns. Raises MessageInvalid."""
    try:
        return _read_time(body).serverTime * 1_000_000
    except _UNREADABLE as error:
        raise MessageInvalid("time", "binance", "serverTime", str(error)) from None


def _check_symbol(listed: _Symbol, instrument: Instrument) -> None:
    filters = {each.filterType: each for each in listed.filters}
    if "PRICE_FILTER" not in filters or "LOT_SIZE" not in filters:
        raise MessageInvalid("exchangeInfo", listed.symbol, "PRICE_FILTER and LOT_SIZE", sorted(filters))
    _check_step("tick_size", instrument, instrument.tick_size, filters["PRICE_FILTER"].tickSize)
    _check_step("lot_size", instrument, instrument.lot_size, filters["LOT_SIZE"].stepSize)


def _check_step(name: str, instrument: Instrument, ours: Decimal, theirs: str) -> None:
    try:
        is_same = Decimal(theirs) == ours
    except InvalidOperation:
        raise MessageInvalid("exchangeInfo", instrument.venue_symbol, "a decimal number", theirs) from None
    if not is_same:
        raise ConfigInvalid(name, f"fleet.toml: {instrument.symbol}", f"{theirs} as the venue says", str(ours))
