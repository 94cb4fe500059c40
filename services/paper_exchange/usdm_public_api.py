"""USD-M requests that need no key."""

from itertools import islice
from typing import Any

from services.paper_exchange import refusals
from services.paper_exchange import usdm_refusals as errors
from services.paper_exchange.candles import INTERVALS_MS
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.usdm_info import exchange_info
from services.paper_exchange.usdm_market_data import UsdmMarketData
from services.paper_exchange.usdm_site import FUNDING_INTERVAL_NS, UsdmSite
from services.paper_exchange.usdm_wire import ContractWire
from services.paper_exchange.wire import NS_PER_MS, Json

DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1_000)
LATEST_MS = 10**14


class UsdmPublicApi:
    """Market data by request."""

    def __init__(self, site: UsdmSite) -> None:
        self._site = site

    def ping(self, _parameters: Parameters) -> Json:
        """Anybody there?"""
        return {}

    def time(self, _parameters: Parameters) -> Json:
        """The venue's clock."""
        return {"serverTime": self._site.now_ms()}

    def exchange_info(self, _parameters: Parameters) -> Json:
        """Markets and their filters."""
        return exchange_info(self._site)

    def depth(self, parameters: Parameters) -> Json:
        """The best levels and the update id that they belong to."""
        data, limit = self._data(parameters), parameters.integer("limit", 500)
        if limit not in DEPTH_LIMITS:
            raise refusals.VenueError(-4021, f"{limit} is not valid depth limit.")
        return data.depth(limit, self._now_ns())

    def trades(self, parameters: Parameters) -> list[Json]:
        """The newest public trades, oldest first; with `fromId` those from it on."""
        data, first = self._data(parameters), parameters.integer("fromId", 0)
        trades = [trade for trade in data.trades if trade.trade_id >= first]
        limit = parameters.limit(500, 1_000)
        return [data.wire.public_trade(trade) for trade in (trades[:limit] if first else trades[-limit:])]

    def agg_trades(self, parameters: Parameters) -> list[Json]:
        """The newest aggregate trades, oldest first; with `fromId` or `startTime` those from it on."""
        data, first = self._data(parameters), parameters.integer("fromId", 0)
        since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", LATEST_MS)
        limit = parameters.limit(500, 1_000)
        trades = [
            each
            for each in data.aggregates.newest
            if each.number >= first and since_ms <= each.time_ns // NS_PER_MS <= until_ms
        ]
        return [trade.json(data.wire) for trade in (trades[:limit] if first or since_ms else trades[-limit:])]

    def klines(self, parameters: Parameters) -> list[Any]:
        """Bars of an interval, oldest first."""
        data, interval = self._data(parameters), parameters.text("interval")
        if interval not in INTERVALS_MS:
            raise errors.INVALID_INTERVAL()
        since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", LATEST_MS)
        limit, now_ms = parameters.limit(500, 1_500), self._site.now_ms()
        return data.ticker.klines(interval, since_ms, until_ms, limit, since_ms > 0, now_ms)

    def day(self, parameters: Parameters) -> Json | list[Json]:
        """Statistics of 24 hours of one market, or of all."""
        return self._one_or_all(parameters, lambda data: data.day(self._site.now_ms()))

    def price(self, parameters: Parameters) -> Json | list[Json]:
        """The last price of one market, or of all."""

        def show(data: UsdmMarketData) -> Json:
            last = self._site.exchange.markets[data.wire.instrument.symbol].facts.last
            return {"symbol": data.wire.name, "price": data.wire.price(last), "time": self._site.now_ms()}

        return self._one_or_all(parameters, show)

    def book_ticker(self, parameters: Parameters) -> Json | list[Json]:
        """Best bid and ask of one market, or of all."""
        return self._one_or_all(parameters, lambda data: data.touch(self._now_ns()))

    def premium_index(self, parameters: Parameters) -> Json | list[Json]:
        """Mark, oracle and funding of one market, or of all."""
        now_ns = self._now_ns()
        return self._one_or_all(parameters, lambda data: self._site.premium(data.wire.instrument.symbol, now_ns))

    def funding_rate(self, parameters: Parameters) -> list[Json]:
        """What was paid, oldest first: the newest rows, or those of a period."""
        wires = [self._wire(parameters)] if parameters.has("symbol") else self._site.wires.values()
        since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", LATEST_MS)
        limit = parameters.limit(100, 1_000)
        rows = [
            row for wire in wires for row in self._site.funding.rows(wire) if since_ms <= row["fundingTime"] <= until_ms
        ]
        rows.sort(key=lambda row: row["fundingTime"])
        return list(islice(rows, limit)) if since_ms else rows[-limit:]

    def funding_info(self, _parameters: Parameters) -> list[Json]:
        """How often funding is paid, and its bounds."""
        rate = self._site.funding.rate_max
        return [
            {
                "symbol": wire.name,
                "adjustedFundingRateCap": rate,
                "adjustedFundingRateFloor": f"-{rate}",
                "fundingIntervalHours": FUNDING_INTERVAL_NS // (3_600 * 10**9),
                "disclaimer": False,
            }
            for wire in self._site.wires.values()
        ]

    def open_interest(self, parameters: Parameters) -> Json:
        """Lots that are held long."""
        wire = self._wire(parameters)
        lots = self._site.open_lots(wire.instrument.symbol)
        return {"symbol": wire.name, "openInterest": wire.quantity(lots), "time": self._site.now_ms()}

    def _now_ns(self) -> int:
        return self._site.now_ms() * NS_PER_MS

    def _wire(self, parameters: Parameters) -> ContractWire:
        return self._site.market(parameters.symbol())

    def _data(self, parameters: Parameters) -> UsdmMarketData:
        return self._site.market_data[self._wire(parameters).instrument.symbol]

    def _one_or_all(self, parameters: Parameters, show: Any) -> Json | list[Json]:
        if parameters.has("symbol"):
            row: Json = show(self._data(parameters))
            return row
        return [show(data) for data in self._site.market_data.values()]
