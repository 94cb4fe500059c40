"""Public streams of one perpetual: trades, best bid and ask, depth with U, u and pu, partial books, summaries."""

from collections import deque
from collections.abc import Callable
from functools import partial

import msgspec

from common.exchange.events import Event, LevelChanged, TradeExecuted
from common.exchange.matching import Market
from common.model.order import Side
from services.paper_exchange.agg_trades import AggregateTrades
from services.paper_exchange.broadcast import Hub
from services.paper_exchange.tickers import Ticker, Touch
from services.paper_exchange.usdm_wire import ContractWire
from services.paper_exchange.wire import NS_PER_MS, Json

PUBLIC_TRADES_KEPT = 1_000
PARTIAL_DEPTHS = (5, 10, 20)
BEAT_MS = 100
PACES_MS = (100, 250, 500)
SECOND_BEATS = 10

Frames = list[tuple[str, bytes]]
"""Encoded payloads by stream."""

_encode = msgspec.json.Encoder().encode


class DiffStream:
    """Levels that changed since its last frame. It collects only while somebody listens."""

    def __init__(self, names: tuple[str, ...], pace_ms: int) -> None:
        self.names, self.pace_ms = names, pace_ms
        self.first_id = self.previous_id = 0
        self.changes: dict[tuple[Side, int], int] = {}

    def collect(self, update_id: int, event: LevelChanged) -> None:
        """Take in one change, which is the update of a number."""
        if not self.first_id:
            self.first_id, self.previous_id = update_id, self.previous_id or update_id - 1
        self.changes[event.side, event.price_ticks] = event.quantity_lots

    def close(self, update_id: int) -> None:
        """The frame with all that was sent; the next one continues it."""
        self.changes.clear()
        self.first_id, self.previous_id = 0, update_id


