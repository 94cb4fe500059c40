"""What the keeper's rules look at: pools with what they lately paid, the CeFi middle, and the price of gas."""

from collections.abc import Callable

import msgspec

from common.strategy.lp_gain import FeeRate
from common.strategy.lp_pool import PoolView
from common.strategy.lp_state import Observation
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.contracts import Venue
from services.defi_lp.mid import MidWatch
from services.defi_lp.reading import Reading

SECOND_NS = 10**9
GWEI = 10**9
WEI_PER_ETHER = 10**18


class Observer:
    """Measures each candidate pool's fees from block to block."""

    def __init__(self, config: DefiLpConfig, venue: Venue, mid: MidWatch, gas_day_free_wei: Callable[[], int]) -> None:
        self._config, self._mid, self._gas_day_free_wei = config, mid, gas_day_free_wei
        pools = venue.adapter.pools.items()
        self._fees = {pool_id: FeeRate(pair, config.fee_window_s) for pool_id, pair in pools}

    @property
    def sigma(self) -> float:
        """Lognormal volatility per sqrt(second)."""
        return self._mid.sigma

    def take(self, reading: Reading) -> None:
        """One block's fee counters."""
        for pool in reading.pools:
            self._fees[pool.pool_id].add(reading.head.timestamp_s * SECOND_NS, pool.growth)

    def see(self, reading: Reading, reference: float, now_ns: int) -> Observation:
        """As of this reading. `reference` is the base that we want to own."""
        config, price = self._config, reading.holdings.price
        gas_price = reading.head.base_fee + config.gas.tip_wei
        unit = gas_price / WEI_PER_ETHER * price
        home = self._fees[reading.home]
        return Observation(
            holdings=reading.holdings, mid=self._mid.mid(now_ns), sigma=self._mid.sigma, reference=reference,
            fee_rate=home.quote_per_second(price), move_cost=config.move_gas * unit,
            collect_cost=config.collect_gas * unit, swap_cost=config.plan.swap.gas * unit,
            pools=tuple(self._view(reading, place, price) for place in range(len(reading.pools))),
            gas_price_gwei=gas_price / GWEI, gas_budget_left=self._gas_day_free_wei() / WEI_PER_ETHER * price,
        )  # fmt: skip

    def _view(self, reading: Reading, place: int, price: float) -> PoolView:
        state = reading.pools[place]
        fees = self._fees[state.pool_id]
        return PoolView(
            **msgspec.structs.asdict(state), fee_rate=fees.quote_per_second(price), measured_s=fees.measured_s
        )
