"""Samples of an account's equity on the UTC grid: hours for a month, midnights for a year and more."""

from typing import Final

import msgspec

HOUR_NS: Final = 3_600_000_000_000
HOURS_PER_DAY = 24
HOURS_KEPT = 30 * HOURS_PER_DAY
DAYS_KEPT = 400


class Sampled(msgspec.Struct, kw_only=True):
    """Equity at every step of a grid without a gap, oldest first, in units; the last one is at step `last`, and before
    there is any the first one will be at the step after it.

    `flows[i]` is what was deposited less what was withdrawn since sample i - 1.
    """

    last: int
    equity: list[int] = []
    flows: list[int] = []

    def add(self, step: int, equity: int, flow: int, most: int) -> None:
        """Sample a step, and every step since the last one: between two commands nothing changes, so equity was then
        what it is now. The oldest samples beyond `most` go."""
        missed = min(step - self.last - 1, most)
        self.equity += [equity] * (missed + 1)
        # What flowed did so before the first of them.
        self.flows += [flow] + [0] * missed
        self.last = step
        if (excess := len(self.equity) - most) > 0:
            del self.equity[:excess]
            del self.flows[:excess]


class EquitySeries(msgspec.Struct, kw_only=True):
    """Samples of one account in one asset, and what was deposited less withdrawn until the latest of each grid."""

    hours: Sampled
    days: Sampled
    hours_flow: int = 0
    days_flow: int = 0

    def sample(self, hour: int, equity: int, net_deposits: int) -> None:
        """Sample a full hour (hours since 1970 UTC), later than any before. `net_deposits` counts from the account's
        beginning."""
        self.hours.add(hour, equity, net_deposits - self.hours_flow, HOURS_KEPT)
        self.hours_flow = net_deposits
        day = hour // HOURS_PER_DAY
        if day > self.days.last:
            self.days.add(day, equity, net_deposits - self.days_flow, DAYS_KEPT)
            self.days_flow = net_deposits


def series_from(hour: int) -> EquitySeries:
    """A series without samples, whose first one will be at `hour` or later and whose first midnight is a whole one."""
    day = -(-hour // HOURS_PER_DAY)
    return EquitySeries(hours=Sampled(last=hour - 1), days=Sampled(last=day - 1))


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
