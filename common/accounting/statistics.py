"""Running statistics over time in constant memory."""

import math

import msgspec


class TimeWeighted(msgspec.Struct, frozen=True, kw_only=True):
    """Mean, variance and largest absolute value of a figure, each sample weighted by how long it held (seconds).

    Weighted Welford recurrence (West 1979): d = x - mean, M2 += d^2 w W / (W + w), mean += d w / (W + w), W += w.
    Stable where sums of squares cancel, and M2 never falls below 0.
    """

    samples: int = 0
    weight_s: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    abs_max: float = 0.0

    @property
    def std(self) -> float:
        """Standard deviation over the time seen (population, not sample); 0 before any."""
        return math.sqrt(self.squares / self.weight_s) if self.weight_s else 0.0


def add_sample(statistics: TimeWeighted, value: float, held_s: float) -> TimeWeighted:
    """The statistics after `value` held for `held_s` seconds; no time, no change. Raises ValueError on NaN."""
    if not (math.isfinite(value) and math.isfinite(held_s) and held_s >= 0):
        raise ValueError(f"expected finite samples and times of at least 0, got {value} for {held_s} s")
    if not held_s:
        return statistics
    weight = statistics.weight_s + held_s
    delta = value - statistics.mean
    return TimeWeighted(
        samples=statistics.samples + 1,
        weight_s=weight,
        mean=statistics.mean + delta * (held_s / weight),
        squares=statistics.squares + delta * delta * held_s * statistics.weight_s / weight,
        abs_max=max(statistics.abs_max, abs(value)),
    )
