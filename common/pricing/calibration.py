"""A and k of the fill intensity A exp(-k offset), measured from the trades that a resting quote would have met.

As the market-making example of hftbacktest does it, with two corrections: depths are true ticks (there they are half
ticks used as ticks), and unusable fits are refused instead of returned. Each step of `step_s` records how deep, seen
from the middle at the start of the step, the market traded; a quote at or inside that depth would have been crossed.
Queue positions are ignored. k depends on the step: use the time at which quotes are refreshed.
"""

from collections import deque
from math import exp, isfinite, log

import msgspec

LEVELS_MIN = 3


class IntensityFit(msgspec.Struct, frozen=True, kw_only=True):
    """Fills per second A exp(-k offset): `arrival_rate` A in 1/s, `decay` k in 1/tick, and how well it fits."""

    arrival_rate: float
    decay: float
    levels: int
    r_squared: float


class TradeDepths:
    """Deepest trade of each step over a sliding window of `window` steps, as counts by depth in ticks."""

    def __init__(self, window: int, depth_ticks_max: int) -> None:
        if window < 1 or depth_ticks_max < LEVELS_MIN:
            raise ValueError(f"window must be at least 1 and depth_ticks_max {LEVELS_MIN}: {window}, {depth_ticks_max}")
        self._window, self._depth_max = window, depth_ticks_max
        self._steps: deque[int] = deque()
        self._exactly = [0] * (depth_ticks_max + 1)

    def add_step(self, deepest_ticks: float) -> None:
        """Depth of the deepest trade of a step in ticks from the middle before it; 0 or less when nothing traded."""
        depth = min(int(deepest_ticks), self._depth_max) if isfinite(deepest_ticks) and deepest_ticks > 0 else 0
        self._steps.append(depth)
        self._exactly[depth] += 1
        if len(self._steps) > self._window:
            self._exactly[self._steps.popleft()] -= 1

    def rates(self, step_s: float) -> list[float]:
        """Crossings per second of a quote 1, 2, ... ticks from the middle."""
        elapsed_s = len(self._steps) * step_s
        if not elapsed_s:
            return []
        counts, crossed = [], 0
        for depth in range(self._depth_max, 0, -1):
            crossed += self._exactly[depth]
            counts.append(crossed / elapsed_s)
        return counts[::-1]


def fit_intensity(rates: list[float], levels_max: int = 70) -> IntensityFit | None:
    """Least squares of ln(rate) over the nearest `levels_max` depths (k = -slope, A = exp(intercept)).

    `rates[i]` is the rate at i + 1 ticks. Stops at the first depth that was never reached (ln 0). None when fewer than
    three levels are left or the rate does not fall with depth.
    """
    logs = []
    for rate in rates[:levels_max]:
        if not (isfinite(rate) and rate > 0):
            break
        logs.append(log(rate))
    if len(logs) < LEVELS_MIN:
        return None
    slope, intercept, r_squared = _least_squares(logs)
    if slope >= 0:
        return None
    return IntensityFit(arrival_rate=exp(intercept), decay=-slope, levels=len(logs), r_squared=r_squared)


def _least_squares(values: list[float]) -> tuple[float, float, float]:
    """Slope, intercept and R^2 of values at 1, 2, 3, ..."""
    count = len(values)
    x_mean, y_mean = (count + 1) / 2, sum(values) / count
    x_spread = sum((x - x_mean) ** 2 for x in range(1, count + 1))
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in enumerate(values, 1))
    y_spread = sum((y - y_mean) ** 2 for y in values)
    slope = covariance / x_spread
    r_squared = slope * covariance / y_spread if y_spread else 0.0
    return slope, y_mean - slope * x_mean, r_squared
