"""What the last 24 hours of one market came to."""

import msgspec


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
