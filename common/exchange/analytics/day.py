"""The last 24 hours of one market: high, low, volume and average price over a bounded number of buckets."""

from typing import Final

from mypy_extensions import mypyc_attr

from common.exchange.analytics.day_figures import DayFigures

NS_PER_S: Final = 1_000_000_000
BUCKET_NS: Final = 300 * NS_PER_S
BUCKETS: Final = 288
"""24 hours in steps of 5 minutes; the present bucket is one of them, so the window is 23 h 55 min to 24 h long."""


@mypyc_attr(acyclic=True)
class Bucket:
    """Trades of 5 minutes, which began at `index` x BUCKET_NS."""

    __slots__ = ("close_ticks", "high_ticks", "index", "lots", "low_ticks", "open_ticks", "tick_lots", "trades")

    def __init__(self, index: int, price_ticks: int) -> None:
        self.index = index
        self.open_ticks = self.high_ticks = self.low_ticks = self.close_ticks = price_ticks
        self.lots = self.tick_lots = self.trades = 0


class RollingDay:
    """Buckets of one market, oldest first; only those in which something traded are kept."""

    __slots__ = ("buckets",)

    def __init__(self) -> None:
        self.buckets: list[Bucket] = []

    def trade(self, time_ns: int, price_ticks: int, lots: int) -> None:
        """Count a trade; `lots` 0 moves the prices only."""
        index, buckets = time_ns // BUCKET_NS, self.buckets
        if buckets and (bucket := buckets[-1]).index == index:
            if price_ticks > bucket.high_ticks:
                bucket.high_ticks = price_ticks
            elif price_ticks < bucket.low_ticks:
                bucket.low_ticks = price_ticks
            bucket.close_ticks = price_ticks
        else:
            bucket = self._begin(index, price_ticks)
        if lots:
            bucket.lots += lots
            bucket.tick_lots += price_ticks * lots
            bucket.trades += 1

    def figures(self, time_ns: int) -> DayFigures:
        """The 24 hours before a time. Changes nothing."""
        oldest = time_ns // BUCKET_NS - BUCKETS
        within = [bucket for bucket in self.buckets if bucket.index > oldest]
        if not within:
            return DayFigures()
        return DayFigures(
            open_ticks=within[0].open_ticks,
            high_ticks=max(bucket.high_ticks for bucket in within),
            low_ticks=min(bucket.low_ticks for bucket in within),
            close_ticks=within[-1].close_ticks,
            lots=sum(bucket.lots for bucket in within),
            tick_lots=sum(bucket.tick_lots for bucket in within),
            trades=sum(bucket.trades for bucket in within),
        )

    def _begin(self, index: int, price: int) -> Bucket:
        while self.buckets and self.buckets[0].index <= index - BUCKETS:
            del self.buckets[0]
        bucket = Bucket(index, price)
        self.buckets.append(bucket)
        return bucket
