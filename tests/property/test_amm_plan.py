"""Plans of the LP for any price, inventory and token order: never more than is owned, always on the grid."""

import msgspec
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from common.amm.liquidity import amounts_of_liquidity, amounts_to_mint
from common.amm.manager import PositionManager
from common.amm.pair import Pair
from common.amm.pool import Pool
from common.amm.tick_math import sqrt_price_at_tick, tick_at_sqrt_price
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan, PlanRules, plan_move, tokens_in_hand
from common.strategy.lp_range import RangeModel, model_offsets, target_range
from common.strategy.lp_swap import Hand, SwapRules, plan_swap
from tests.unit.strategy.lp_worlds import PAIRS, idle, standing, view

BASES, QUOTES = st.integers(0, 10**21), st.integers(0, 10**12)
TIERS = [(100, 1), (500, 10), (3_000, 60), (10_000, 200)]


def tier(pair: Pair, fee_ppm: int, spacing: int) -> Pair:
    return Pair(
        base_is_token0=pair.base_is_token0, base_decimals=18, quote_decimals=6, tick_spacing=spacing, fee_ppm=fee_ppm
    )


@settings(deadline=None)
@given(
    st.sampled_from(PAIRS),
    st.floats(2650, 2750),
    st.booleans(),
    BASES,
    QUOTES,
    st.floats(0, 5),
    st.floats(-100, 100),
    st.floats(1e-5, 2e-3),
    st.sampled_from(["base_limit", "pair"]),
    st.sampled_from(TIERS),
    st.floats(-10, 10),
    st.floats(-10, 10),
    st.floats(15, 300),
)
@example(PAIRS[0], 2698.375, True, 0, 0, 0.0, 0.0, 0.001953125, "base_limit", (500, 10), 0.0, 0.0, 25.0)
@example(PAIRS[0], 2695.0, True, 0, 0, 3.53125, 0.0, 1e-5, "base_limit", (100, 1), 0.0, 0.0, 15.0)
def test_a_plan_spends_what_is_owned_and_lands_on_the_grid(
    pair, price, stands, base, quote, drift_bps, inventory, sigma, shape, other, gap_bps, mid_gap_bps, slippage_bps
) -> None:
    holdings = standing(pair, price) if stands else idle(pair, price, base, quote)
    there = tier(pair, *other)
    sqrt_price = pair.sqrt_price_of(price * (1 + gap_bps / 1e4)) if there != pair else holdings.sqrt_price_x96
    pool = msgspec.structs.replace(view(there), sqrt_price_x96=sqrt_price, tick=tick_at_sqrt_price(sqrt_price))
    target = target_range(there, pool.price, model_offsets(RangeModel(), price, sigma, inventory), RangeModel())
    rules = PlanRules(drift_bps=drift_bps, shape=shape, slippage_bps=slippage_bps)
    mid = pool.price * (1 + mid_gap_bps / 1e4)
    plan = plan_move(holdings, target, mid, rules, pool)
    spent = plan.deposits(pair)
    # Whatever the pool does within the drift before it is mined, burning returns what the mints take.
    for shift in (-drift_bps, -drift_bps / 2, 0.0, drift_bps / 2, drift_bps):
        moved = holdings.sqrt_price_x96 if not shift else pair.sqrt_price_of(holdings.price * (1 + 0.999 * shift / 1e4))
        returned = holdings.totals_at(moved)
        assert spent[0] <= returned[0] and spent[1] <= returned[1]
    assert len(plan.mints) <= 2 and len(plan.burns) == len(holdings.ranges) and plan.pair == there
    for mint in plan.mints:
        spacing = there.tick_spacing
        assert mint.tick_lower % spacing == 0 == mint.tick_upper % spacing and mint.tick_lower < mint.tick_upper
        args = (mint.tick_lower, mint.tick_upper, mint.amount0, mint.amount1)
        liquidity, amount0, amount1 = amounts_to_mint(sqrt_price, *args)
        assert amount0 <= mint.amount0 and amount1 <= mint.amount1
        # At the planning price, the mint passes its own minimum amounts.
        assert amount0 >= mint.amount0_min and amount1 >= mint.amount1_min and liquidity == mint.liquidity > 0
        refuses_a_one_sided_surprise(mint)
    if shape == "pair":
        lies_beside_the_price(plan, there, sqrt_price)
    conserves_what_is_owned(holdings, plan, sqrt_price, drift_bps, mid)


def refuses_a_one_sided_surprise(mint) -> None:
    """A range around the price names a least amount of both tokens; one of a single token takes that alone."""
    below, above = sqrt_price_at_tick(mint.tick_lower), sqrt_price_at_tick(mint.tick_upper)
    ends = [
        amounts_to_mint(sqrt, mint.tick_lower, mint.tick_upper, mint.amount0, mint.amount1) for sqrt in (below, above)
    ]
    if mint.amount0 and mint.amount1:
        assert mint.amount0_min and mint.amount1_min
        assert not any(each[1] >= mint.amount0_min and each[2] >= mint.amount1_min for each in ends)
    else:
        # Were the price inside when it is mined, no liquidity could be given, and the contract reverts.
        middle = (below + above) // 2
        assert amounts_to_mint(middle, mint.tick_lower, mint.tick_upper, mint.amount0, mint.amount1)[0] == 0


def lies_beside_the_price(plan: MovePlan, pair: Pair, sqrt_price: int) -> None:
    for mint in plan.mints:
        assert bool(mint.amount0) != bool(mint.amount1)
        if mint.amount0:
            assert sqrt_price <= sqrt_price_at_tick(mint.tick_lower)
        else:
            assert sqrt_price >= sqrt_price_at_tick(mint.tick_upper)


