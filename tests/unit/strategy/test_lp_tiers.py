"""Net yield of fee tiers against figures computed by hand and by simulation."""

from math import log, sqrt

import msgspec
import numpy as np
import pytest

from common.amm.loss import break_even_sigma
from common.amm.pool import Pool
from common.strategy.lp_gain import FeeRate, Outlook, expected_exit_s, expected_time_inside
from common.strategy.lp_keeper import Keeper
from common.strategy.lp_plan import PlanRules
from common.strategy.lp_range import RangeModel
from common.strategy.lp_rules import KeeperRules
from common.strategy.lp_state import Observation
from common.strategy.lp_tiers import TierRules, TierYield, better_tier, tier_yield
from tests.unit.strategy.lp_worlds import PAIRS, idle, standing, view

RULES = TierRules(enabled=True, measured_s_min=0.0, payback_s=600.0, move_interval_s_min=1.0)
SIGMA, SECOND = 1e-4, 10**9


def drawn(pair, holdings, pool):
    keeper = Keeper(rules=KeeperRules(), model=RangeModel(), plan=PlanRules(drift_bps=0.0))
    return keeper.draw(Observation(holdings=holdings, mid=2700.0, sigma=SIGMA, reference=20.0), pool)


@pytest.mark.parametrize("pair", PAIRS, ids=["base is token0", "base is token1"])
@pytest.mark.parametrize(("fee_ppm", "spacing"), [(100, 1), (500, 10), (3_000, 60), (10_000, 200)])
def test_the_yield_is_the_formula(pair, fee_ppm: int, spacing: int) -> None:
    tier = msgspec.structs.replace(pair, fee_ppm=fee_ppm, tick_spacing=spacing)
    pool = view(tier, liquidity=4 * 10**17, fee_rate=2e-18, measured_s=60.0)
    plan = drawn(pair, idle(pair), pool)
    found = tier_yield(pool, idle(pair), plan, SIGMA, 3.0, RULES)
    assert found is not None
    base, *rest = plan.mints
    inside = [
        mint.liquidity
        * expected_time_inside(2700.0, *tier.price_bounds(mint.tick_lower, mint.tick_upper), SIGMA, 600)
        / 600
        for mint in plan.mints
    ]
    ours = max(base.liquidity, *(mint.liquidity for mint in rest)) if rest else base.liquidity
    volume_fees = 2e-18 * 4e17
    fees = volume_fees / (4e17 + ours) * sum(inside)
    lvr = SIGMA**2 * sqrt(2700.0) / 4 * sum(inside) / sqrt(10.0**24)
    bounds = [tier.price_bounds(mint.tick_lower, mint.tick_upper) for mint in plan.mints]
    low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
    exit_s = log(2700 / low) * log(high / 2700) / SIGMA**2
    assert (found.fees, found.lvr, found.gas) == pytest.approx((fees, lvr, 3.0 / exit_s), rel=1e-9)
    assert found.net == found.fees - found.lvr - found.gas


def test_our_own_liquidity_at_home_is_not_diluted_twice() -> None:
    pair, holdings = PAIRS[0], standing(PAIRS[0])
    ours = holdings.active_liquidity
    pool = view(pair, liquidity=3 * ours, fee_rate=1e-18, measured_s=60.0)
    plan = drawn(pair, holdings, pool)
    found = tier_yield(pool, holdings, plan, SIGMA, 0.0, RULES)
    elsewhere = tier_yield(pool, idle(pair), plan, SIGMA, 0.0, RULES)
    planned = max(mint.liquidity for mint in plan.mints)
    assert found is not None and elsewhere is not None
    assert found.fees / elsewhere.fees == pytest.approx((3 * ours + planned) / (2 * ours + planned))


def test_an_empty_pool_pays_nothing_and_an_unmeasured_one_is_not_known() -> None:
    pair, holdings = PAIRS[1], idle(PAIRS[1])
    empty, unknown = view(pair, fee_rate=0.0, measured_s=60.0), view(pair)
    plan = drawn(pair, holdings, empty)
    assert tier_yield(empty, holdings, plan, SIGMA, 0.0, RULES).fees == 0
    assert tier_yield(unknown, holdings, plan, SIGMA, 0.0, RULES) is None