class UsdmMarketData:
    """Turns events of one market into frames. Update ids grow by one with each level that changes.

    They start at the boot time in milliseconds, so they also grow over restarts (as long as fewer than 1,000 levels
    change a second).
    """

    def __init__(self, wire: ContractWire, market: Market, hub: Hub, boot_ms: int, last_trade_id: int) -> None:
        self.wire, self.market, self.book, self._hub = wire, market, market.book, hub
        self.update_id = boot_ms
        self.trades: deque[TradeExecuted] = deque(maxlen=PUBLIC_TRADES_KEPT)
        self.aggregates, self.ticker = AggregateTrades(last_trade_id), Ticker(wire, hub)
        name = self._name = wire.name.lower()
        self._instant = DiffStream((f"{name}@depth@0ms",), 0)
        paced = {100: (), 250: (f"{name}@depth",), 500: ()}
        self._diffs = [DiffStream((f"{name}@depth@{pace}ms", *more), pace) for pace, more in paced.items()]
        self._touch: Touch | None = None
        self._beats = 0

    def absorb(self, events: list[Event]) -> Frames:
        """Take in the events of one command; returns the frames that it makes, by stream."""
        frames, changed, trades = Frames(), False, list[TradeExecuted]()
        collecting = [each for each in (self._instant, *self._diffs) if self._is_heard(each)]
        for event in events:
            if isinstance(event, LevelChanged):
                changed = True
                self.update_id += 1
                for stream in collecting:
                    stream.collect(self.update_id, event)
            elif isinstance(event, TradeExecuted):
                trades.append(event)
        if trades:
            frames += self._traded(trades)
        if changed:
            frames += self._moved(events[-1].time_ns)
        return frames

    def beat(self, now_ns: int) -> None:
        """Send what is paced; call each BEAT_MS, with everything so far committed."""
        self._beats += 1
        elapsed_ms = self._beats * BEAT_MS
        for diff in self._diffs:
            if elapsed_ms % diff.pace_ms < BEAT_MS and diff.changes:
                self._send(diff.names, partial(self._diff, diff, now_ns))
                diff.close(self.update_id)
        for pace_ms in PACES_MS:
            if elapsed_ms % pace_ms < BEAT_MS:
                self._send_partials(pace_ms, now_ns)
        if self._beats % SECOND_BEATS == 0:
            self.ticker.beat(now_ns // NS_PER_MS, self._best())

    def depth(self, count: int, now_ns: int) -> Json:
        """The best levels of both sides as of the present update id."""
        wire, moment = self.wire, now_ns // NS_PER_MS
        return {
            "lastUpdateId": self.update_id,
            "E": moment,
            "T": moment,
            "bids": wire.levels(self.book.bids.top(count)),
            "asks": wire.levels(self.book.asks.top(count)),
        }

    def touch(self, now_ns: int) -> Json:
        """Best bid and ask; an empty side is all zeros."""
        wire, (bid, bid_lots, ask, ask_lots) = self.wire, self._best()
        return {
            "symbol": wire.name,
            "bidPrice": wire.price(bid),
            "bidQty": wire.quantity(bid_lots),
            "askPrice": wire.price(ask),
            "askQty": wire.quantity(ask_lots),
            "time": now_ns // NS_PER_MS,
            "lastUpdateId": self.update_id,
        }

    def day(self, now_ms: int) -> Json:
        """The last 24 hours."""
        return self.ticker.day(now_ms, self._best())

    def _is_heard(self, stream: DiffStream) -> bool:
        if any(self._hub.is_heard(name) for name in stream.names):
            return True
        if stream.first_id or stream.previous_id:
            stream.close(0)
        return False

    def _traded(self, trades: list[TradeExecuted]) -> Frames:
        frames, name = Frames(), self._name
        self.trades.extend(trades)
        for trade in trades:
            self.ticker.add(trade)
            if self._hub.is_heard(f"{name}@trade"):
                frames.append((f"{name}@trade", _encode(self._trade(trade))))
        is_heard = self._hub.is_heard(f"{name}@aggTrade")
        for total in self.aggregates.absorb(trades):
            if is_heard:
                head = {"e": "aggTrade", "E": total.time_ns // NS_PER_MS, "s": self.wire.name}
                frames.append((f"{name}@aggTrade", _encode(head | total.json(self.wire))))
        return frames

    def _moved(self, time_ns: int) -> Frames:
        frames, name = Frames(), f"{self._name}@bookTicker"
        if self._hub.is_heard(name) and (touch := self._changed_touch(time_ns)):
            frames.append((name, touch))
        if self._instant.changes:
            frames.append((self._instant.names[0], _encode(self._diff(self._instant, time_ns))))
            self._instant.close(self.update_id)
        return frames

    def _best(self) -> Touch:
        bid, ask = self.book.bids.best(), self.book.asks.best()
        bid_side = (0, 0) if bid is None else (bid.price, bid.quantity)
        return (*bid_side, *((0, 0) if ask is None else (ask.price, ask.quantity)))

    def _changed_touch(self, time_ns: int) -> bytes | None:
        best = self._best()
        if best == self._touch:
            return None
        self._touch = best
        wire, (bid, bid_lots, ask, ask_lots), moment = self.wire, best, time_ns // NS_PER_MS
        frame: Json = {"e": "bookTicker", "u": self.update_id, "s": wire.name, "b": wire.price(bid)}
        frame |= {"B": wire.quantity(bid_lots), "a": wire.price(ask), "A": wire.quantity(ask_lots)}
        return _encode(frame | {"T": moment, "E": moment})

    def _trade(self, trade: TradeExecuted) -> Json:
        wire, moment = self.wire, trade.time_ns // NS_PER_MS
        return {
            "e": "trade",
            "E": moment,
            "T": moment,
            "s": wire.name,
            "t": trade.trade_id,
            "p": wire.price(trade.price_ticks),
            "q": wire.quantity(trade.quantity_lots),
            "X": "MARKET",
            "m": trade.aggressor is Side.SELL,
        }

    def _diff(self, stream: DiffStream, now_ns: int) -> Json:
        wire = self.wire
        sides: dict[Side, list[tuple[str, str]]] = {Side.BUY: [], Side.SELL: []}
        for (side, price), lots in stream.changes.items():
            sides[side].append((wire.price(price), wire.quantity(lots)))
        frame = self._depth_head(stream.first_id, stream.previous_id, now_ns)
        return frame | {"b": sides[Side.BUY], "a": sides[Side.SELL]}

    def _depth_head(self, first_id: int, previous_id: int, now_ns: int) -> Json:
        moment = now_ns // NS_PER_MS
        frame: Json = {"e": "depthUpdate", "E": moment, "T": moment, "s": self.wire.name}
        return frame | {"U": first_id, "u": self.update_id, "pu": previous_id}

    def _send_partials(self, pace_ms: int, now_ns: int) -> None:
        for count in PARTIAL_DEPTHS:
            name = f"{self._name}@depth{count}"
            names = (name, f"{name}@250ms") if pace_ms == 250 else (f"{name}@{pace_ms}ms",)
            self._send(names, partial(self._partial, count, now_ns))

    def _partial(self, count: int, now_ns: int) -> Json:
        book, frame = self.depth(count, now_ns), self._depth_head(self.update_id, self.update_id - 1, now_ns)
        return frame | {"b": book["bids"], "a": book["asks"]}

    def _send(self, names: tuple[str, ...], make: Callable[[], Json]) -> None:
        heard = [name for name in names if self._hub.is_heard(name)]
        if heard:
            payload = _encode(make())
            for name in heard:
                self._hub.publish(name, payload)
