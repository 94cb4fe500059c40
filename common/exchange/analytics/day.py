"""The last 24 hours of one market: high, low, volume and average price over a bounded number of buckets."""

from dataclasses import dataclass, field

import msgspec

NS_PER_S = 1_000_000_000
BUCKET_NS = 300 * NS_PER_S
BUCKETS = 288
"""24 hours in steps of 5 minutes; the present bucket is one of them, so the window is 23 h 55 min to 24 h long."""


@dataclass(slots=True, kw_only=True)
class Bucket:
    """Trades of 5 minutes, which began at `index` x BUCKET_NS."""

    index: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    lots: int = 0
    tick_lots: int = 0
    trades: int = 0


class DayFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One market's last 24 hours. `tick_lots` is the sum of price x lots; prices are 0 when nothing traded."""

    open_ticks: int = 0
    high_ticks: int = 0
    low_ticks: int = 0
    close_ticks: int = 0
    lots: int = 0
    tick_lots: int = 0
    trades: int = 0

    def average_ticks(self, scale: int) -> int:
        """Volume-weighted average price in ticks / `scale`, rounded half up; 0 when nothing traded."""
        return (2 * self.tick_lots * scale + self.lots) // (2 * self.lots) if self.lots else 0


@dataclass(slots=True, kw_only=True)
class RollingDay:
    """Buckets of one market, oldest first; only those in which something traded are kept."""

    buckets: list[Bucket] = field(default_factory=list)

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
        bucket = Bucket(index=index, open_ticks=price, high_ticks=price, low_ticks=price, close_ticks=price)
        self.buckets.append(bucket)
        return bucket
