"""Position and target of the hedge market, without counting a fill twice or missing one.

Fills reach us from the oms and, a hop later, inside the position that the position server publishes. Its
`last_fill_sequence` says which fills that figure contains; the later ones are added here.
"""

from collections import deque
from enum import Enum

from common.messages import PositionChanged

PENDING_FILLS_MAX = 10_000


class FillNews(Enum):
    """What a fill was: new, heard before, or after a hole (then it was not counted: ask the oms for the list)."""

    COUNTED = "counted"
    REPEATED = "repeated"
    GAP = "gap"


class HedgePosition:
    """Lots that we hold as far as anybody has said. `known` is false until the first position has come."""

    def __init__(self) -> None:
        self.known = False
        self._last_heard = 0
        self._base_lots = 0
        self._base_sequence = 0
        self._pending: deque[tuple[int, int, int]] = deque()
        self._pending_lots = 0

    @property
    def lots(self) -> int:
        """Position with every fill that was heard; signed."""
        return self._base_lots + self._pending_lots

    @property
    def oldest_pending_ns(self) -> int:
        """When the oldest fill was heard that the position server has not counted; 0 when there is none."""
        return self._pending[0][2] if self._pending else 0

    def take(self, position: PositionChanged) -> bool:
        """Take the position server's figure; true if the sum changed.

        After its restart the figure may lag for a moment; the exposure says so (`complete` is false until then).
        """
        before, was_known = self.lots, self.known
        if not was_known:
            self.known = True
            self._last_heard = max(self._last_heard, position.last_fill_sequence)
        self._base_lots, self._base_sequence = position.quantity_lots, position.last_fill_sequence
        while self._pending and self._pending[0][0] <= self._base_sequence:
            self._pending_lots -= self._pending.popleft()[1]
        return self.lots != before or not was_known

    @property
    def heard_through(self) -> int:
        """Every fill up to this sequence was heard: ask the oms for those after it."""
        return self._last_heard

    def add(self, sequence: int, lots: int, now_ns: int) -> FillNews:
        """Count a fill, once and only in sequence. `lots` is signed, and 0 for a fill of another market."""
        if sequence <= self._last_heard:
            return FillNews.REPEATED
        if self.known and sequence > self._last_heard + 1:
            return FillNews.GAP
        self._last_heard = sequence
        if sequence > self._base_sequence:
            self._pending.append((sequence, lots, now_ns))
            self._pending_lots += lots
            if len(self._pending) > PENDING_FILLS_MAX:  # Nobody quotes by then: the oldest is far beyond its age limit.
                self._pending_lots -= self._pending.popleft()[1]
        return FillNews.COUNTED
