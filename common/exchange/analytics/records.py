"""All that analytics remembers."""

from common.exchange.analytics.day import RollingDay
from common.exchange.analytics.equity import Capital
from common.exchange.analytics.figures import Figures

MarketFigures = dict[str, Figures]
"""Figures by market."""


class AccountRecord:
    """One account: figures by market, capital by the asset that markets are quoted in."""

    __slots__ = ("capital", "markets")

    def __init__(self) -> None:
        self.markets: MarketFigures = {}
        self.capital: dict[str, Capital] = {}


class Records:
    """Accounts by name, strategies by the link of their orders, markets by symbol; when hours are sampled next."""

    __slots__ = ("accounts", "days", "next_hour", "tags")

    def __init__(self) -> None:
        self.accounts: dict[str, AccountRecord] = {}
        self.tags: dict[str, MarketFigures] = {}
        self.days: dict[str, RollingDay] = {}
        self.next_hour = 0
