"""The time-weighted mean of a pool's tick over a window of blocks that were seen.

A pool's own oracle keeps as many observations as somebody paid for, often one. Whoever reads each new block can
build the same figure: the tick after a block holds until the next one (whitepaper section 5.2, equation 5.3).
"""

from collections import deque

from common.model.errors import InputInvalid


class TickAverage:
    """Takes one (time, tick) a block, in seconds of the chain's clock."""

    def __init__(self, window_s: int) -> None:
        if window_s < 1:
            raise InputInvalid("window_s", "tick_average", "at least 1 second", window_s)
        self._window_s = window_s
        self._samples: deque[tuple[int, int]] = deque()

    def add(self, block_time_s: int, tick: int) -> None:
        """Take one block; a block from the past (a reorganisation) makes the later ones forgotten."""
        while self._samples and self._samples[-1][0] >= block_time_s:
            self._samples.pop()
        self._samples.append((block_time_s, tick))
        # The sample that holds at the window's beginning is kept, older ones are not.
        while len(self._samples) > 1 and self._samples[1][0] <= block_time_s - self._window_s:
            self._samples.popleft()

    def mean(self) -> float | None:
        """Mean over the window that ends with the newest block; None until the blocks seen reach back so far."""
        if not self._samples:
            return None
        end_s = self._samples[-1][0]
        start_s = end_s - self._window_s
        if self._samples[0][0] > start_s:
            return None
        total, until_s = 0, end_s
        for time_s, tick in reversed(self._samples):
            held_from_s = max(time_s, start_s)
            total += tick * (until_s - held_from_s)
            until_s = held_from_s
        return total / self._window_s
