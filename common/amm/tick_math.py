"""Ticks and square-root prices, exact to the last bit of the real pool.

The whitepaper (section 6.1, equation 6.1) defines price(i) = 1.0001^i and the pool stores its square root as Q64.96.
The pool computes it as a product of the powers 1.0001^(-2^k/2), each kept in 128 fraction bits; here these powers are
derived at import from 1.0001 itself, rounded to nearest, which gives the numbers that the deployed pool carries.
"""

from functools import lru_cache
from math import floor, isqrt, log2

from common.amm.full_math import UINT256_MAX
from common.model.errors import InputInvalid

MIN_TICK = -887272
MAX_TICK = 887272
MIN_SQRT_PRICE_X96 = 4295128739
MAX_SQRT_PRICE_X96 = 1461446703485210103287273052203988822378723970342

_TICK_BITS = 20
_TICKS_PER_OCTAVE_OF_ROOT = 2 / log2(1.0001)


def _root_powers(work_bits: int = 512) -> tuple[int, ...]:
    """1.0001^(-2^k/2) for each bit k of a tick, with 128 fraction bits, rounded to nearest."""
    power = isqrt((10_000 << 2 * work_bits) // 10_001)
    powers = []
    for _ in range(_TICK_BITS):
        powers.append((power + (1 << (work_bits - 129))) >> (work_bits - 128))
        power = power * power >> work_bits
    return tuple(powers)


_ROOT_POWERS = _root_powers()


@lru_cache(maxsize=4096)
def sqrt_price_at_tick(tick: int) -> int:
    """Q64.96 square-root price at a tick, rounded up as the pool does. Raises InputInvalid outside the tick range."""
    require_tick(tick)
    ratio = 1 << 128
    distance = abs(tick)
    for bit, power in enumerate(_ROOT_POWERS):
        if distance >> bit & 1:
            ratio = ratio * power >> 128
    if tick > 0:
        ratio = UINT256_MAX // ratio
    return -(-ratio >> 32)


def tick_at_sqrt_price(sqrt_price_x96: int) -> int:
    """Greatest tick whose square-root price is at or below this one. Raises InputInvalid outside [MIN, MAX)."""
    require_sqrt_price(sqrt_price_x96)
    # The logarithm is right to about 1e-9 ticks, so the two exact comparisons below settle every doubt.
    tick = floor((log2(sqrt_price_x96) - 96) * _TICKS_PER_OCTAVE_OF_ROOT)
    tick = min(max(tick, MIN_TICK), MAX_TICK - 1)
    if sqrt_price_at_tick(tick) > sqrt_price_x96:
        return tick - 1
    if sqrt_price_at_tick(tick + 1) <= sqrt_price_x96:
        return tick + 1
    return tick


def require_tick(tick: int) -> int:
    """The tick itself; raises InputInvalid unless it lies in [MIN_TICK, MAX_TICK]."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise InputInvalid("tick", "amm", f"{MIN_TICK} <= tick <= {MAX_TICK}", tick)
    return tick


def require_sqrt_price(sqrt_price_x96: int) -> int:
    """The square-root price itself; raises InputInvalid outside [MIN_SQRT_PRICE_X96, MAX_SQRT_PRICE_X96)."""
    if not MIN_SQRT_PRICE_X96 <= sqrt_price_x96 < MAX_SQRT_PRICE_X96:
        expected = f"{MIN_SQRT_PRICE_X96} <= sqrtPriceX96 < {MAX_SQRT_PRICE_X96}"
        raise InputInvalid("sqrtPriceX96", "amm", expected, sqrt_price_x96)
    return sqrt_price_x96


def require_range(tick_lower: int, tick_upper: int, spacing: int) -> tuple[int, int]:
    """The two bounds; raises InputInvalid unless they are aligned to the spacing, in order and in range.

    The real pool reverts with empty data on unaligned ticks, so they must be refused before they are sent.
    """
    for name, tick in (("tick_lower", tick_lower), ("tick_upper", tick_upper)):
        require_tick(tick)
        if tick % spacing:
            raise InputInvalid(name, "amm", f"a multiple of the tick spacing {spacing}", tick)
    if tick_lower >= tick_upper:
        raise InputInvalid("tick_upper", "amm", f"above tick_lower {tick_lower}", tick_upper)
    return tick_lower, tick_upper


def usable_bounds(spacing: int) -> tuple[int, int]:
    """Lowest and highest tick that a range may use at this spacing."""
    return -(-MIN_TICK // spacing) * spacing, MAX_TICK // spacing * spacing
