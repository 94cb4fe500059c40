"""Whether moving a range pays: fees that it would earn until the price leaves it, against those of the old one."""

from collections import deque
from collections.abc import Iterable
from math import erf, log, sqrt

import msgspec

from common.amm.fees import Growth
from common.amm.loss import lvr_rate
from common.amm.pair import Pair
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan

SECOND_NS = 10**9
_QUADRATURE_POINTS = 24

Owned = tuple[int, int, int]
"""Lower tick, upper tick, raw liquidity."""


class FeeRate:
    """Fees that the pool lately paid to each unit of its active liquidity, from its growth counters."""

    def __init__(self, pair: Pair, window_s: float = 900.0) -> None:
        self._pair, self._window_ns = pair, int(window_s * SECOND_NS)
        self._samples: deque[tuple[int, Growth]] = deque()

    def add(self, block_time_ns: int, growth: Growth) -> None:
        """Take one block's counters; a block from the past (a reorganisation) makes the later ones forgotten."""
        while self._samples and self._samples[-1][0] >= block_time_ns:
            self._samples.pop()
        self._samples.append((block_time_ns, growth))
        while block_time_ns - self._samples[0][0] > self._window_ns:
            self._samples.popleft()

    @property
    def measured_s(self) -> float:
        """For how long the samples reach back."""
        return (self._samples[-1][0] - self._samples[0][0]) / SECOND_NS if self._samples else 0.0

    def quote_per_second(self, price: float) -> float | None:
        """Quote per second per raw unit of liquidity, or None before there are two samples."""
        if len(self._samples) < 2:
            return None
        (start_ns, first), (end_ns, last) = self._samples[0], self._samples[-1]
        grown = last - first
        base, quote = self._pair.unorder(grown.token0, grown.token1)
        value = self._pair.whole_base(base) * price + self._pair.whole_quote(quote)
        return value / 2.0**128 * SECOND_NS / (end_ns - start_ns)


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What a pool is expected to pay: `rate` in quote per second and raw unit of active liquidity, at lognormal
    volatility `sigma` per sqrt(s), over `horizon_s` seconds from `price`.
    """

    pair: Pair
    price: float
    rate: float
    sigma: float
    horizon_s: float

    def income(self, ranges: Iterable[Owned]) -> float:
        """Expected income of ranges: rate x liquidity x expected time in range."""
        return self.rate * sum(
            liquidity
            * expected_time_inside(self.price, *self.pair.price_bounds(lower, upper), self.sigma, self.horizon_s)
            for lower, upper, liquidity in ranges
        )

    def net_of_lvr(self) -> "Outlook":
        """The same after loss-versus-rebalancing: L sigma^2 sqrt(P) / 4 per second that liquidity is in range.

        All flow counts in a measured fee rate, the arbitrageurs' too, so all of LVR is set against it (models.md).
        """
        loss = lvr_rate(self.pair.whole_liquidity(1), self.sigma, self.price)
        return msgspec.structs.replace(self, rate=self.rate - loss)


def standing_ranges(holdings: Holdings) -> list[Owned]:
    """(tick_lower, tick_upper, liquidity) of what we have."""
    return [(each.range.tick_lower, each.range.tick_upper, each.range.liquidity) for each in holdings.ranges]


def planned_ranges(plan: MovePlan) -> list[Owned]:
    """(tick_lower, tick_upper, liquidity) of what a plan mints."""
    return [(each.tick_lower, each.tick_upper, each.liquidity) for each in plan.mints]


def expected_time_inside(price: float, low: float, high: float, sigma: float, horizon_s: float) -> float:
    """Seconds of the horizon that a driftless log-price spends in [low, high], from wherever it starts.

    The occupation time of Brownian motion: the integral over t of the normal probability of being inside, taken by
    the midpoint rule in sqrt(t), where the integrand is smooth.
    """
    width = sqrt(horizon_s) / _QUADRATURE_POINTS
    total = 0.0
    for index in range(_QUADRATURE_POINTS):
        root = (index + 0.5) * width
        spread = sigma * root * sqrt(2)
        inside = (erf(log(high / price) / spread) - erf(log(low / price) / spread)) / 2
        total += inside * 2 * root * width
    return total


def expected_exit_s(price: float, low: float, high: float, sigma: float) -> float:
    """Mean seconds until a driftless log-price leaves [low, high]: ln(P/low) ln(high/P) / sigma^2; 0 from outside."""
    if not low < price < high:
        return 0.0
    return log(price / low) * log(high / price) / sigma**2
