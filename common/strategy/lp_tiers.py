"""Which fee tier pays best: expected net yield of the same tokens in each pool of the pair.

models.md: maximise (f_i Vol_i / (L_i + l) - sigma^2 sqrt(P) / 4) l - gas x rebalances / time. f_i Vol_i is measured
from the pool's growth of fees per unit of liquidity, and holds all flow, the arbitrageurs' too. l are the ranges that
our tokens would give there: a wide spacing forces wide ranges, so the same tokens make less liquidity, which earns less
and loses less. Rebalances come as often as the price leaves them (mean exit time of a Brownian motion).
"""

from collections.abc import Sequence

import msgspec

from common.strategy.lp_gain import Outlook, expected_exit_s, planned_ranges
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan
from common.strategy.lp_pool import PoolView


class TierRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When another fee tier is worth a move.

    `margin`: by what part of the present tier's net yield another one must be better, for `hold_s` without a break.
    `measured_s_min`: fees measured over a shorter time are not compared. `payback_s`: within this time the difference
    must pay for the move. `move_interval_s_min`: ranges are assumed to be moved no more often than this.
    """

    enabled: bool = False
    margin: float = 0.25
    hold_s: float = 1_800.0
    measured_s_min: float = 600.0
    payback_s: float = 3_600.0
    move_interval_s_min: float = 60.0

    def __post_init__(self) -> None:
        for name in ("margin", "hold_s", "measured_s_min"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        for name in ("payback_s", "move_interval_s_min"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


class TierYield(msgspec.Struct, frozen=True, kw_only=True):
    """What one tier is expected to bring, all in quote per second; losses and gas are positive."""

    fee_ppm: int
    fees: float
    lvr: float
    gas: float

    @property
    def net(self) -> float:
        """Fees less losses and gas."""
        return self.fees - self.lvr - self.gas


def tier_yield(
    pool: PoolView, holdings: Holdings, plan: MovePlan, sigma: float, move_cost: float, rules: TierRules
) -> TierYield | None:
    """The yield of a plan that mints in this pool; None before its fees were measured for long enough."""
    if pool.fee_rate is None or pool.measured_s < rules.measured_s_min:
        return None
    ranges = planned_ranges(plan)
    if not ranges:
        return TierYield(fee_ppm=pool.pair.fee_ppm, fees=0.0, lvr=0.0, gas=0.0)
    # What all liquidity at the price earned is shared anew: without what we have there now, with what we would have.
    ours = max(
        sum(liquidity for lower, upper, liquidity in ranges if lower <= pool.tick < upper),
        max(liquidity for _, _, liquidity in ranges),
    )
    shared = pool.liquidity_of_others(holdings) + ours
    rate = pool.fee_rate * pool.liquidity / shared if shared else 0.0
    gross = Outlook(pair=pool.pair, price=pool.price, rate=rate, sigma=sigma, horizon_s=rules.payback_s)
    fees, net = gross.income(ranges) / rules.payback_s, gross.net_of_lvr().income(ranges) / rules.payback_s
    bounds = [pool.pair.price_bounds(lower, upper) for lower, upper, _ in ranges]
    low, high = min(each[0] for each in bounds), max(each[1] for each in bounds)
    exit_s = max(expected_exit_s(pool.price, low, high, sigma), rules.move_interval_s_min)
    return TierYield(fee_ppm=pool.pair.fee_ppm, fees=fees, lvr=fees - net, gas=move_cost / exit_s)


def better_tier(yields: Sequence[TierYield], home_ppm: int, margin: float) -> TierYield | None:
    """The best other tier if it beats the present one by the margin; None too if the present one is not measured."""
    home = next((each for each in yields if each.fee_ppm == home_ppm), None)
    best = max(yields, key=lambda each: each.net, default=None)
    if home is None or best is None or best.fee_ppm == home_ppm:
        return None
    return best if best.net - home.net > margin * abs(home.net) else None
