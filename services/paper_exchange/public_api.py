"""Requests about the venue itself, which need no key."""

from typing import Any

from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.wire import Json


class PublicApi:
    """Time, markets and their rules."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def ping(self, _parameters: Parameters) -> Json:
        """Anybody there?"""
        return {}

    def time(self, _parameters: Parameters) -> Json:
        """The venue's clock."""
        return {"serverTime": self._site.now_ms()}

    def exchange_info(self, parameters: Parameters) -> Json:
        """Markets and their filters, all or some."""
        site = self._site
        facts = {symbol: market.facts for symbol, market in site.exchange.markets.items()}
        return {
            "timezone": "UTC",
            "serverTime": site.now_ms(),
            "rateLimits": site.limits.rows(),
            "exchangeFilters": [],
            "symbols": [
                wire.exchange_info(facts[wire.instrument.symbol].phase, facts[wire.instrument.symbol].rules)
                for wire in site.asked(parameters)
            ],
        }

    def no_markets(self, _parameters: Parameters) -> Json:
        """The coin-margined venue that a client also asks for markets: it has none here."""
        return {"timezone": "UTC", "serverTime": self._site.now_ms(), "rateLimits": [], "symbols": []}

    def nothing(self, _parameters: Parameters) -> list[Any]:
        """Wallet and margin lists that a client asks for while it loads markets."""
        return []