def conserves_what_is_owned(holdings: Holdings, plan: MovePlan, sqrt_price: int, drift_bps: float, mid: float) -> None:
    """Nothing is bought or sold: of each token, what the ranges hold and what stays idle make what was in hand."""
    pair, hand = holdings.pair, tokens_in_hand(holdings, drift_bps)
    inside = [amounts_of_liquidity(sqrt_price, m.tick_lower, m.tick_upper, m.liquidity) for m in plan.mints]
    left = [have - sum(each[side] for each in inside) for side, have in enumerate(hand)]
    assert all(each >= 0 for each in left)
    # Where two ranges were drawn, or the rest was too small for one, only what is not worth a range stays idle.
    base, quote = pair.unorder(*left)
    idle_value = pair.whole_base(base) * mid + pair.whole_quote(quote)
    assert idle_value <= 2 * PlanRules().range_value_min + 1


@settings(deadline=None, max_examples=60)
@example(PAIRS[1], 2750.0, 0, 511764791, 10**16, 3335.0, 7.0, 0.0)
@given(
    st.sampled_from(PAIRS),
    st.floats(2650, 2750),
    BASES,
    QUOTES,
    st.integers(10**16, 10**21),
    st.floats(1, 10_000),
    st.floats(0.5, 50),
    st.floats(-30, 30),
)
def test_a_sale_is_what_the_pool_does_and_leaves_all_in_the_base_range(
    pair, price, base, quote, liquidity, value_bps_max, impact_bps_max, inventory
) -> None:
    holdings = idle(pair, price, base, quote)
    target = target_range(pair, price, model_offsets(RangeModel(), price, 1e-4, inventory), RangeModel())
    ticks, hand = target.base_ticks(pair), tokens_in_hand(holdings, 0.0)
    rules = SwapRules(enabled=True, value_bps_max=value_bps_max, impact_bps_max=impact_bps_max)
    swap = plan_swap(pair, liquidity, ticks, Hand(holdings.sqrt_price_x96, *hand), price, rules)
    assume(swap is not None)
    assert swap.amount_in <= hand[0 if swap.zero_for_one else 1]
    worth = pair.whole_base(base) * price + pair.whole_quote(quote)
    sold = pair.whole_base(swap.amount_in) * price if swap.token_in_is_base else pair.whole_quote(swap.amount_in)
    assert sold <= worth * value_bps_max / 1e4 * (1 + 1e-9) + 1e-6
    pool = Pool(pair.fee_ppm, pair.tick_spacing)
    pool.initialize(holdings.sqrt_price_x96)
    pool.mint("others", -880_000, 880_000, liquidity)
    signed = pool.swap(swap.zero_for_one, swap.amount_in, swap.sqrt_price_limit_x96)
    expected = (swap.amount_in, -swap.amount_out) if swap.zero_for_one else (-swap.amount_out, swap.amount_in)
    passed = sorted(each // pair.tick_spacing for each in (holdings.tick, pool.tick))
    if all(1 < index % 256 < 254 for index in range(passed[0], passed[1] + 1)):
        assert signed == expected and pool.sqrt_price == swap.sqrt_price_after
    else:
        # The pool also stops at the edge of its bitmap's word, and rounds there: some raw units of the coarser token.
        off = pair.unorder(*(real - told for real, told in zip(signed, expected, strict=True)))
        assert abs(off[0]) <= 3 * 10**12 and abs(off[1]) <= 3
    assert abs(pair.price_at(pool.sqrt_price) / holdings.price - 1) <= impact_bps_max / 1e4 * (1 + 1e-9)
    assert swap.amount_out_min <= swap.amount_out
    assert swap.cost >= sold * pair.fee_ppm / 1e6 * (1 - 1e-9) - 1e-4
    binds = value_bps_max < 9_999 and sold > worth * value_bps_max / 1e4 * (1 - 1e-6) - 1e-5
    binds = binds or swap.sqrt_price_after == swap.sqrt_price_limit_x96
    after = hand[0] - signed[0], hand[1] - signed[1]
    _, taken0, taken1 = PositionManager(pool).mint("ours", *ticks, *after)
    left = pair.unorder(after[0] - taken0, after[1] - taken1)
    worths = pair.whole_base(left[0]) * price, pair.whole_quote(left[1])
    # What was bought is used up; of what was sold something is left only where a bound cut the sale short.
    assert worths[1 if swap.token_in_is_base else 0] < 1e-5 * worth + 0.01
    assert binds or sum(worths) < 1e-5 * worth + 0.01


def test_the_plan_with_a_sale_mints_what_is_left_after_it() -> None:
    for pair in PAIRS:
        holdings = standing(pair, 2693.0)
        target = target_range(pair, 2693.0, model_offsets(RangeModel(), 2693.0, 1e-4, 0.0), RangeModel())
        rules = PlanRules(drift_bps=0.0, swap=SwapRules(enabled=True, value_bps_max=10_000.0))
        hand = Hand(holdings.sqrt_price_x96, *tokens_in_hand(holdings, 0.0))
        swap = plan_swap(pair, 10**20, target.base_ticks(pair), hand, 2693.0, rules.swap)
        assert swap is not None and swap.token_in_is_base and swap.base_change < -5
        plain, sold = (plan_move(holdings, target, 2693.0, rules, swap=each) for each in (None, swap))
        assert len(plain.mints) == 2 and len(sold.mints) == 1 and sold.swap == swap
        assert sold.mints[0].liquidity > plain.mints[0].liquidity
        base, quote = sold.deposits(pair)
        assert 0 <= pair.whole_base(holdings.totals[0] - base) + swap.base_change < 1e-6
        assert 0 <= pair.whole_quote(holdings.totals[1] - quote) - swap.base_change * 2693 - swap.cost < 0.1
