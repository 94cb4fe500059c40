"""What the LP keeper remembers and what it sees: the two inputs of its decisions."""

import msgspec

from common.strategy.lp_holdings import Holdings
from common.strategy.lp_pool import PoolView, home_of


class KeeperState(msgspec.Struct, frozen=True, kw_only=True):
    """`anchor_delta` is the base owned when the ranges were last anchored, `anchor_sigma` the volatility then (0 = not
    known: the first one seen takes its place).

    `fired` are triggers used up for their present crossing. `busy`: a move is under way and nothing else may start.
    `better_ppm`: the fee tier that has been better than ours since `better_since_ns`; 0 = none is.
    """

    anchor_delta: float = 0.0
    anchor_sigma: float = 0.0
    anchored_ns: int = 0
    collected_ns: int = 0
    fired: frozenset[str] = frozenset()
    busy: bool = False
    failures: int = 0
    retry_at_ns: int = 0
    better_ppm: int = 0
    better_since_ns: int = 0


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What the keeper sees. `mid` is the CeFi price or None when it is absent or stale; `sigma` lognormal per sqrt(s);
    `reference` the base that we want to own; `fee_rate` quote per second and raw unit of liquidity in the pool of our
    ranges, None = unknown; `gas_cost` of one move, one collection and a swap's extra transactions in quote.

    `pools`: every pool that we may stand in, ours included; empty = ours alone. `gas_price_gwei` is what gas costs now,
    `gas_budget_left` what may still be spent on gas today, in quote; None = there is no budget.
    """

    holdings: Holdings
    mid: float | None
    sigma: float
    reference: float
    fee_rate: float | None = None
    move_cost: float = 0.0
    collect_cost: float = 0.0
    swap_cost: float = 0.0
    pools: tuple[PoolView, ...] = ()
    gas_price_gwei: float = 0.0
    gas_budget_left: float | None = None

    @property
    def home(self) -> PoolView:
        """The pool in which our ranges stand, or would stand first."""
        found = self.pool(self.holdings.pair.fee_ppm) or home_of(self.holdings)
        return found if found.fee_rate is not None else msgspec.structs.replace(found, fee_rate=self.fee_rate)

    def pool(self, fee_ppm: int) -> PoolView | None:
        """The pool of one fee tier."""
        return next((each for each in self.pools if each.pair.fee_ppm == fee_ppm), None)


def deviation(state: KeeperState, holdings: Holdings) -> float:
    """Drift of the base owned since the ranges were anchored, as a fraction of the ranges' base capacity."""
    capacity = holdings.base_capacity
    return abs(holdings.delta - state.anchor_delta) / capacity if capacity else 0.0