def test_the_best_is_better_only_by_the_margin() -> None:
    def at(ppm: int, net: float) -> TierYield:
        return TierYield(fee_ppm=ppm, fees=net, lvr=0.0, gas=0.0)

    assert better_tier([at(500, 1.0), at(3_000, 1.26), at(100, 1.3)], 500, 0.25) == at(100, 1.3)
    assert better_tier([at(500, 1.0), at(3_000, 1.25)], 500, 0.25) is None
    assert better_tier([at(500, -1.0), at(3_000, -0.7)], 500, 0.25) == at(3_000, -0.7)
    assert better_tier([at(500, -1.0), at(3_000, -0.8)], 500, 0.25) is None
    assert better_tier([at(3_000, 9.0)], 500, 0.25) is None and better_tier([], 500, 0.25) is None


def test_measured_rates_of_simulated_pools_rank_the_tiers_as_their_fees_do() -> None:
    """Two pools with the same liquidity: the one with six times the fee rate and half the volume earns three times."""
    pair = PAIRS[0]
    rates = {}
    for fee_ppm, spacing, volume in ((500, 10, 10**18), (3_000, 60, 5 * 10**17)):
        pool, rate = Pool(fee_ppm, spacing), FeeRate(pair, 900.0)
        pool.initialize(pair.sqrt_price_of(2700.0))
        pool.mint("others", -887_220 if spacing == 60 else -887_270, 887_220 if spacing == 60 else 887_270, 10**19)
        for second in range(61):
            rate.add(second * SECOND, pool.growth)
            pool.swap(second % 2 == 0, volume if second % 2 == 0 else int(volume * 2700 / 10**12))
        measured = rate.quote_per_second(2700.0)
        assert measured is not None and rate.measured_s == 60.0
        rates[fee_ppm] = measured
        assert measured * 10**19 == pytest.approx(fee_ppm / 1e6 * volume / 10**18 * 2700.0, rel=0.01)
    assert rates[3_000] / rates[500] == pytest.approx(3.0, rel=0.01)


def test_the_mean_exit_time_is_that_of_a_simulated_walk() -> None:
    rng = np.random.default_rng(7)
    low, high, sigma, step_s = 0.997, 1.004, 1e-4, 1.0
    position, alive, total = np.zeros(2_000), np.ones(2_000, dtype=bool), 0.0
    while alive.any():
        position[alive] += sigma * sqrt(step_s) * rng.standard_normal(alive.sum())
        total += step_s * alive.sum()
        alive &= (position > log(low)) & (position < log(high))
    expected = expected_exit_s(1.0, low, high, sigma)
    assert expected == pytest.approx(log(1 / low) * log(high) / sigma**2)
    # Steps of a second overshoot each bound by about 0.58 of a step's deviation.
    overshoot = 0.58 * sigma
    corrected = expected_exit_s(1.0, low * (1 - overshoot), high * (1 + overshoot), sigma)
    assert total / 2_000 == pytest.approx(corrected, rel=0.06)
    assert expected_exit_s(1.1, low, high, sigma) == 0.0


def test_net_of_lvr_is_nothing_at_the_break_even_volatility() -> None:
    pair = PAIRS[0]
    rate = 3e-7 * pair.whole_liquidity(1)
    outlook = Outlook(pair=pair, price=2700.0, rate=rate, sigma=break_even_sigma(3e-7, 2700.0), horizon_s=60.0)
    assert outlook.net_of_lvr().rate == pytest.approx(0.0, abs=rate * 1e-12)
    step = round(pair.steps_of(2700.0))
    ranges = [(*pair.range_of(step - 500, step + 500), 10**18)]
    assert outlook.income(ranges) == pytest.approx(rate * 1e18 * 60, rel=1e-6)
