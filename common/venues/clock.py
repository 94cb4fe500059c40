"""How far a venue's clock is from ours, from round trips and from the stamps of its frames.

An offset is venue time minus our time: venue time = ours + offset.
"""

from collections import deque

ROUND_TRIPS_KEPT = 8
WINDOW_NS = 10_000_000_000
WINDOWS_KEPT = 6


class RoundTripClock:
    """Offset from samples of the venue's time question: the venue answers in the middle of the round trip.

    The sample with the shortest round trip counts, as in NTP (RFC 5905 section 10): its error is at most half of it.
    Feed it monotonic times and a step of the local wall clock cannot spoil a signature.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=ROUND_TRIPS_KEPT)

    def add(self, sent_ns: int, received_ns: int, venue_ns: int) -> None:
        """One answer: `venue_ns` was stamped between our times. A negative round trip is void."""
        round_trip_ns = received_ns - sent_ns
        if round_trip_ns >= 0:
            self._samples.append((round_trip_ns, venue_ns - (sent_ns + received_ns) // 2))

    @property
    def is_known(self) -> bool:
        """True after the first sample."""
        return bool(self._samples)

    @property
    def offset_ns(self) -> int:
        """Best estimate; 0 before the first sample."""
        return min(self._samples)[1] if self._samples else 0

    @property
    def offset_floor_ns(self) -> int:
        """The lowest offset that the best sample allows (half a round trip lower)."""
        if not self._samples:
            return -(2**62)
        round_trip_ns, offset_ns = min(self._samples)
        return offset_ns - (round_trip_ns + 1) // 2


class OneWayClock:
    """Offset from stamped frames: the frame that travelled fastest shows the offset, less its own travel time.

    Keeps the maximum of (stamp - receipt) over a sliding minute, so drift is followed and one late frame is not.
    """

    def __init__(self) -> None:
        self._windows: deque[tuple[int, int]] = deque(maxlen=WINDOWS_KEPT)

    def add(self, venue_ns: int, received_ns: int) -> None:
        """One stamped frame."""
        difference, number = venue_ns - received_ns, received_ns // WINDOW_NS
        if self._windows and self._windows[-1][0] == number:
            if difference > self._windows[-1][1]:
                self._windows[-1] = (number, difference)
            return
        self._windows.append((number, difference))

    @property
    def is_known(self) -> bool:
        """True after the first frame."""
        return bool(self._windows)

    @property
    def offset_ns(self) -> int:
        """Best estimate, too low by the fastest frame's travel time; 0 before the first frame."""
        return max(difference for _, difference in self._windows) if self._windows else 0


def frame_age_ns(venue_ns: int, received_ns: int, frames: OneWayClock, round_trips: RoundTripClock) -> int:
    """How long a frame was under way, corrected by the clocks' offset.

    The larger offset counts: frames alone would call a queue that existed from the first frame normal, and the time
    question alone can disagree with the clock that stamps the frames.
    """
    offset_ns = frames.offset_ns
    if round_trips.is_known:
        offset_ns = max(offset_ns, round_trips.offset_floor_ns)
    return max(0, received_ns + offset_ns - venue_ns)
