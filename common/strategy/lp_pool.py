"""One pool as the LP's decisions see it at one block. Candidates differ by fee tier and share their two tokens."""

import msgspec

from common.amm.pair import Pair
from common.strategy.lp_holdings import Holdings


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """`liquidity` is active at the present price, ours included. `fee_rate`: fees lately paid, in quote per second and
    raw unit of active liquidity, and for how long that was measured; None = not known. `twap`: the pool's own
    time-weighted average price (quote per base), None while it has too few observations.
    """

    pair: Pair
    sqrt_price_x96: int
    tick: int
    liquidity: int = 0
    fee_rate: float | None = None
    measured_s: float = 0.0
    twap: float | None = None

    @property
    def price(self) -> float:
        """P in this pool."""
        return self.pair.price_at(self.sqrt_price_x96)

    def liquidity_of_others(self, holdings: Holdings) -> int:
        """Active liquidity that is not ours."""
        ours = holdings.active_liquidity if holdings.pair == self.pair else 0
        return max(self.liquidity - ours, 0)


def home_of(holdings: Holdings) -> PoolView:
    """The pool in which our ranges stand, as far as the holdings alone tell."""
    return PoolView(pair=holdings.pair, sqrt_price_x96=holdings.sqrt_price_x96, tick=holdings.tick)
