"""Exact prices: fractions of whole tokens to a pool's square root and back, no float in between."""

from fractions import Fraction
from math import isqrt

from common.amm.pair import Pair


def sqrt_price_of(pair: Pair, price: Fraction) -> int:
    """sqrtPriceX96 of a positive price (quote per base, whole tokens), rounded down."""
    raw = price * Fraction(10**pair.quote_decimals, 10**pair.base_decimals)
    ratio = raw if pair.base_is_token0 else 1 / raw
    return isqrt((ratio.numerator << 192) // ratio.denominator)


def price_of(pair: Pair, sqrt_price_x96: int) -> Fraction:
    """The price that a square root stands for."""
    ratio = Fraction(sqrt_price_x96 * sqrt_price_x96, 1 << 192)
    raw = ratio if pair.base_is_token0 else 1 / ratio
    return raw * Fraction(10**pair.base_decimals, 10**pair.quote_decimals)
