"""Waits between attempts: the first try is immediate, then they grow to a cap, with jitter."""

from random import Random


class Backoff:
    """`next_s()` gives the wait before the next attempt; `reset()` after a success.

    Jitter spreads each wait over [1 - jitter, 1] of its nominal length; randomness is passed in.
    """

    def __init__(
        self, random: Random, first_s: float = 0.1, cap_s: float = 5.0, factor: float = 2.0, jitter: float = 0.3
    ) -> None:
        self._random, self._first_s, self._cap_s, self._factor, self._jitter = random, first_s, cap_s, factor, jitter
        self.attempts = 0

    def next_s(self) -> float:
        """Wait in seconds; 0 for the first attempt after a reset."""
        attempt, self.attempts = self.attempts, self.attempts + 1
        if attempt == 0:
            return 0.0
        nominal_s = min(self._cap_s, self._first_s * self._factor ** min(attempt - 1, 32))
        return nominal_s * (1 - self._jitter * self._random.random())

    def reset(self) -> None:
        """The last attempt worked."""
        self.attempts = 0
