"""Volatility in absolute units: price per sqrt(second), as the quote models want it. Feed mids, never trade prices.

Trade prices bounce between bid and ask and would show volatility where there is none (quant.md, section 2).
"""

from collections import deque
from collections.abc import Sequence
from math import exp, isfinite, log, sqrt

NS_PER_S = 1e9


class EwmaVolatility:
    """Exponentially weighted variance rate with a half-life in seconds; irregular sampling is welcome.

    rate = sum w_i dp_i^2 / sum w_i dt_i with w_i = 2^(-age_i / half-life): the quadratic variation per second. Samples
    closer than `interval_s` are skipped (bounce of the mid), and a pause of more than `gap_s` begins anew without
    counting the jump across it, because nobody saw the path.
    """

    def __init__(self, half_life_s: float, interval_s: float = 1.0, gap_s: float = 10.0) -> None:
        for name, value in {"half_life_s": half_life_s, "interval_s": interval_s, "gap_s": gap_s}.items():
            if not (isfinite(value) and value > 0):
                raise ValueError(f"{name} must be finite and above 0, got {value}")
        self.samples = 0
        self._decay_per_s = log(2) / half_life_s
        self._interval_s, self._gap_s = interval_s, gap_s
        self._variation = self._time_s = 0.0
        self._last: tuple[int, float] | None = None

    def add(self, time_ns: int, price: float) -> None:
        """Take a mid. A price that is not finite and positive, or a time that runs backwards, is skipped."""
        if not (isfinite(price) and price > 0):
            return
        if self._last is None:
            self._last = time_ns, price
            return
        elapsed_s = (time_ns - self._last[0]) / NS_PER_S
        if elapsed_s < self._interval_s:
            return
        if elapsed_s <= self._gap_s:
            keep = exp(-self._decay_per_s * elapsed_s)
            self._variation = keep * self._variation + (price - self._last[1]) ** 2
            self._time_s = keep * self._time_s + elapsed_s
            self.samples += 1
        self._last = time_ns, price

    def sigma(self, samples_min: int = 10) -> float | None:
        """Price per sqrt(second); None before `samples_min` changes were seen."""
        if self.samples < samples_min:
            return None
        return sqrt(self._variation / self._time_s)


class WindowVolatility:
    """Standard deviation of the mid's changes over the last `window` steps of a fixed grid of `step_s` seconds."""

    def __init__(self, step_s: float, window: int) -> None:
        if not (isfinite(step_s) and step_s > 0):
            raise ValueError(f"step_s must be finite and above 0, got {step_s}")
        if window < 2:
            raise ValueError(f"window must be at least 2, got {window}")
        self._step_s = step_s
        self._changes: deque[float] = deque(maxlen=window)
        self._last: float | None = None

    def add(self, price: float) -> None:
        """Take the mid of the next step; one that is not finite and positive leaves a hole that is not bridged."""
        if not (isfinite(price) and price > 0):
            self._last = None
            return
        if self._last is not None:
            self._changes.append(price - self._last)
        self._last = price

    def sigma(self) -> float | None:
        """Price per sqrt(second): std(change per step, ddof=1) / sqrt(step); None before two changes were seen."""
        if len(self._changes) < 2:
            return None
        return sample_deviation(self._changes) / sqrt(self._step_s)


def sample_deviation(values: Sequence[float] | deque[float]) -> float:
    """Standard deviation with ddof=1 of at least two values."""
    mean = sum(values) / len(values)
    return sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
