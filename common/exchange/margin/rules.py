"""What a perpetual market demands of positions: margin by size of the position."""

from itertools import pairwise
from typing import Final

import msgspec

from common.exchange.money import UNITS_PER_ASSET
from common.exchange.rules import BPS

LEVERAGE_MAX: Final = 125
NOTIONAL_UNITS_MAX: Final = 2**63 - 1
"""No order can have more."""


class MarginTier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a notional (1e-8 of the quote asset) on, at most this leverage."""

    notional_units_min: int
    leverage_max: int


class PerpetualRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes an instrument a perpetual. Collateral is its quote asset.

    tiers              by rising notional, the first from 0; leverage falls from tier to tier
    leverage_default   of a position whose owner has not said otherwise; 0 = the first tier's
    mark_band_bps      the derived mark stays within the oracle price and so much of it
    impact_units       notional of the order whose average price funding compares with the oracle
    large_units        of a position with more notional, liquidation first sells a fifth
    liquidation_pause_s    between two tries of a liquidation to trade
    """

    tiers: tuple[MarginTier, ...] = (MarginTier(notional_units_min=0, leverage_max=20),)
    leverage_default: int = 0
    mark_band_bps: int = 500
    impact_units: int = 10_000 * UNITS_PER_ASSET
    large_units: int = 100_000 * UNITS_PER_ASSET
    liquidation_pause_s: int = 30

    def __post_init__(self) -> None:
        tiers = self.tiers
        if not tiers or tiers[0].notional_units_min:
            raise ValueError("the first margin tier must begin at 0")
        for before, after in pairwise(tiers):
            if after.notional_units_min <= before.notional_units_min or after.leverage_max >= before.leverage_max:
                raise ValueError("margin tiers must have rising notionals and falling leverage")
        if not (1 <= tiers[-1].leverage_max and tiers[0].leverage_max <= LEVERAGE_MAX):
            raise ValueError(f"leverage must be 1 to {LEVERAGE_MAX}")
        if not 0 <= self.leverage_default <= tiers[0].leverage_max:
            raise ValueError(f"leverage_default must be 0 to {tiers[0].leverage_max}, got {self.leverage_default}")
        if not 0 <= self.mark_band_bps < BPS:
            raise ValueError(f"mark_band_bps must be 0 to {BPS - 1}, got {self.mark_band_bps}")
        for name in ("impact_units", "large_units", "liquidation_pause_s"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


class Bracket(msgspec.Struct, frozen=True, kw_only=True):
    """One tier as it counts: maintenance margin is rate (1e-9) x notional - deduction, up to `notional_units_max`."""

    notional_units_min: int
    notional_units_max: int
    leverage_max: int
    maintenance_rate: int
    deduction_units: int
