"""What a perpetual market demands of positions: margin by size of the position."""

from bisect import bisect_right
from itertools import pairwise

import msgspec

from common.exchange.money import RATE_SCALE, UNITS_PER_ASSET
from common.exchange.rules import BPS

LEVERAGE_MAX = 125
NOTIONAL_UNITS_MAX = 2**63 - 1
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


class MarginTable:
    """Initial and maintenance margin of one market, exact, rounded up.

    Initial: the rate of the tier that the whole notional is in, or 1 / leverage if that is more. Maintenance: marginal,
    half the initial rate of each tier, as rate x notional - deduction; the deduction is rounded down.
    """

    __slots__ = (
        "_bounds",
        "_deductions",
        "_initial",
        "_maintenance",
        "_rate_default",
        "brackets",
        "leverage_default",
        "leverage_max",
    )

    def __init__(self, rules: PerpetualRules) -> None:
        self.leverage_max = rules.tiers[0].leverage_max
        self.leverage_default = rules.leverage_default or self.leverage_max
        self._rate_default = _rate(self.leverage_default)
        self._bounds = [tier.notional_units_min for tier in rules.tiers]
        self._initial = [_rate(tier.leverage_max) for tier in rules.tiers]
        self._maintenance = [-(-rate // 2) for rate in self._initial]
        self._deductions = [0]
        for index in range(1, len(self._bounds)):
            more = self._maintenance[index] - self._maintenance[index - 1]
            self._deductions.append(self._deductions[-1] + self._bounds[index] * more // RATE_SCALE)
        self.brackets = tuple(
            Bracket(
                notional_units_min=tier.notional_units_min,
                notional_units_max=most,
                leverage_max=tier.leverage_max,
                maintenance_rate=rate,
                deduction_units=deduction,
            )
            for tier, most, rate, deduction in zip(
                rules.tiers, [*self._bounds[1:], NOTIONAL_UNITS_MAX], self._maintenance, self._deductions, strict=True
            )
        )

    def initial(self, notional_units: int, leverage: int) -> int:
        """Units that opening a position of a notional needs; `leverage` 0 is the market's default."""
        rate = _rate(leverage) if leverage else self._rate_default
        if len(self._bounds) > 1:
            tier = self._initial[bisect_right(self._bounds, notional_units) - 1]
            rate = tier if tier > rate else rate
        return -(-notional_units * rate // RATE_SCALE)

    def maintenance(self, notional_units: int) -> int:
        """Units below which a position of a notional is liquidated."""
        tier = bisect_right(self._bounds, notional_units) - 1
        return -(-notional_units * self._maintenance[tier] // RATE_SCALE) - self._deductions[tier]


def _rate(leverage: int) -> int:
    """1 / leverage at 1e-9, rounded up."""
    return -(-RATE_SCALE // leverage)
