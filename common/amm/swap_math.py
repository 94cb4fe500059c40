"""One step of a swap inside one stretch of constant liquidity (whitepaper section 6.2.3)."""

from typing import NamedTuple

from common.amm.full_math import mul_div_up
from common.amm.sqrt_price_math import amount0_between, amount1_between, price_after_input, price_after_output

FEE_UNIT = 1_000_000


class SwapStep(NamedTuple):
    """Where the price ends, what enters (without the fee), what leaves, and the fee, in raw token amounts."""

    sqrt_price: int
    amount_in: int
    amount_out: int
    fee: int


def swap_step(sqrt_price: int, sqrt_target: int, liquidity: int, remaining: int, fee_ppm: int) -> SwapStep:
    """Swap towards `sqrt_target`; `remaining` > 0 is exact input, < 0 exact output; the fee is taken from the input."""
    zero_for_one = sqrt_price >= sqrt_target
    if remaining >= 0:
        return _exact_input(sqrt_price, sqrt_target, liquidity, remaining, fee_ppm, zero_for_one)
    return _exact_output(sqrt_price, sqrt_target, liquidity, -remaining, fee_ppm, zero_for_one)


def _exact_input(price: int, target: int, liquidity: int, remaining: int, fee_ppm: int, down: bool) -> SwapStep:
    usable = remaining * (FEE_UNIT - fee_ppm) // FEE_UNIT
    amount_in = _entering(price, target, liquidity, down)
    if usable < amount_in:
        end = price_after_input(price, liquidity, usable, zero_for_one=down)
        if end != target:
            # Whatever the price did not need is fee: the taker named the input, so all of it is taken.
            amount_in = _entering(price, end, liquidity, down)
            return SwapStep(end, amount_in, _leaving(price, end, liquidity, down), remaining - amount_in)
    fee = mul_div_up(amount_in, fee_ppm, FEE_UNIT - fee_ppm)
    return SwapStep(target, amount_in, _leaving(price, target, liquidity, down), fee)


def _exact_output(price: int, target: int, liquidity: int, wanted: int, fee_ppm: int, down: bool) -> SwapStep:
    amount_out = _leaving(price, target, liquidity, down)
    if wanted >= amount_out:
        end = target
    else:
        end = price_after_output(price, liquidity, wanted, zero_for_one=down)
        amount_out = min(wanted, _leaving(price, end, liquidity, down))
    amount_in = _entering(price, end, liquidity, down)
    return SwapStep(end, amount_in, amount_out, mul_div_up(amount_in, fee_ppm, FEE_UNIT - fee_ppm))


def _entering(price: int, end: int, liquidity: int, down: bool) -> int:
    between = amount0_between if down else amount1_between
    return between(price, end, liquidity, round_up=True)


def _leaving(price: int, end: int, liquidity: int, down: bool) -> int:
    between = amount1_between if down else amount0_between
    return between(price, end, liquidity, round_up=False)
