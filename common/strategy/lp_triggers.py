"""Conditions that make a move due. Each fires once per crossing and is armed again when it clears, or after a move."""

from common.strategy.lp_holdings import Holdings
from common.strategy.lp_range import BPS
from common.strategy.lp_rules import KeeperRules
from common.strategy.lp_state import KeeperState, Observation, deviation

SECOND_NS = 10**9
OPEN, OUT_OF_RANGE, FEE_TIER = "open", "out_of_range", "fee_tier"
INVENTORY, VOLATILITY, AGE = "inventory", "volatility", "age"


def crossed(rules: KeeperRules, state: KeeperState, seen: Observation, now_ns: int) -> list[str]:
    """Conditions that are true now, the most pressing first."""
    if not seen.holdings.ranges:
        return [OPEN]
    conditions = {
        OUT_OF_RANGE: _beyond(rules, seen.holdings),
        FEE_TIER: tier_stands(rules, state, now_ns),
        INVENTORY: deviation(state, seen.holdings) >= rules.deviation_fraction,
        VOLATILITY: _regime_changed(rules, state, seen, 1.0),
        AGE: bool(rules.age_s_max and state.anchored_ns) and now_ns - state.anchored_ns >= rules.age_s_max * SECOND_NS,
    }
    return [name for name, is_true in conditions.items() if is_true]


def standing(rules: KeeperRules, state: KeeperState, seen: Observation, now_ns: int) -> set[str]:
    """Conditions that have not cleared: inventory and volatility clear nearer than they fire, so that noise around
    their bounds cannot rattle them.
    """
    found = set(crossed(rules, state, seen, now_ns))
    if deviation(state, seen.holdings) >= rules.deviation_fraction * rules.clear_fraction:
        found.add(INVENTORY)
    if _regime_changed(rules, state, seen, rules.clear_fraction):
        found.add(VOLATILITY)
    return found


def tier_stands(rules: KeeperRules, state: KeeperState, now_ns: int) -> bool:
    """Whether another fee tier has been better for long enough."""
    return bool(state.better_ppm) and now_ns - state.better_since_ns >= rules.tiers.hold_s * SECOND_NS


def _beyond(rules: KeeperRules, holdings: Holdings) -> bool:
    bounds, slack = holdings.price_bounds, rules.beyond_bps / BPS
    return bounds is not None and not bounds[0] * (1 - slack) <= holdings.price <= bounds[1] * (1 + slack)


def _regime_changed(rules: KeeperRules, state: KeeperState, seen: Observation, fraction: float) -> bool:
    """Whether volatility left this fraction of the way from what it was to either bound."""
    if not state.anchor_sigma:
        return False
    ratio = seen.sigma / state.anchor_sigma
    high, low = rules.sigma_ratio_max, rules.sigma_ratio_min
    return bool(high and ratio >= 1 + (high - 1) * fraction) or bool(low and ratio <= 1 - (1 - low) * fraction)
