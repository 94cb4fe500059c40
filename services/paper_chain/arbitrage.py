"""When the pool is worth correcting, and exactly how far: pure.

A swap pays the fee on its input, so against a middle m it gains while the pool's price lies outside
[m (1 - fee), m / (1 - fee)]: the band in which a pool and an exchange may differ. It ends at the band's edge.
"""

from fractions import Fraction

import msgspec

from common.amm.pair import Pair
from services.paper_chain.prices import price_of, sqrt_price_of

BPS = 10_000
PPM = 1_000_000


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """Sell base (or quote) until the pool's price is `sqrt_price_limit_x96`."""

    sells_base: bool
    sqrt_price_limit_x96: int


def decide_correction(pair: Pair, sqrt_price_x96: int, middle: Fraction, margin_bps: float) -> Correction | None:
    """The swap that brings the pool to the edge of the band, or None while the gap is not worth the margin too."""
    price = price_of(pair, sqrt_price_x96)
    keeps = 1 - Fraction(pair.fee_ppm, PPM)
    margin = 1 + Fraction(margin_bps) / BPS
    if price * margin < middle * keeps:
        return _towards(pair, sqrt_price_x96, middle * keeps, sells_base=False)
    if price > middle / keeps * margin:
        return _towards(pair, sqrt_price_x96, middle / keeps, sells_base=True)
    return None


def gap_bps(pair: Pair, sqrt_price_x96: int, middle: Fraction) -> float:
    """Pool price above (+) or below (-) the middle."""
    return float((price_of(pair, sqrt_price_x96) / middle - 1) * BPS)


def _towards(pair: Pair, sqrt_price_x96: int, edge: Fraction, *, sells_base: bool) -> Correction | None:
    limit = sqrt_price_of(pair, edge)
    falls = sells_base == pair.base_is_token0
    # The pool reverts a limit that is not strictly on the swap's side of its price.
    ahead = limit < sqrt_price_x96 if falls else limit > sqrt_price_x96
    return Correction(sells_base=sells_base, sqrt_price_limit_x96=limit) if ahead else None
