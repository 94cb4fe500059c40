"""All that analytics remembers."""

import msgspec

from common.exchange.analytics.day import RollingDay
from common.exchange.analytics.equity import EquitySeries
from common.exchange.analytics.figures import Figures

MarketFigures = dict[str, Figures]
"""Figures by market."""


class Capital(msgspec.Struct, kw_only=True):
    """What an account has put in, in one asset, in units, since its first trade in a market of that asset.

    put_in_units     what it was worth then, and every deposit since
    net_flow_units   deposits less withdrawals since
    other_units      profit of no single market: collateral that a backstop took over or gave up, debts that were paid
    equity           what it was worth at every hour
    """

    put_in_units: int
    equity: EquitySeries
    net_flow_units: int = 0
    other_units: int = 0


class AccountRecord(msgspec.Struct, kw_only=True):
    """One account: figures by market, capital by the asset that markets are quoted in."""

    markets: MarketFigures = {}
    capital: dict[str, Capital] = {}


class Records(msgspec.Struct, kw_only=True):
    """Accounts by name, strategies by the link of their orders, markets by symbol; when hours are sampled next."""

    accounts: dict[str, AccountRecord] = {}
    tags: dict[str, MarketFigures] = {}
    days: dict[str, RollingDay] = {}
    next_hour: int = 0


class AnalyticsState(msgspec.Struct, frozen=True, kw_only=True):
    """The records as JSON: sums over years do not fit the 64 bits of other encodings."""

    records: bytes


def state_of(records: Records) -> AnalyticsState:
    """What a snapshot keeps."""
    return AnalyticsState(records=msgspec.json.encode(records))


def records_of(state: AnalyticsState) -> Records:
    """What a snapshot kept."""
    return msgspec.json.decode(state.records, type=Records)
