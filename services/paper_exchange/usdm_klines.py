"""Bars of one market: a minute each in memory, longer ones put together when somebody asks."""

from collections import deque
from itertools import groupby

import msgspec

from common.exchange.events import TradeExecuted
from common.model.order import Side

MINUTE_MS = 60_000
BARS_KEPT = 1_500
_MINUTES = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30,
    "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720, "1d": 1_440,
}  # fmt: skip
INTERVALS = {name: minutes * MINUTE_MS for name, minutes in _MINUTES.items()}
"""Length in ms by Binance's name, as far as BARS_KEPT minutes can fill more than a part of one."""


class Bar(msgspec.Struct):
    """What was traded from `open_ms` on. Prices in ticks, volumes in lots, `cost` in ticks x lots.

    `bought` and `bought_cost` are of takers who bought; the ids are of the first and the last trade, -1 without one.
    """

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    cost: int = 0
    trades: int = 0
    bought: int = 0
    bought_cost: int = 0
    first_id: int = -1
    last_id: int = -1

    def add(self, trade: TradeExecuted) -> None:
        """Count one trade in."""
        price, lots = trade.price_ticks, trade.quantity_lots
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.lots, self.cost, self.trades = self.lots + lots, self.cost + price * lots, self.trades + 1
        if trade.aggressor is Side.BUY:
            self.bought, self.bought_cost = self.bought + lots, self.bought_cost + price * lots
        self.first_id, self.last_id = self.first_id if self.first_id >= 0 else trade.trade_id, trade.trade_id


def merged(bars: list[Bar], open_ms: int) -> Bar:
    """Consecutive bars as one that begins at `open_ms`."""
    traded = [bar for bar in bars if bar.trades]
    whole = Bar(open_ms, bars[0].open, max(bar.high for bar in bars), min(bar.low for bar in bars), bars[-1].close)
    for bar in traded:
        whole.lots, whole.cost, whole.trades = whole.lots + bar.lots, whole.cost + bar.cost, whole.trades + bar.trades
        whole.bought, whole.bought_cost = whole.bought + bar.bought, whole.bought_cost + bar.bought_cost
    if traded:
        whole.first_id, whole.last_id = traded[0].first_id, traded[-1].last_id
    return whole


class Klines:
    """The bars of one market since the venue's start; minutes without a trade are flat."""

    def __init__(self) -> None:
        self._bars: deque[Bar] = deque(maxlen=BARS_KEPT)

    def add(self, trade: TradeExecuted) -> None:
        """Count one trade in."""
        minute_ms = trade.time_ns // 1_000_000 // MINUTE_MS * MINUTE_MS
        if not self._bars:
            price = trade.price_ticks
            self._bars.append(Bar(minute_ms, price, price, price, price))
        self.advance(minute_ms)
        bar = self._bars[-1]
        if not bar.trades:
            bar.open = bar.high = bar.low = trade.price_ticks
        bar.add(trade)

    def advance(self, now_ms: int) -> None:
        """Begin the bars of all minutes up to a moment."""
        if not self._bars:
            return
        last = self._bars[-1]
        first_ms = max(last.open_ms + MINUTE_MS, now_ms // MINUTE_MS * MINUTE_MS - BARS_KEPT * MINUTE_MS)
        for open_ms in range(first_ms, now_ms + 1, MINUTE_MS):
            self._bars.append(Bar(open_ms, last.close, last.close, last.close, last.close))

    def bars(self, length_ms: int) -> list[Bar]:
        """Bars of a length, oldest first, the last one unfinished; the first one may be a part of one."""
        if length_ms == MINUTE_MS:
            return list(self._bars)
        groups = groupby(self._bars, key=lambda bar: bar.open_ms // length_ms * length_ms)
        return [merged(list(bars), open_ms) for open_ms, bars in groups]

    def newest(self, length_ms: int) -> Bar | None:
        """The unfinished bar of a length."""
        if not self._bars:
            return None
        open_ms = self._bars[-1].open_ms // length_ms * length_ms
        newest = list[Bar]()
        for bar in reversed(self._bars):
            if bar.open_ms < open_ms:
                break
            newest.append(bar)
        return merged(newest[::-1], open_ms)

    def day(self) -> Bar | None:
        """The last 24 hours as one bar."""
        bars = list(self._bars)[-1_440:]
        return merged(bars, bars[0].open_ms) if bars else None
