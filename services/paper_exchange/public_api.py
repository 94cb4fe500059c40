"""Requests that need no key."""

from typing import Any

from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.wire import Json


class PublicApi:
    """Market data by request."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def ping(self, _parameters: Parameters) -> Json:
        """Anybody there?"""
        return {}

    def time(self, _parameters: Parameters) -> Json:
        """The venue's clock."""
        return {"serverTime": self._site.now_ms()}

    def exchange_info(self, parameters: Parameters) -> Json:
        """Markets and their filters, all or one."""
        wires = [self._site.market(parameters.symbol())] if parameters.has("symbol") else self._site.wires.values()
        return {
            "timezone": "UTC",
            "serverTime": self._site.now_ms(),
            "rateLimits": self._rate_limits(),
            "exchangeFilters": [],
            "symbols": [wire.exchange_info() for wire in wires],
        }

    def no_markets(self, _parameters: Parameters) -> Json:
        """The coin-margined venue that a client also asks for markets: it has none here."""
        return {"timezone": "UTC", "serverTime": self._site.now_ms(), "rateLimits": [], "symbols": []}

    def nothing(self, _parameters: Parameters) -> list[Any]:
        """Wallet and margin lists that a client asks for while it loads markets."""
        return []

    def depth(self, parameters: Parameters) -> Json:
        """The best levels and the update id that they belong to."""
        data = self._site.market_data[self._site.market(parameters.symbol()).instrument.symbol]
        return data.depth(parameters.limit(100, 5_000))

    def trades(self, parameters: Parameters) -> list[Json]:
        """The newest public trades, oldest first."""
        wire = self._site.market(parameters.symbol())
        trades = list(self._site.market_data[wire.instrument.symbol].trades)
        return [wire.public_trade(trade) for trade in trades[-parameters.limit(500, 1_000) :]]

    def book_ticker(self, parameters: Parameters) -> Json | list[Json]:
        """Best bid and ask of one market, or of all."""
        data = self._site.market_data
        if parameters.has("symbol"):
            return data[self._site.market(parameters.symbol()).instrument.symbol].touch()
        return [each.touch() for each in data.values()]

    def _rate_limits(self) -> list[Json]:
        limits = self._site.limits
        rows = (
            ("REQUEST_WEIGHT", "MINUTE", 1, limits.weight.limit),
            ("ORDERS", "SECOND", 10, limits.orders_10s.limit),
            ("ORDERS", "DAY", 1, limits.orders_day.limit),
        )
        return [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in rows
        ]
