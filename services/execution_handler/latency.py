"""Quantiles of the newest durations. Pure."""

from collections import deque

KEPT = 4_096


class Durations:
    """The newest KEPT durations in microseconds."""

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._newest)

    def add(self, duration_us: float) -> None:
        """One more."""
        self._newest.append(duration_us)

    def quantile(self, share: float) -> float:
        """The value that `share` of them do not exceed (nearest rank); -1 while there is none."""
        if not self._newest:
            return -1.0
        ordered = sorted(self._newest)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
