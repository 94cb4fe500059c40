"""One pool as it stands at one block, whatever venue it belongs to: what strategies compare pools by."""

import msgspec

from common.amm.fees import Growth
from common.amm.pair import Pair


class PoolState(msgspec.Struct, frozen=True, kw_only=True):
    """`pool_id` is opaque (an address, a hash). `liquidity` is what is active at the price, `growth` the fees per unit
    of it since the pool's birth. `twap_tick` is the time-weighted mean tick of the configured window; None = not known.
    """

    pool_id: str
    pair: Pair
    sqrt_price_x96: int
    tick: int
    liquidity: int
    growth: Growth
    twap_tick: float | None = None

    @property
    def price(self) -> float:
        """P in the pool."""
        return self.pair.price_at(self.sqrt_price_x96)

    @property
    def twap(self) -> float | None:
        """P at the mean tick: the geometric mean of the price over the window; None = not known."""
        return None if self.twap_tick is None else self.pair.price_at_tick(self.twap_tick)
