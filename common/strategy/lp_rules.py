"""Thresholds and gates of the LP keeper."""

from math import isfinite

import msgspec

from common.strategy.lp_tiers import TierRules

_POSITIVE = ("deviation_fraction", "mid_gap_bps_max", "gain_horizon_s", "retry_s")
_NOT_NEGATIVE = (
    "beyond_bps", "interval_s_min", "gain_over_gas_min", "collect_interval_s", "open_value_min", "drift_cost_bps",
    "sigma_ratio_max", "sigma_ratio_min", "age_s_max", "twap_gap_bps_max", "gas_price_gwei_max",
)  # fmt: skip


class KeeperRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a move is due, and what holds it back. A bound of 0 switches its trigger or gate off, where it may be 0.

    Triggers. `deviation_fraction`: drift of the base owned, as a fraction of the ranges' base capacity. `beyond_bps`:
    how far outside all ranges the price must be. `sigma_ratio_max`, `sigma_ratio_min`: volatility now over volatility
    when the ranges were anchored. `age_s_max`: how long ranges may stand. `tiers`: another fee tier that pays better.
    Inventory and volatility are armed again once they have come back to `clear_fraction` of their bound.

    Gates. `interval_s_min` between moves. `open_value_min`: what the wallet must hold, in quote, before the first range
    is opened. `mid_gap_bps_max`, `twap_gap_bps_max`: no move while a pool's price and the CeFi mid, or the pool's own
    time-weighted average, differ by more; `twap_required`: nor while there is no such average. `gas_price_gwei_max`: a
    move waits for cheaper gas. `gain_over_gas_min`: least ratio of the expected gain to gas.

    The gain is `drift_cost_bps` of the drift's notional, which is what hedging it on the venues costs (hedge.md: about
    1.05 bps) and what ranges anchored and skewed anew let the pool's own flow undo; for some triggers it is also
    the change of expected income over `gain_horizon_s`. `collect_interval_s`: 0 = only moves collect.
    """

    deviation_fraction: float = 0.25
    clear_fraction: float = 0.8
    beyond_bps: float = 10.0
    sigma_ratio_max: float = 0.0
    sigma_ratio_min: float = 0.0
    age_s_max: float = 0.0
    tiers: TierRules = TierRules()
    interval_s_min: float = 60.0
    mid_gap_bps_max: float = 15.0
    twap_gap_bps_max: float = 0.0
    twap_required: bool = False
    gas_price_gwei_max: float = 0.0
    open_value_min: float = 0.0
    gain_over_gas_min: float = 1.0
    gain_horizon_s: float = 600.0
    drift_cost_bps: float = 1.0
    collect_interval_s: float = 3600.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in _NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 <= self.clear_fraction < 1:
            raise ValueError(f"clear_fraction must lie in 0..1, got {self.clear_fraction}")
        if self.sigma_ratio_max and not (isfinite(self.sigma_ratio_max) and self.sigma_ratio_max > 1):
            raise ValueError(f"sigma_ratio_max must be 0 or above 1, got {self.sigma_ratio_max}")
        if not self.sigma_ratio_min < 1:
            raise ValueError(f"sigma_ratio_min must be below 1, got {self.sigma_ratio_min}")
        if self.twap_required and not self.twap_gap_bps_max:
            raise ValueError("twap_required needs a twap_gap_bps_max above 0")
