"""One concentrated-liquidity range as an asset: amounts exactly, and value, delta and gamma as models need them.

Formulas of the whitepaper (section 6.2.1) with P = quote per base in whole tokens and L in the same units:
x = L (1/sqrt(P) - 1/sqrt(Pb)), y = L (sqrt(P) - sqrt(Pa)), V = xP + y, dV/dP = x, d2V/dP2 = -L / (2 P^1.5) inside.
"""

from math import sqrt

import msgspec

from common.amm.full_math import require_uint
from common.amm.liquidity import amounts_of_liquidity
from common.amm.pair import Pair
from common.amm.tick_math import require_tick
from common.model.errors import InputInvalid


class Range(msgspec.Struct, frozen=True):
    """Bounds in ticks and the liquidity between them. Raises InputInvalid for bounds or liquidity that cannot be."""

    tick_lower: int
    tick_upper: int
    liquidity: int

    def __post_init__(self) -> None:
        require_tick(self.tick_lower)
        require_tick(self.tick_upper)
        if self.tick_lower >= self.tick_upper:
            raise InputInvalid("tick_upper", "amm", f"above tick_lower {self.tick_lower}", self.tick_upper)
        require_uint("liquidity", self.liquidity, 128)

    def amounts(self, pair: Pair, sqrt_price_x96: int) -> tuple[int, int]:
        """(base, quote) in raw units that a burn would return at this price."""
        return pair.unorder(*amounts_of_liquidity(sqrt_price_x96, self.tick_lower, self.tick_upper, self.liquidity))

    def contains(self, tick: int) -> bool:
        """Whether liquidity is active at this tick."""
        return self.tick_lower <= tick < self.tick_upper


class Greeks(msgspec.Struct, frozen=True):
    """What a range is worth at a price: amounts, value and derivatives, all in whole tokens and quote."""

    base: float
    quote: float
    value: float
    delta: float
    gamma: float


def greeks(pair: Pair, position: Range, price: float) -> Greeks:
    """Amounts, value (quote), delta (base) and gamma (base per unit of price) of a range at price P."""
    liquidity = pair.whole_liquidity(position.liquidity)
    low, high = pair.price_bounds(position.tick_lower, position.tick_upper)
    inside = min(max(price, low), high)
    base = liquidity * (1 / sqrt(inside) - 1 / sqrt(high))
    quote = liquidity * (sqrt(inside) - sqrt(low))
    gamma = -liquidity / (2 * price**1.5) if low < price < high else 0.0
    return Greeks(base, quote, base * price + quote, base, gamma)


def base_capacity(pair: Pair, position: Range) -> float:
    """Base that a range holds when P is at or below its lower bound: the most that it can own, in whole tokens."""
    return greeks(pair, position, pair.price_bounds(position.tick_lower, position.tick_upper)[0]).base
