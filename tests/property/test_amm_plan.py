"""Plans of the LP for any price, inventory and token order: never more than is owned, always on the grid."""

from hypothesis import given, settings
from hypothesis import strategies as st

from common.amm.liquidity import amounts_to_mint
from common.strategy.lp_plan import PlanRules, plan_move
from common.strategy.lp_range import RangeModel, model_offsets, target_range
from tests.unit.strategy.lp_worlds import PAIRS, idle, standing


@settings(deadline=None)
@given(
    st.sampled_from(PAIRS),
    st.floats(2650, 2750),
    st.booleans(),
    st.integers(0, 10**21),
    st.integers(0, 10**12),
    st.floats(0, 5),
    st.floats(-100, 100),
    st.floats(1e-5, 2e-3),
)
def test_a_plan_spends_what_is_owned_and_lands_on_the_grid(
    pair, price, stands, base, quote, drift_bps, inventory, sigma
) -> None:
    holdings = standing(pair, price) if stands else idle(pair, price, base, quote)
    target = target_range(pair, price, model_offsets(RangeModel(), price, sigma, inventory), RangeModel())
    plan = plan_move(holdings, target, price, PlanRules(drift_bps=drift_bps))
    spent = plan.deposits(pair)
    assert spent[0] <= holdings.totals[0] and spent[1] <= holdings.totals[1]
    assert len(plan.mints) <= 2 and len(plan.burns) == len(holdings.ranges)
    for mint in plan.mints:
        assert mint.tick_lower % 10 == 0 == mint.tick_upper % 10 and mint.tick_lower < mint.tick_upper
        args = (mint.tick_lower, mint.tick_upper, mint.amount0, mint.amount1)
        liquidity, amount0, amount1 = amounts_to_mint(holdings.sqrt_price_x96, *args)
        assert amount0 <= mint.amount0 and amount1 <= mint.amount1
        # At the planning price, the mint passes its own minimum amounts.
        assert amount0 >= mint.amount0_min and amount1 >= mint.amount1_min and liquidity > 0
