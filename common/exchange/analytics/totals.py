"""The figures of several markets together."""

import msgspec

from common.exchange.analytics.figures import Figures


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of several markets of one quote asset together, in units of it. Fields as of `Figures`."""

    first_ns: int = 0
    last_ns: int = 0
    maker_units: int = 0
    taker_units: int = 0
    maker_trades: int = 0
    taker_trades: int = 0
    fees_units: int = 0
    rebates_units: int = 0
    funding_units: int = 0
    gross_units: int = 0
    net_units: int = 0
    wins: int = 0
    losses: int = 0


def total_of(figures: list[Figures]) -> Total:
    """Their sum; times are of the first and the latest trade of any (0 without trades)."""
    sums = {
        name: sum(getattr(each, name) for each in figures)
        for name in Total.__struct_fields__
        if not name.endswith("_ns")
    }
    first = min((each.first_ns for each in figures), default=0)
    return Total(first_ns=first, last_ns=max((each.last_ns for each in figures), default=0), **sums)
