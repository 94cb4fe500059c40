"""What analytics can be asked, and what it answers. Money in units of 1e-8 of an asset."""

import msgspec

from common.exchange.analytics.day_figures import DayFigures
from common.exchange.analytics.states import FiguresState
from common.exchange.analytics.totals import Total


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """One account in one asset: its figures over all markets quoted in it, and by market.

    other_units     profit of no single market: collateral that a backstop took over or gave up, debts that were paid
    equity_units    what it is worth now
    put_in_units    what it was worth at its first trade, and deposits since
    hours, days     equity at full hours and at midnights UTC, oldest first; `*_last` counts hours and days since 1970
    *_flows         deposits less withdrawals since the sample before
    """

    account: str
    asset: str
    total: Total
    markets: dict[str, FiguresState]
    other_units: int
    equity_units: int
    put_in_units: int
    hours_last: int
    hours: list[int]
    hours_flows: list[int]
    days_last: int
    days: list[int]
    days_flows: list[int]


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """One market's last 24 hours. `open_interest_lots`: all long positions of a perpetual; 0 on spot.

    `average_e9` is the volume-weighted average price in 1e-9 ticks.
    """

    symbol: str
    day: DayFigures
    average_e9: int
    volume_units: int
    open_interest_lots: int


class TagView(msgspec.Struct, frozen=True, kw_only=True):
    """What the orders of one grid, quote or strategy have done, named by the link that they carry, by market."""

    tag: str
    markets: dict[str, FiguresState]
