"""The price list of trading: rates by 30-day volume, and rebates by share of the venue's maker volume.

All rates are integers at 1e-9 of what a fee is charged on. A negative rate is paid out instead of charged.
"""

from decimal import Decimal
from itertools import pairwise

import msgspec

from common.exchange.money import RATE_SCALE, UNITS_PER_ASSET, rate_from_bps

BPS_RATE = RATE_SCALE // 10_000


class FeeTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What trading costs from a volume of the last 30 UTC days on: maker and taker notional, units of the quote."""

    volume_units_min: int
    taker_rate: int
    maker_rate: int


class ShareRebate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is added to the maker rate, a negative number, above a share (at 1e-9) of the venue's maker volume."""

    share_rate_above: int
    rebate_rate: int


DEFAULT_TIERS = (
    FeeTier(0, 5 * BPS_RATE, 2 * BPS_RATE),
    FeeTier(1_000_000 * UNITS_PER_ASSET, 9 * BPS_RATE // 2, BPS_RATE),
    FeeTier(10_000_000 * UNITS_PER_ASSET, 4 * BPS_RATE, 0),
    FeeTier(100_000_000 * UNITS_PER_ASSET, 3 * BPS_RATE, -BPS_RATE),
)
DEFAULT_REBATES = (
    ShareRebate(5 * RATE_SCALE // 1_000, -BPS_RATE // 2),
    ShareRebate(15 * RATE_SCALE // 1_000, -BPS_RATE),
    ShareRebate(30 * RATE_SCALE // 1_000, -3 * BPS_RATE // 2),
)


class FeeSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tiers and rebates, both in rising order. Without arguments: exchange-core.md's four tiers and three rebates.

    The cheapest taker and the best paid maker together still pay something or nothing: whoever they are, a trade
    never costs the venue money. Raises ValueError for a list that is not sorted, has a gap, or would.
    """

    tiers: tuple[FeeTier, ...] = DEFAULT_TIERS
    rebates: tuple[ShareRebate, ...] = DEFAULT_REBATES

    def __post_init__(self) -> None:
        volumes = [tier.volume_units_min for tier in self.tiers]
        shares = [rebate.share_rate_above for rebate in self.rebates]
        if not volumes or volumes[0] != 0:
            raise ValueError("the first fee tier must begin at a volume of 0")
        if not _rises(volumes):
            raise ValueError(f"fee tiers must begin at rising volumes, got {volumes}")
        if not _rises(shares) or any(not 0 <= share < RATE_SCALE for share in shares):
            raise ValueError(f"maker rebates need rising shares of at least 0 and below 100 %, got {shares}")
        if any(rebate.rebate_rate >= 0 for rebate in self.rebates):
            raise ValueError("a maker rebate must be below 0: it is added to the maker's rate")
        rates = [rate for tier in self.tiers for rate in (tier.taker_rate, tier.maker_rate)]
        rates += [rebate.rebate_rate for rebate in self.rebates]
        if any(abs(rate) >= RATE_SCALE for rate in rates):
            raise ValueError("every rate must be below 100 %")
        taker = min(tier.taker_rate for tier in self.tiers)
        maker = min(tier.maker_rate for tier in self.tiers) + min(
            (each.rebate_rate for each in self.rebates), default=0
        )
        if taker + maker < 0:
            raise ValueError(
                f"the lowest taker rate {taker} and the lowest maker rate {maker} (rebates included) together must "
                "not be negative: the venue would pay for trades"
            )

    @classmethod
    def flat(cls, maker_bps: Decimal | int, taker_bps: Decimal | int) -> "FeeSchedule":
        """The same for everybody. Raises ValueError for rates that are finer than 1e-9 or that lose money."""
        return cls((FeeTier(0, rate_from_bps(Decimal(taker_bps)), rate_from_bps(Decimal(maker_bps))),), ())

    def without_rebates(self) -> "FeeSchedule":
        """The same where nobody is paid for trading: no shares count, and negative rates are 0."""
        tiers = (
            FeeTier(each.volume_units_min, max(each.taker_rate, 0), max(each.maker_rate, 0)) for each in self.tiers
        )
        return FeeSchedule(tuple(tiers), ())

    def tier(self, volume_units: int) -> int:
        """Index of the tier of a volume: the last one that begins at it or below."""
        index = len(self.tiers) - 1
        while self.tiers[index].volume_units_min > volume_units:
            index -= 1
        return index

    def rebate_rate(self, maker_units: int, venue_maker_units: int) -> int:
        """What a share of the venue's maker volume adds to the maker rate: 0 or less. On a bound is not above it."""
        found = 0
        for each in self.rebates:
            if maker_units * RATE_SCALE <= each.share_rate_above * venue_maker_units:
                break
            found = each.rebate_rate
        return found

    def rates(self, tier: int, rebate_rate: int) -> tuple[int, int]:
        """(maker rate, taker rate) of a tier with a rebate."""
        return self.tiers[tier].maker_rate + rebate_rate, self.tiers[tier].taker_rate


def _rises(numbers: list[int]) -> bool:
    return all(low < high for low, high in pairwise(numbers))
