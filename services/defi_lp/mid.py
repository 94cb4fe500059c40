"""The CeFi price as the LP needs it: the newest middle, its age, and its volatility."""

from math import sqrt

from common.messages import BookImage
from common.model.instrument import Instrument
from common.pricing.volatility import EwmaVolatility

SECONDS_PER_YEAR = 365 * 86_400
MS_NS = 1_000_000


class MidWatch:
    """Takes book images. Times are passed in."""

    def __init__(self, instrument: Instrument, age_ms_max: float, half_life_s: float, floor_annual: float) -> None:
        self._instrument, self._age_ns_max = instrument, int(age_ms_max * MS_NS)
        self._floor = floor_annual / sqrt(SECONDS_PER_YEAR)
        self._volatility = EwmaVolatility(half_life_s)
        self._mid, self._received_ns = 0.0, 0

    def take(self, book: BookImage) -> None:
        """The newest image; one with an empty side says nothing."""
        if book.bids and book.asks:
            self._mid, self._received_ns = self._instrument.price(book.mid_ticks), book.received_ns
            self._volatility.add(book.received_ns, self._mid)

    def mid(self, now_ns: int) -> float | None:
        """Middle of the book, or None if there is none or it is too old to act on."""
        return self._mid if self._mid and now_ns - self._received_ns <= self._age_ns_max else None

    @property
    def sigma(self) -> float:
        """Lognormal volatility per sqrt(second), never below the floor."""
        absolute = self._volatility.sigma()
        return max(absolute / self._mid, self._floor) if absolute and self._mid else self._floor

    @property
    def sigma_annual(self) -> float:
        """The same per sqrt(year), as people speak of it."""
        return self.sigma * sqrt(SECONDS_PER_YEAR)
