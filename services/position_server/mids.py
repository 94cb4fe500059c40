"""The middle of a market at a moment of the last seconds, by the venue's own clock."""

from bisect import bisect_right
from collections import deque

HISTORY_IMAGES = 512
AGE_NS_MAX = 2_000_000_000


class Mids:
    """The last middles of one market, in quote units."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=HISTORY_IMAGES)
        self._mids: deque[float] = deque(maxlen=HISTORY_IMAGES)

    def add(self, event_time_ns: int, mid: float) -> None:
        """Take a newer middle; an older one than the last is ignored."""
        if not self._times or event_time_ns >= self._times[-1]:
            self._times.append(event_time_ns)
            self._mids.append(mid)

    def at(self, event_time_ns: int) -> float | None:
        """The middle that held at a time; None when the book of that time is not known.

        Also None when the last middle before it is more than two seconds older: a fill that is booked after an
        outage must not be judged by the price of another time.
        """
        index = bisect_right(self._times, event_time_ns) - 1
        if index < 0 or event_time_ns - self._times[index] > AGE_NS_MAX:
            return None
        return self._mids[index]
