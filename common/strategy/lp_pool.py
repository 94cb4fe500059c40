"""One pool as the LP's decisions see it at one block. Candidates differ by fee tier and share their two tokens."""

from common.amm.fees import Growth
from common.amm.pool_state import PoolState
from common.strategy.lp_holdings import Holdings


class PoolView(PoolState, frozen=True, kw_only=True):
    """A pool's state (`liquidity` includes ours) and what it lately paid: `fee_rate` in quote per second and raw unit
    of active liquidity, measured over `measured_s` seconds; None = not known.
    """

    fee_rate: float | None = None
    measured_s: float = 0.0

    def liquidity_of_others(self, holdings: Holdings) -> int:
        """Active liquidity that is not ours."""
        ours = holdings.active_liquidity if holdings.pair == self.pair else 0
        return max(self.liquidity - ours, 0)


def home_of(holdings: Holdings) -> PoolView:
    """The pool in which our ranges stand, as far as the holdings alone tell: without a name, its liquidity unknown."""
    return PoolView(
        pool_id="", pair=holdings.pair, sqrt_price_x96=holdings.sqrt_price_x96, tick=holdings.tick,
        liquidity=0, growth=Growth(0, 0),
    )  # fmt: skip
