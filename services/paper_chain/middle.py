"""The exchange's middle price, and whether it may be believed."""

from fractions import Fraction

from common.messages import BookImage, FeedStatusChanged
from common.model.instrument import Instrument

SECOND_NS = 10**9


class Middle:
    """Fed with images and feed reports. `now_ns` is a monotonic clock throughout."""

    def __init__(self, instrument: Instrument, age_s_max: float) -> None:
        self._tick = Fraction(instrument.tick_size)
        self._age_ns_max = age_s_max * SECOND_NS
        self._price: Fraction | None = None
        self._is_live = True
        self._heard_ns = 0

    def on_book(self, image: BookImage, now_ns: int) -> None:
        """Take an image; one without both sides has no middle."""
        if image.bids and image.asks:
            self._price = Fraction(image.bids[0][0] + image.asks[0][0], 2) * self._tick
            self._heard_ns = now_ns
        else:
            self._price = None

    def on_feed(self, report: FeedStatusChanged, now_ns: int) -> None:
        """Take a report: a quiet market has no new images, but its feed reports each second."""
        self._is_live = report.state == "live"
        self._heard_ns = now_ns

    def price(self, now_ns: int) -> Fraction | None:
        """Quote per base, or None while there is none, or the feed is not live, or nothing was heard of late."""
        fresh = now_ns - self._heard_ns <= self._age_ns_max
        return self._price if self._is_live and fresh else None
