"""Between liquidity and the two amounts of a range, rounded as the position manager and the pool round."""

from common.amm.full_math import Q96, UINT128_MAX
from common.amm.sqrt_price_math import amount0_between, amount1_between
from common.amm.tick_math import sqrt_price_at_tick, usable_bounds
from common.model.errors import InputInvalid


def liquidity_of_amounts(sqrt_price: int, tick_lower: int, tick_upper: int, amount0: int, amount1: int) -> int:
    """Most liquidity that the two amounts can provide over a range at this price, as the position manager computes it.

    Raises InputInvalid if it does not fit 128 bits, as the contract reverts.
    """
    lower, upper = sqrt_price_at_tick(tick_lower), sqrt_price_at_tick(tick_upper)
    if sqrt_price <= lower:
        return _fit(liquidity_of_amount0(lower, upper, amount0))
    if sqrt_price >= upper:
        return _fit(liquidity_of_amount1(lower, upper, amount1))
    # The contract casts both to 128 bits before it takes the smaller one.
    return min(
        _fit(liquidity_of_amount0(sqrt_price, upper, amount0)), _fit(liquidity_of_amount1(lower, sqrt_price, amount1))
    )


def amounts_of_liquidity(
    sqrt_price: int, tick_lower: int, tick_upper: int, liquidity: int, *, round_up: bool = False
) -> tuple[int, int]:
    """Token0 and token1 inside a range at this price: rounded down as burned, or up as minted."""
    lower, upper = sqrt_price_at_tick(tick_lower), sqrt_price_at_tick(tick_upper)
    inside = min(max(sqrt_price, lower), upper)
    return (
        amount0_between(inside, upper, liquidity, round_up=round_up),
        amount1_between(lower, inside, liquidity, round_up=round_up),
    )


def amounts_to_mint(
    sqrt_price: int, tick_lower: int, tick_upper: int, amount0_desired: int, amount1_desired: int
) -> tuple[int, int, int]:
    """(liquidity, amount0, amount1) that a mint with these desired amounts takes at this price."""
    liquidity = liquidity_of_amounts(sqrt_price, tick_lower, tick_upper, amount0_desired, amount1_desired)
    amount0, amount1 = amounts_of_liquidity(sqrt_price, tick_lower, tick_upper, liquidity, round_up=True)
    return liquidity, amount0, amount1


def liquidity_per_tick_max(spacing: int) -> int:
    """Most liquidity that the pool lets reference one tick: all ticks at once still fit 128 bits. More reverts."""
    lowest, highest = usable_bounds(spacing)
    return UINT128_MAX // ((highest - lowest) // spacing + 1)


def liquidity_of_amount0(low: int, high: int, amount0: int) -> int:
    """Most liquidity that token0 alone provides between two square-root prices."""
    # The contract rounds the product of the roots first; keeping that order keeps every wei.
    return amount0 * (low * high // Q96) // (high - low)


def liquidity_of_amount1(low: int, high: int, amount1: int) -> int:
    """Most liquidity that token1 alone provides between two square-root prices."""
    return amount1 * Q96 // (high - low)


def _fit(liquidity: int) -> int:
    if liquidity > UINT128_MAX:
        raise InputInvalid("liquidity", "amm", "an unsigned 128-bit integer", liquidity)
    return liquidity
