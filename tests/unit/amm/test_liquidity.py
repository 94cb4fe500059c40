"""Amounts and liquidity of ranges: hand-computable cases, rounding directions, refusals."""

import pytest

from common.amm.full_math import Q96
from common.amm.liquidity import amounts_of_liquidity, amounts_to_mint, liquidity_of_amounts
from common.amm.sqrt_price_math import amount0_between, amount1_between, price_after_input, price_after_output
from common.amm.swap_math import swap_step
from common.amm.tick_math import sqrt_price_at_tick
from common.model.errors import InputInvalid


def test_amounts_between_a_price_and_four_times_it() -> None:
    # sqrt goes from 1 to 2: dx = L (1 - 1/2), dy = L (2 - 1).
    assert amount0_between(Q96, 2 * Q96, 1_000, round_up=False) == 500
    assert amount1_between(2 * Q96, Q96, 1_000, round_up=True) == 1_000


def test_rounding_favours_the_pool() -> None:
    low, high = sqrt_price_at_tick(7), sqrt_price_at_tick(19)
    for between in (amount0_between, amount1_between):
        assert between(low, high, 12_345_677, round_up=True) - between(low, high, 12_345_677, round_up=False) == 1


def test_a_range_above_the_price_holds_only_token0_and_below_only_token1() -> None:
    price = sqrt_price_at_tick(0)
    assert amounts_of_liquidity(price, 10, 20, 10**18)[1] == 0
    assert amounts_of_liquidity(price, -20, -10, 10**18)[0] == 0
    assert all(amounts_of_liquidity(price, -10, 10, 10**18))


def test_a_mint_takes_no_more_than_desired_and_the_scarcer_token_decides() -> None:
    price = sqrt_price_at_tick(3)
    liquidity, amount0, amount1 = amounts_to_mint(price, -60, 60, 10**18, 10**30)
    assert 0 <= 10**18 - amount0 <= 1_000 and amount1 < 10**30
    assert liquidity == liquidity_of_amounts(price, -60, 60, 10**18, amount1 + 10**6)


def test_liquidity_beyond_128_bits_is_refused() -> None:
    with pytest.raises(InputInvalid, match="128-bit"):
        liquidity_of_amounts(Q96, -10, 10, 1 << 255, 1 << 255)


def test_prices_after_amounts() -> None:
    # L = 1000 at price 1: taking in 1000 of token1 doubles the root; 1000 of token0 halves it.
    assert price_after_input(Q96, 1_000, 1_000, zero_for_one=False) == 2 * Q96
    assert price_after_input(Q96, 1_000, 1_000, zero_for_one=True) == Q96 // 2
    assert price_after_output(Q96, 1_000, 500, zero_for_one=True) == Q96 // 2
    assert price_after_output(Q96, 1_000, 500, zero_for_one=False) == 2 * Q96
    for zero_for_one in (True, False):
        with pytest.raises(InputInvalid, match=r"amount_out.*1000"):
            price_after_output(Q96, 1_000, 1_000, zero_for_one=zero_for_one)
    with pytest.raises(InputInvalid, match="liquidity"):
        price_after_input(Q96, 0, 1, zero_for_one=True)


def test_a_swap_step_stops_at_its_target_or_uses_all_of_its_input() -> None:
    full = swap_step(Q96, 2 * Q96, 10**9, 10**10, 3_000)
    assert full.sqrt_price == 2 * Q96 and full.amount_in == 10**9 and full.amount_out == 5 * 10**8
    assert full.fee == -(-(10**9) * 3_000 // 997_000)
    part = swap_step(Q96, 2 * Q96, 10**9, 10**6, 3_000)
    assert Q96 < part.sqrt_price < 2 * Q96 and part.amount_in + part.fee == 10**6
    output = swap_step(Q96, Q96 // 2, 10**9, -(10**6), 500)
    assert output.amount_out == 10**6 and output.amount_in > 10**6
