"""What holds a due move back. A gate only delays: whatever is due stays due."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from common.strategy.lp_pool import PoolView
from common.strategy.lp_range import BPS
from common.strategy.lp_rules import KeeperRules


class HoldCode(StrEnum):
    """Why nothing is done."""

    INTERVAL = "interval"
    NO_MID = "no_mid"
    MID_GAP = "mid_gap"
    NO_TWAP = "no_twap"
    TWAP_GAP = "twap_gap"
    WAITING_FOR_GAS = "waiting_for_gas"
    GAS_BUDGET = "gas_budget"
    TOO_LITTLE = "too_little"
    FEES_UNMEASURED = "fees_unmeasured"
    GAIN_BELOW_GAS = "gain_below_gas"


class Held(msgspec.Struct, frozen=True):
    """A gate's refusal: for programs, and in words."""

    code: HoldCode
    text: str

    @property
    def waits_for_gas(self) -> bool:
        """Whether it is gas that is waited for: its price, or the day's budget."""
        return self.code in (HoldCode.WAITING_FOR_GAS, HoldCode.GAS_BUDGET)


def price_gate(rules: KeeperRules, pools: Iterable[PoolView], mid: float | None) -> Held | None:
    """No amounts may hang on a price that the CeFi mid and the pool's own past do not agree with."""
    if mid is None:
        return Held(HoldCode.NO_MID, "no fresh CeFi mid")
    for pool in pools:
        if abs(pool.price / mid - 1) * BPS > rules.mid_gap_bps_max:
            return Held(HoldCode.MID_GAP, f"pool and CeFi mid differ by more than {rules.mid_gap_bps_max:g} bps")
        if refusal := _twap_gate(rules, pool):
            return refusal
    return None


def gas_gate(rules: KeeperRules, gas_price_gwei: float, cost: float, budget_left: float | None) -> Held | None:
    """Gas must be cheap enough, and the day's budget (in quote, None = none) must bear the cost."""
    if rules.gas_price_gwei_max and gas_price_gwei > rules.gas_price_gwei_max:
        text = f"gas costs {gas_price_gwei:.3g} gwei, more than {rules.gas_price_gwei_max:g}"
        return Held(HoldCode.WAITING_FOR_GAS, text)
    if budget_left is not None and cost > budget_left:
        return Held(HoldCode.GAS_BUDGET, f"the day's gas budget has {budget_left:.4g} left of the {cost:.4g} needed")
    return None


def _twap_gate(rules: KeeperRules, pool: PoolView) -> Held | None:
    if not rules.twap_gap_bps_max:
        return None
    if pool.twap is None:
        return Held(HoldCode.NO_TWAP, "the pool has no average price yet") if rules.twap_required else None
    if abs(pool.price / pool.twap - 1) * BPS > rules.twap_gap_bps_max:
        text = f"the pool's price and its average differ by more than {rules.twap_gap_bps_max:g} bps"
        return Held(HoldCode.TWAP_GAP, text)
    return None
