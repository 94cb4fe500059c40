"""Properties of the AMM's integers that hold for every input: order, rounding, conservation."""

from hypothesis import given
from hypothesis import strategies as st

from common.amm.fees import Growth, fees_owed
from common.amm.full_math import UINT256_MAX
from common.amm.liquidity import amounts_of_liquidity, amounts_to_mint
from common.amm.pair import Pair
from common.amm.position import Range, greeks
from common.amm.swap_math import swap_step
from common.amm.tick_math import MAX_TICK, MIN_TICK, sqrt_price_at_tick, tick_at_sqrt_price

ticks = st.integers(MIN_TICK, MAX_TICK - 1)
moderate_prices = st.integers(-300_000, 300_000).map(sqrt_price_at_tick)
liquidities = st.integers(1, 10**26)
counters = st.integers(0, UINT256_MAX)


@given(ticks)
def test_prices_rise_with_ticks_and_lead_back_to_them(tick: int) -> None:
    price = sqrt_price_at_tick(tick)
    assert price < sqrt_price_at_tick(tick + 1)
    assert tick_at_sqrt_price(price) == tick
    assert tick == MIN_TICK or tick_at_sqrt_price(price - 1) == tick - 1


@given(moderate_prices, st.integers(-300_000, 299_000), st.integers(1, 1_000), liquidities)
def test_a_mint_is_never_less_than_its_burn_returns(price: int, low: int, width: int, liquidity: int) -> None:
    up = amounts_of_liquidity(price, low, low + width, liquidity, round_up=True)
    down = amounts_of_liquidity(price, low, low + width, liquidity)
    assert all(0 <= high - low_ <= 2 for high, low_ in zip(up, down, strict=True))


@given(moderate_prices, st.integers(-300_000, 299_000), st.integers(1, 1_000), *[st.integers(0, 10**24)] * 2)
def test_a_mint_never_takes_more_than_desired(price: int, low: int, width: int, desired0: int, desired1: int) -> None:
    _, amount0, amount1 = amounts_to_mint(price, low, low + width, desired0, desired1)
    # The manager's own rounding lets the pool ask for at most what was offered.
    assert amount0 <= desired0 and amount1 <= desired1


@given(
    moderate_prices,
    moderate_prices,
    liquidities,
    st.integers(-(10**24), 10**24).filter(bool),
    st.sampled_from([100, 500, 3_000, 10_000]),
)
def test_a_swap_step_never_overshoots_and_never_pays_the_pool_too_little(
    price: int, target: int, liquidity: int, remaining: int, fee_ppm: int
) -> None:
    step = swap_step(price, target, liquidity, remaining, fee_ppm)
    assert min(price, target) <= step.sqrt_price <= max(price, target)
    if remaining > 0:
        assert step.amount_in + step.fee <= remaining
        assert step.sqrt_price == target or step.amount_in + step.fee == remaining
    else:
        assert step.amount_out <= -remaining
    assert step.fee * (1_000_000 - fee_ppm) >= step.amount_in * fee_ppm


@given(st.booleans(), st.floats(500, 20_000), st.floats(0.9, 1.1), st.integers(-50, 49), st.integers(1, 50))
def test_amounts_stay_put_when_the_price_moves_and_returns_and_delta_falls_with_price(
    order: bool, price: float, factor: float, low_steps: int, width: int
) -> None:
    pair = Pair(base_is_token0=order, base_decimals=18, quote_decimals=6, tick_spacing=10, fee_ppm=500)
    middle = round(pair.steps_of(price))
    position = Range(*pair.range_of(middle + low_steps, middle + low_steps + width), 10**17)
    lower, higher = sorted((price, price * factor))
    assert greeks(pair, position, lower).base >= greeks(pair, position, higher).base
    assert greeks(pair, position, lower).quote <= greeks(pair, position, higher).quote
    assert greeks(pair, position, lower).gamma <= 0


@given(counters, counters, st.integers(0, 10**30), st.integers(0, 2**60))
def test_fees_depend_on_the_difference_of_counters_only(last: int, shift: int, liquidity: int, growth: int) -> None:
    grown = [Growth((start + growth) & UINT256_MAX, 0) for start in (last, shift)]
    owed = [fees_owed(now, Growth(start, 0), liquidity) for now, start in zip(grown, (last, shift), strict=True)]
    assert owed[0] == owed[1] == (growth * liquidity >> 128, 0)
