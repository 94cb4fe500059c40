"""What a market did: candles and 24-hour statistics, asked for and streamed each second."""

from collections.abc import Iterator

import msgspec

from common.exchange.events import TradeExecuted
from common.exchange.money import UNITS_PER_ASSET, units_text
from services.paper_exchange.broadcast import Hub
from services.paper_exchange.candles import DAY_MS, INTERVALS_MS, Candle, CandleSeries
from services.paper_exchange.wire import ZERO, Json, WireNumbers

AVERAGE_MINUTES = 5
Touch = tuple[int, int, int, int]
"""Best bid, its size, best ask, its size; zeros where a side is empty."""

Row = list[int | str]
"""A candle, as klines lists it."""

_encode = msgspec.json.Encoder().encode


class Ticker:
    """One market's summaries."""

    def __init__(self, wire: WireNumbers, hub: Hub) -> None:
        self.wire, self._hub = wire, hub
        self.candles = CandleSeries(wire.scale.tick_lot_units)
        self.last_lots = 0
        """Of the newest trade."""
        self._name = wire.name.lower()
        self._streamed: dict[str, Candle] = {}

    def add(self, trade: TradeExecuted) -> None:
        """Count one trade in."""
        self.last_lots = trade.quantity_lots
        self.candles.add(trade)

    def klines(
        self, interval: str, since_ms: int, until_ms: int, limit: int, from_start: bool, now_ms: int
    ) -> list[Row]:
        """Candles of an interval: the first ones from `since_ms` on, or the newest ones."""
        self.candles.pass_time(now_ms)
        found = self.candles.candles(INTERVALS_MS[interval], since_ms, until_ms)
        return [self._row(candle) for candle in (found[:limit] if from_start else found[-limit:])]

    def price(self) -> Json:
        """The newest price; zero before the first trade."""
        newest = self.candles.newest()
        return {"symbol": self.wire.name, "price": ZERO if newest is None else self.wire.price(newest.close)}

    def average(self, now_ms: int) -> Json:
        """The price of the last five minutes, weighted by what was traded; the newest price if nothing was."""
        self.candles.pass_time(now_ms)
        recent = self.candles.last(AVERAGE_MINUTES, now_ms)
        price = ZERO if recent is None else self._average_text(recent)
        return {"mins": AVERAGE_MINUTES, "price": price, "closeTime": now_ms}

    def day(self, now_ms: int, touch: Touch | None) -> Json:
        """The last 24 hours; without a touch only the short form."""
        wire, day = self.wire, self.candles.day(now_ms)
        whole = Candle(now_ms - DAY_MS, DAY_MS, 0, 0, 0, 0) if day is None else day
        short = {
            "symbol": wire.name,
            "openPrice": wire.price(whole.open),
            "highPrice": wire.price(whole.high),
            "lowPrice": wire.price(whole.low),
            "lastPrice": wire.price(whole.close),
            "volume": wire.quantity(whole.lots),
            "quoteVolume": units_text(whole.quote_units),
            "openTime": whole.opened_ms,
            "closeTime": now_ms,
            "firstId": whole.first_trade_id,
            "lastId": whole.last_trade_id,
            "count": whole.trades,
        }
        if touch is None:
            return short
        bid, bid_lots, ask, ask_lots = touch
        return short | {
            "priceChange": wire.price(whole.close - whole.open),
            "priceChangePercent": _percent_text(whole),
            "weightedAvgPrice": self._average_text(whole),
            "prevClosePrice": wire.price(whole.open),
            "lastQty": wire.quantity(self.last_lots),
            "bidPrice": wire.price(bid),
            "bidQty": wire.quantity(bid_lots),
            "askPrice": wire.price(ask),
            "askQty": wire.quantity(ask_lots),
        }

    def beat(self, now_ms: int, touch: Touch) -> None:
        """Send what is listened to; call each second."""
        for stream, frame in self._frames(now_ms, touch):
            self._hub.publish(stream, _encode(frame))

    def _frames(self, now_ms: int, touch: Touch) -> Iterator[tuple[str, Json]]:
        hub, name = self._hub, self._name
        if hub.is_heard(f"{name}@ticker") and self.candles.newest() is not None:
            yield f"{name}@ticker", _long_frame(self.day(now_ms, touch), now_ms)
        if hub.is_heard(f"{name}@miniTicker") and self.candles.newest() is not None:
            yield f"{name}@miniTicker", _short_frame(self.day(now_ms, None), now_ms)
        for interval, length_ms in INTERVALS_MS.items():
            stream = f"{name}@kline_{interval}"
            if hub.is_heard(stream):
                yield from ((stream, frame) for frame in self._kline_frames(interval, length_ms, now_ms))
            else:
                self._streamed.pop(interval, None)

    def _kline_frames(self, interval: str, length_ms: int, now_ms: int) -> Iterator[Json]:
        """The present candle if something was traded in it, and before it, once, how the one before it ended."""
        before = self._streamed.get(interval)
        if before is not None and now_ms >= before.ends_ms:
            ended = self.candles.at(before.opened_ms, length_ms) or before
            yield self._kline_frame(interval, ended, now_ms, closed=True)
            del self._streamed[interval]
        present = self.candles.at(now_ms, length_ms)
        if present is not None and present != before:
            self._streamed[interval] = present
            yield self._kline_frame(interval, present, now_ms, closed=False)

    def _kline_frame(self, interval: str, candle: Candle, now_ms: int, closed: bool) -> Json:
        wire = self.wire
        return {"e": "kline", "E": now_ms, "s": wire.name, "k": {
            "t": candle.opened_ms,
            "T": candle.ends_ms - 1,
            "s": wire.name,
            "i": interval,
            "f": candle.first_trade_id,
            "L": candle.last_trade_id,
            "o": wire.price(candle.open),
            "c": wire.price(candle.close),
            "h": wire.price(candle.high),
            "l": wire.price(candle.low),
            "v": wire.quantity(candle.lots),
            "n": candle.trades,
            "x": closed,
            "q": units_text(candle.quote_units),
            "V": wire.quantity(candle.bought_lots),
            "Q": units_text(candle.bought_units),
            "B": "0",
        }}  # fmt: skip

    def _row(self, candle: Candle) -> Row:
        wire = self.wire
        return [
            candle.opened_ms, wire.price(candle.open), wire.price(candle.high), wire.price(candle.low),
            wire.price(candle.close), wire.quantity(candle.lots), candle.ends_ms - 1, units_text(candle.quote_units),
            candle.trades, wire.quantity(candle.bought_lots), units_text(candle.bought_units), "0",
        ]  # fmt: skip

    def _average_text(self, candle: Candle) -> str:
        if not candle.lots:
            return self.wire.price(candle.close)
        return units_text(candle.quote_units * UNITS_PER_ASSET // self.wire.scale.base_units(candle.lots))


def _percent_text(candle: Candle) -> str:
    return f"{(candle.close - candle.open) / candle.open * 100 if candle.open else 0:.3f}"


def _short_frame(day: Json, now_ms: int) -> Json:
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": day["symbol"],
        "c": day["lastPrice"],
        "o": day["openPrice"],
        "h": day["highPrice"],
        "l": day["lowPrice"],
        "v": day["volume"],
        "q": day["quoteVolume"],
    }


def _long_frame(day: Json, now_ms: int) -> Json:
    return _short_frame(day, now_ms) | {
        "e": "24hrTicker",
        "p": day["priceChange"],
        "P": day["priceChangePercent"],
        "w": day["weightedAvgPrice"],
        "x": day["prevClosePrice"],
        "Q": day["lastQty"],
        "b": day["bidPrice"],
        "B": day["bidQty"],
        "a": day["askPrice"],
        "A": day["askQty"],
        "O": day["openTime"],
        "C": day["closeTime"],
        "F": day["firstId"],
        "L": day["lastId"],
        "n": day["count"],
    }
