"""Candles of one market, a minute each, and longer ones made of them. Ticks, lots and 1e-8 of the quote asset."""

from collections import deque
from collections.abc import Iterable

import msgspec

from common.exchange.events import TradeExecuted
from common.model.order import Side

MINUTE_MS, DAY_MS = 60_000, 86_400_000
MONDAY_MS = 4 * DAY_MS
"""The first Monday after the epoch: weeks begin with a Monday."""

CANDLES_KEPT = 4_320
INTERVALS_MS = {
    "1m": MINUTE_MS, "3m": 3 * MINUTE_MS, "5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS, "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS, "2h": 120 * MINUTE_MS, "4h": 240 * MINUTE_MS, "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS, "12h": 720 * MINUTE_MS, "1d": DAY_MS, "3d": 3 * DAY_MS, "1w": 7 * DAY_MS,
}  # fmt: skip
NO_TRADE = -1


class Candle(msgspec.Struct):
    """Trades from `opened_ms` until before `opened_ms + length_ms`; without any it is flat at the price before it.

    `bought_*` is the part in which the buyer took. Trade ids are NO_TRADE in a flat one.
    """

    opened_ms: int
    length_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    quote_units: int = 0
    trades: int = 0
    bought_lots: int = 0
    bought_units: int = 0
    first_trade_id: int = NO_TRADE
    last_trade_id: int = NO_TRADE

    @property
    def ends_ms(self) -> int:
        """The first millisecond after it."""
        return self.opened_ms + self.length_ms

    def add(self, trade: TradeExecuted, quote_units: int) -> None:
        """Count one trade in."""
        price, lots = trade.price_ticks, trade.quantity_lots
        if not self.trades:
            self.first_trade_id = trade.trade_id
        if price > self.high:
            self.high = price
        if price < self.low:
            self.low = price
        self.close, self.last_trade_id = price, trade.trade_id
        self.trades += 1
        self.lots += lots
        self.quote_units += quote_units
        if trade.aggressor is Side.BUY:
            self.bought_lots += lots
            self.bought_units += quote_units

    def append(self, later: "Candle") -> None:
        """Count all trades of a later candle in. A flat one says nothing of the prices of a longer one."""
        if not later.trades:
            return
        if not self.trades:
            self.open, self.high, self.low = later.open, later.high, later.low
            self.first_trade_id = later.first_trade_id
        self.high, self.low, self.close = max(self.high, later.high), min(self.low, later.low), later.close
        self.lots += later.lots
        self.quote_units += later.quote_units
        self.trades += later.trades
        self.bought_lots += later.bought_lots
        self.bought_units += later.bought_units
        self.last_trade_id = later.last_trade_id


def opening_ms(moment_ms: int, length_ms: int) -> int:
    """When the candle of a moment opens: a multiple of its length, of weeks counted from a Monday."""
    offset = MONDAY_MS if length_ms == 7 * DAY_MS else 0
    return (moment_ms - offset) // length_ms * length_ms + offset


class CandleSeries:
    """The newest CANDLES_KEPT minutes of a market, without a hole between its first trade and now."""

    def __init__(self, tick_lot_units: int) -> None:
        self._tick_lot_units = tick_lot_units
        self._minutes: deque[Candle] = deque(maxlen=CANDLES_KEPT)

    def add(self, trade: TradeExecuted) -> None:
        """A trade, none older than the newest one."""
        moment_ms = trade.time_ns // 1_000_000
        minutes = self._minutes
        if not minutes or moment_ms >= minutes[-1].ends_ms:
            self.pass_time(moment_ms)
        minute = minutes[-1] if minutes else self._open(moment_ms, trade.price_ticks)
        if not minute.trades:
            minute.open = minute.high = minute.low = trade.price_ticks
        minute.add(trade, trade.price_ticks * trade.quantity_lots * self._tick_lot_units)

    def pass_time(self, now_ms: int) -> None:
        """Let flat candles fill the time until now."""
        if not self._minutes:
            return
        last = self._minutes[-1]
        newest = opening_ms(now_ms, MINUTE_MS)
        # More than is kept would only push itself out again.
        begin = max(last.ends_ms, newest - (CANDLES_KEPT - 1) * MINUTE_MS)
        for moment_ms in range(begin, newest + 1, MINUTE_MS):
            self._open(moment_ms, last.close)

    def candles(self, length_ms: int, since_ms: int, until_ms: int) -> list[Candle]:
        """Those of a length that open from `since_ms` to `until_ms`, oldest first; the last one may still go on."""
        made = list[Candle]()
        for minute in self._minutes:
            opened_ms = opening_ms(minute.opened_ms, length_ms)
            if not since_ms <= opened_ms <= until_ms:
                continue
            if made and made[-1].opened_ms == opened_ms:
                made[-1].append(minute)
            else:
                made.append(msgspec.structs.replace(minute, opened_ms=opened_ms, length_ms=length_ms))
        return made

    def at(self, moment_ms: int, length_ms: int) -> Candle | None:
        """The candle of a length that a moment is in; None where there is none."""
        opened_ms = opening_ms(moment_ms, length_ms)
        return _merged(self._newest(opened_ms, opened_ms + length_ms), opened_ms, length_ms)

    def day(self, now_ms: int) -> Candle | None:
        """The last 24 hours as one candle, by whole minutes; None before the first trade."""
        self.pass_time(now_ms)
        opened_ms = now_ms - DAY_MS
        return _merged(self._newest(opened_ms, now_ms + 1), opened_ms, DAY_MS)

    def newest(self) -> Candle | None:
        """The minute of the newest trade, or a flat one after it; None before the first trade."""
        return self._minutes[-1] if self._minutes else None

    def last(self, minutes: int, now_ms: int) -> Candle | None:
        """So many minutes until now as one candle; None before the first trade."""
        opened_ms = opening_ms(now_ms, MINUTE_MS) - (minutes - 1) * MINUTE_MS
        return _merged(self._newest(opened_ms, now_ms + 1), opened_ms, minutes * MINUTE_MS)

    def _newest(self, since_ms: int, before_ms: int) -> list[Candle]:
        found = list[Candle]()
        for minute in reversed(self._minutes):
            if minute.opened_ms < since_ms:
                break
            if minute.opened_ms < before_ms:
                found.append(minute)
        return found[::-1]

    def _open(self, moment_ms: int, price: int) -> Candle:
        candle = Candle(opening_ms(moment_ms, MINUTE_MS), MINUTE_MS, price, price, price, price)
        self._minutes.append(candle)
        return candle


def _merged(minutes: Iterable[Candle], opened_ms: int, length_ms: int) -> Candle | None:
    whole: Candle | None = None
    for minute in minutes:
        if whole is None:
            whole = msgspec.structs.replace(minute, opened_ms=opened_ms, length_ms=length_ms)
        else:
            whole.append(minute)
    return whole
