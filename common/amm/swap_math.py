"""One step of a swap inside one stretch of constant liquidity (whitepaper section 6.2.3)."""

from typing import NamedTuple

from common.amm.full_math import mul_div_up
from common.amm.sqrt_price_math import price_after_input, price_after_output

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
    amount_in, amount_out = _between(price, target, liquidity, down)
    if usable < amount_in:
        end = price_after_input(price, liquidity, usable, zero_for_one=down)
        if end != target:
            # Whatever the price did not need is fee: the taker named the input, so all of it is taken.
            amount_in, amount_out = _between(price, end, liquidity, down)
            return SwapStep(end, amount_in, amount_out, remaining - amount_in)
    return SwapStep(target, amount_in, amount_out, mul_div_up(amount_in, fee_ppm, FEE_UNIT - fee_ppm))


def _exact_output(price: int, target: int, liquidity: int, wanted: int, fee_ppm: int, down: bool) -> SwapStep:
    end = target
    amount_in, amount_out = _between(price, target, liquidity, down)
    if wanted < amount_out:
        end = price_after_output(price, liquidity, wanted, zero_for_one=down)
        amount_in, amount_out = _between(price, end, liquidity, down)
        amount_out = min(wanted, amount_out)
    return SwapStep(end, amount_in, amount_out, mul_div_up(amount_in, fee_ppm, FEE_UNIT - fee_ppm))


def _between(price: int, end: int, liquidity: int, down: bool) -> tuple[int, int]:
    """What enters, rounded up, and what leaves, rounded down: `amount0_between` and `amount1_between`, at once."""
    if down:
        moved = price - end
        return -((-(liquidity * moved << 96) // price) // end), liquidity * moved >> 96
    moved = end - price
    return -(-(liquidity * moved) >> 96), (liquidity * moved << 96) // end // price
