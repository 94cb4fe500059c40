"""Public streams of one market: trades, best bid and ask, depth diffs without holes, partial books, summaries."""

from collections import deque

import msgspec

from common.exchange.book import OrderBook
from common.exchange.events import Event, LevelChanged, TradeExecuted
from common.model.order import Side
from services.paper_exchange.agg_trades import AggregateTrades
from services.paper_exchange.broadcast import Hub
from services.paper_exchange.tickers import Ticker, Touch
from services.paper_exchange.wire import NS_PER_MS, Json, MarketWire

PUBLIC_TRADES_KEPT = 1_000
PARTIAL_DEPTHS = (5, 10, 20)
SLOW_EVERY = 10
"""The streams without `@100ms` are sent each second: every tenth beat."""

_encode = msgspec.json.Encoder().encode


class DiffStream:
    """Levels that changed since its last frame. `first_id` to the present id is what the next frame covers."""

    def __init__(self, names: tuple[str, ...], update_id: int) -> None:
        self.names = names
        self.first_id = update_id + 1
        self.changes: dict[tuple[Side, int], int] = {}


class MarketData:
    """Turns events of one market into frames. Update ids grow by one with each level that changes.

    They start at the boot time in milliseconds, so they also grow over restarts (as long as fewer than 1,000 levels
    change a second).
    """

    def __init__(self, wire: MarketWire, book: OrderBook, hub: Hub, boot_ms: int, last_trade_id: int) -> None:
        self.wire, self.book, self._hub = wire, book, hub
        self.update_id = boot_ms
        self.trades: deque[TradeExecuted] = deque(maxlen=PUBLIC_TRADES_KEPT)
        self.aggregates, self.ticker = AggregateTrades(last_trade_id), Ticker(wire, hub)
        name = wire.name.lower()
        self._trade_stream, self._touch_stream = f"{name}@trade", f"{name}@bookTicker"
        self._aggregate_stream = f"{name}@aggTrade"
        self._fast = DiffStream((f"{name}@depth@100ms",), boot_ms)
        self._slow = DiffStream((f"{name}@depth", f"{name}@depth@1000ms"), boot_ms)
        self._partials = [(f"{name}@depth{depth}", depth) for depth in PARTIAL_DEPTHS]
        self._touch: Touch | None = None
        self._beats = 0

    def absorb(self, events: list[Event]) -> list[tuple[str, bytes]]:
        """Take in the events of one command; returns the frames that it makes, by stream."""
        frames, trades = list[tuple[str, bytes]](), list[TradeExecuted]()
        changed = False
        for event in events:
            if isinstance(event, LevelChanged):
                changed = True
                self.update_id += 1
                key = event.side, event.price_ticks
                self._fast.changes[key] = self._slow.changes[key] = event.quantity_lots
            elif isinstance(event, TradeExecuted):
                trades.append(event)
        if trades:
            frames += self._traded(trades)
        if changed and self._hub.is_heard(self._touch_stream) and (touch := self._changed_touch()):
            frames.append((self._touch_stream, touch))
        return frames

    def _traded(self, trades: list[TradeExecuted]) -> list[tuple[str, bytes]]:
        frames, hub = list[tuple[str, bytes]](), self._hub
        self.trades.extend(trades)
        for trade in trades:
            self.ticker.add(trade)
            if hub.is_heard(self._trade_stream):
                frames.append((self._trade_stream, _encode(self._trade(trade))))
        for aggregate in self.aggregates.absorb(trades):
            if hub.is_heard(self._aggregate_stream):
                moment = aggregate.time_ns // NS_PER_MS
                told = {"e": "aggTrade", "E": moment, "s": self.wire.name} | aggregate.json(self.wire)
                frames.append((self._aggregate_stream, _encode(told)))
        return frames

    def beat(self, now_ns: int) -> None:
        """Send depth; call each 100 ms, with everything so far committed."""
        self._beats += 1
        self._send_diff(self._fast, now_ns)
        self._send_partials("@100ms")
        if self._beats % SLOW_EVERY == 0:
            self._send_diff(self._slow, now_ns)
            self._send_partials("@1000ms")
            self._send_partials("")
            self.ticker.beat(now_ns // NS_PER_MS, self.best())

    def depth(self, count: int) -> Json:
        """The best levels of both sides as of the present update id."""
        wire = self.wire
        return {
            "lastUpdateId": self.update_id,
            "bids": wire.levels(self.book.bids.top(count)),
            "asks": wire.levels(self.book.asks.top(count)),
        }

    def touch(self) -> Json:
        """Best bid and ask; an empty side is all zeros."""
        wire, (bid, bid_lots, ask, ask_lots) = self.wire, self.best()
        return {
            "symbol": wire.name,
            "bidPrice": wire.price(bid),
            "bidQty": wire.quantity(bid_lots),
            "askPrice": wire.price(ask),
            "askQty": wire.quantity(ask_lots),
        }

    def best(self) -> Touch:
        """Best bid and ask with their sizes; zeros where a side is empty."""
        bid, ask = self.book.bids.best(), self.book.asks.best()
        bid_side = (0, 0) if bid is None else (bid.price, bid.quantity)
        return (*bid_side, *((0, 0) if ask is None else (ask.price, ask.quantity)))

    def _changed_touch(self) -> bytes | None:
        best = self.best()
        if best == self._touch:
            return None
        self._touch = best
        wire, (bid, bid_lots, ask, ask_lots) = self.wire, best
        frame = {"u": self.update_id, "s": wire.name, "b": wire.price(bid), "B": wire.quantity(bid_lots)}
        return _encode(frame | {"a": wire.price(ask), "A": wire.quantity(ask_lots)})

    def _trade(self, trade: TradeExecuted) -> Json:
        wire, moment = self.wire, trade.time_ns // NS_PER_MS
        return {
            "e": "trade",
            "E": moment,
            "s": wire.name,
            "t": trade.trade_id,
            "p": wire.price(trade.price_ticks),
            "q": wire.quantity(trade.quantity_lots),
            "T": moment,
            "m": trade.aggressor is Side.SELL,
            "M": True,
        }

    def _send_diff(self, stream: DiffStream, now_ns: int) -> None:
        if not stream.changes:
            return
        heard = [name for name in stream.names if self._hub.is_heard(name)]
        if heard:
            payload = _encode(self._diff(stream, now_ns))
            for name in heard:
                self._hub.publish(name, payload)
        stream.changes.clear()
        stream.first_id = self.update_id + 1

    def _diff(self, stream: DiffStream, now_ns: int) -> Json:
        wire = self.wire
        sides: dict[Side, list[tuple[str, str]]] = {Side.BUY: [], Side.SELL: []}
        for (side, price), lots in stream.changes.items():
            sides[side].append((wire.price(price), wire.quantity(lots)))
        frame: Json = {"e": "depthUpdate", "E": now_ns // NS_PER_MS, "s": wire.name, "U": stream.first_id}
        return frame | {"u": self.update_id, "b": sides[Side.BUY], "a": sides[Side.SELL]}

    def _send_partials(self, pace: str) -> None:
        for name, depth in self._partials:
            if self._hub.is_heard(name + pace):
                self._hub.publish(name + pace, _encode(self.depth(depth)))
