"""Amounts between two square-root prices and prices after an amount, rounded as the pool rounds.

Whitepaper section 6.2.3, equations 6.13 to 6.16: dy = L * d(sqrtP) and dx = L * d(1/sqrtP). What the pool is owed is
rounded up and what it owes is rounded down, so it never loses a wei.
"""

from common.amm.full_math import Q96, UINT160_MAX, UINT256_MAX, divide_up, mul_div_up
from common.model.errors import InputInvalid


def amount0_between(sqrt_a: int, sqrt_b: int, liquidity: int, *, round_up: bool) -> int:
    """Token0 that `liquidity` holds between two square-root prices, in any order."""
    low, high = (sqrt_a, sqrt_b) if sqrt_a < sqrt_b else (sqrt_b, sqrt_a)
    numerator, difference = liquidity << 96, high - low
    # Two successive divisions, each rounded, are what the pool does; one exact division differs by a wei.
    if round_up:
        return divide_up(mul_div_up(numerator, difference, high), low)
    return numerator * difference // high // low


def amount1_between(sqrt_a: int, sqrt_b: int, liquidity: int, *, round_up: bool) -> int:
    """Token1 that `liquidity` holds between two square-root prices, in any order."""
    difference = abs(sqrt_b - sqrt_a)
    return mul_div_up(liquidity, difference, Q96) if round_up else liquidity * difference >> 96


def price_after_input(sqrt_price: int, liquidity: int, amount_in: int, *, zero_for_one: bool) -> int:
    """Square-root price after `amount_in` entered the pool, rounded so that the pool gains. Raises InputInvalid."""
    _require_liquid(sqrt_price, liquidity)
    if zero_for_one:
        return _after_amount0(sqrt_price, liquidity, amount_in, entering=True)
    return _fit(sqrt_price + (amount_in << 96) // liquidity, amount_in)


def price_after_output(sqrt_price: int, liquidity: int, amount_out: int, *, zero_for_one: bool) -> int:
    """Square-root price after `amount_out` left the pool; raises InputInvalid if it does not hold that much."""
    _require_liquid(sqrt_price, liquidity)
    if not zero_for_one:
        return _after_amount0(sqrt_price, liquidity, amount_out, entering=False)
    step = mul_div_up(amount_out, Q96, liquidity)
    if step >= sqrt_price:
        raise InputInvalid("amount_out", "amm", "less token1 than the liquidity holds", amount_out)
    return sqrt_price - step


def _after_amount0(sqrt_price: int, liquidity: int, amount: int, *, entering: bool) -> int:
    """L * sqrtP / (L +- amount * sqrtP), rounded up."""
    if amount == 0:
        return sqrt_price
    numerator, product = liquidity << 96, amount * sqrt_price
    if not entering:
        if product > UINT256_MAX or product >= numerator:
            raise InputInvalid("amount_out", "amm", "less token0 than the liquidity holds", amount)
        return _fit(mul_div_up(numerator, sqrt_price, numerator - product), amount)
    if product <= UINT256_MAX and numerator + product <= UINT256_MAX:
        return mul_div_up(numerator, sqrt_price, numerator + product)
    # Beyond 256 bits the pool falls back to a form that cannot overflow and rounds a little differently.
    return divide_up(numerator, numerator // sqrt_price + amount)


def _require_liquid(sqrt_price: int, liquidity: int) -> None:
    if sqrt_price <= 0 or liquidity <= 0:
        raise InputInvalid("liquidity", "amm", "a positive price and positive liquidity", (sqrt_price, liquidity))


def _fit(sqrt_price: int, amount: int) -> int:
    if sqrt_price > UINT160_MAX:
        raise InputInvalid("amount", "amm", "an amount that leaves the price within 160 bits", amount)
    return sqrt_price
