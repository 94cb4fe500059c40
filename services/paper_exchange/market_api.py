"""Requests for market data, which need no key."""

from collections.abc import Callable
from functools import partial

from services.paper_exchange import refusals
from services.paper_exchange.candles import INTERVALS_MS
from services.paper_exchange.market_data import MarketData
from services.paper_exchange.parameters import TIME_MS_MAX, Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.tickers import Row
from services.paper_exchange.wire import Json

INVALID_INTERVAL = partial(refusals.VenueError, -1120, "Invalid interval.")
INVALID_TYPE = partial(refusals.VenueError, -1139, "Invalid ticker type.")
TICKER_TYPES = ("FULL", "MINI")


class MarketApi:
    """Books, trades, candles and tickers by request. Every method raises VenueError."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def depth(self, parameters: Parameters) -> Json:
        """The best levels and the update id that they belong to."""
        return self._data(parameters).depth(parameters.limit(100, 5_000))

    def trades(self, parameters: Parameters) -> list[Json]:
        """The newest public trades, oldest first."""
        data = self._data(parameters)
        trades = list(data.trades)
        return [data.wire.public_trade(trade) for trade in trades[-parameters.limit(500, 1_000) :]]

    def agg_trades(self, parameters: Parameters) -> list[Json]:
        """Trades of one taker at one price as one: from `fromId` or `startTime` on, or the newest."""
        data, limit = self._data(parameters), parameters.limit(500, 1_000)
        if parameters.has("fromId") and (parameters.has("startTime") or parameters.has("endTime")):
            raise refusals.bad_combination()
        first, (since_ns, until_ns) = parameters.integer("fromId", 0), parameters.period()
        found = [
            each for each in data.aggregates.newest if each.number >= first and since_ns <= each.time_ns < until_ns
        ]
        from_start = parameters.has("fromId") or parameters.has("startTime")
        return [each.json(data.wire) for each in (found[:limit] if from_start else found[-limit:])]

    def klines(self, parameters: Parameters) -> list[Row]:
        """Candles, oldest first: from `startTime` on, or the newest."""
        data, interval = self._data(parameters), parameters.text("interval")
        if interval not in INTERVALS_MS:
            raise INVALID_INTERVAL()
        since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", TIME_MS_MAX)
        limit, from_start = parameters.limit(500, 1_000), parameters.has("startTime")
        return data.ticker.klines(interval, since_ms, until_ms, limit, from_start, self._site.now_ms())

    def average_price(self, parameters: Parameters) -> Json:
        """The average price of five minutes."""
        return self._data(parameters).ticker.average(self._site.now_ms())

    def day_ticker(self, parameters: Parameters) -> Json | list[Json]:
        """24 hours of one market, of some, or of all."""
        kind = parameters.text("type") if parameters.has("type") else "FULL"
        if kind not in TICKER_TYPES:
            raise INVALID_TYPE()
        now_ms = self._site.now_ms()
        return self._each(parameters, lambda data: data.ticker.day(now_ms, data.best() if kind == "FULL" else None))

    def price_ticker(self, parameters: Parameters) -> Json | list[Json]:
        """The newest price of one market, of some, or of all."""
        return self._each(parameters, lambda data: data.ticker.price())

    def book_ticker(self, parameters: Parameters) -> Json | list[Json]:
        """Best bid and ask of one market, of some, or of all."""
        return self._each(parameters, lambda data: data.touch())

    def _each(self, parameters: Parameters, tell: Callable[[MarketData], Json]) -> Json | list[Json]:
        told = [tell(self._site.market_data[wire.instrument.symbol]) for wire in self._site.asked(parameters)]
        return told[0] if parameters.has("symbol") else told

    def _data(self, parameters: Parameters) -> MarketData:
        return self._site.market_data[self._site.market(parameters.symbol()).instrument.symbol]
