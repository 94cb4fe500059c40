"""The keeper's edges and gates."""

import msgspec
import pytest

from common.amm.fees import Growth
from common.amm.full_math import UINT256_MAX
from common.strategy.lp_gain import FeeRate, Outlook, expected_time_inside, planned_ranges, standing_ranges
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_keeper import CollectFees, Decision, Keeper, MoveRanges
from common.strategy.lp_plan import PlanRules
from common.strategy.lp_range import RangeModel
from common.strategy.lp_rules import KeeperRules
from common.strategy.lp_state import KeeperState, Observation
from tests.unit.strategy.lp_worlds import PAIRS, idle, standing

PAIR = PAIRS[1]
SECOND = 10**9
KEEPER = Keeper(
    rules=KeeperRules(deviation_fraction=0.2, interval_s_min=60, collect_interval_s=0, gain_over_gas_min=0),
    model=RangeModel(),
    plan=PlanRules(),
)
SIGMA = 1.2e-4
ANCHORED = KEEPER.completed(standing(PAIR), 0, SIGMA)
LATER = 61 * SECOND


def seen(holdings: Holdings, mid: float | None = -1.0, **more: float | None) -> Observation:
    mid = holdings.price if mid == -1.0 else mid
    return Observation(**{"holdings": holdings, "mid": mid, "sigma": SIGMA, "reference": 20.0, **more})  # type: ignore[arg-type]


def decide(state: KeeperState, holdings: Holdings, now_ns: int = LATER, **more: float | None) -> Decision:
    return KEEPER.decide(state, seen(holdings, **more), now_ns)


def trigger(decision: Decision) -> str:
    return decision.action.trigger if isinstance(decision.action, MoveRanges) else ""


def test_without_ranges_it_opens_at_once_and_only_once() -> None:
    first = decide(KeeperState(), idle(PAIR), now_ns=0)
    assert trigger(first) == "open" and first.state.busy
    assert decide(first.state, idle(PAIR), now_ns=10**12).action is None


def test_an_unmoved_inventory_leaves_the_ranges_alone() -> None:
    assert decide(ANCHORED, standing(PAIR, 2701.0)) == Decision(state=ANCHORED)


def test_drift_beyond_the_threshold_fires_once_per_crossing() -> None:
    fired = decide(ANCHORED, standing(PAIR, 2695.5))
    assert trigger(fired) == "inventory"
    # Even if the shell forgot that it is busy, the crossing is used up ...
    forgot = msgspec.structs.replace(fired.state, busy=False)
    assert decide(forgot, standing(PAIR, 2695.4)).action is None
    # ... a little way back does not arm it ...
    still = decide(forgot, standing(PAIR, 2696.3)).state
    assert decide(still, standing(PAIR, 2695.5)).action is None
    # ... but a cleared condition does.
    cleared = decide(still, standing(PAIR, 2699.0)).state
    assert trigger(decide(cleared, standing(PAIR, 2695.5))) == "inventory"


def test_a_completed_move_arms_it_again_around_the_new_anchor() -> None:
    fired = decide(ANCHORED, standing(PAIR, 2695.5))
    moved = standing(PAIR, 2695.5, anchor=2695.5)
    again = KEEPER.completed(moved, LATER)
    assert fired.state.fired and not again.fired and not again.busy
    assert decide(again, moved, now_ns=2 * LATER).action is None
    assert trigger(decide(again, standing(PAIR, 2691.0, anchor=2695.5), now_ns=2 * LATER)) == "inventory"


@pytest.mark.parametrize("price", [2680.0, 2720.0])
def test_a_price_beyond_all_ranges_fires_first(price: float) -> None:
    assert trigger(decide(ANCHORED, standing(PAIR, price))) == "out_of_range"


def test_a_price_just_outside_is_not_beyond() -> None:
    narrow = msgspec.structs.replace(ANCHORED, anchor_delta=0.0)
    outside = standing(PAIR, 2709.5)
    assert outside.active_liquidity == 0
    assert decide(narrow, outside).action is None


def test_gates_delay_a_trigger_and_do_not_use_it_up() -> None:
    drifted = standing(PAIR, 2695.5)
    early = decide(ANCHORED, drifted, now_ns=59 * SECOND)
    assert early.action is None and "60 s" in early.reason
    blind = decide(early.state, drifted, mid=None)
    assert blind.action is None and "no fresh CeFi mid" in blind.reason
    torn = decide(blind.state, drifted, mid=2695.5 * 1.002)
    assert torn.action is None and "differ" in torn.reason
    assert trigger(decide(torn.state, drifted)) == "inventory"


def test_a_poor_wallet_opens_nothing() -> None:
    rules = msgspec.structs.replace(KEEPER.rules, open_value_min=200_000.0)
    decision = msgspec.structs.replace(KEEPER, rules=rules).decide(KeeperState(), seen(idle(PAIR)), 0)
    assert decision.action is None and "too little" in decision.reason


def test_the_gain_must_exceed_the_gas() -> None:
    rules = msgspec.structs.replace(KEEPER.rules, gain_over_gas_min=1.0, drift_cost_bps=0.0)
    keeper = msgspec.structs.replace(KEEPER, rules=rules)
    gone = standing(PAIR, 2720.0)
    unmeasured = keeper.decide(ANCHORED, seen(gone), LATER)
    assert "not measured" in unmeasured.reason
    rate = 10.0 / 3600 / gone.ranges[0].range.liquidity
    assert keeper.decide(ANCHORED, seen(gone, fee_rate=rate, move_cost=1e-3), LATER).action is not None
    assert "below gas" in keeper.decide(ANCHORED, seen(gone, fee_rate=rate, move_cost=1e3), LATER).reason


def test_drift_itself_is_worth_what_hedging_it_costs() -> None:
    rules = msgspec.structs.replace(KEEPER.rules, gain_over_gas_min=1.0, drift_cost_bps=1.0)
    keeper, drifted = msgspec.structs.replace(KEEPER, rules=rules), standing(PAIR, 2695.5)
    drift_value = abs(drifted.delta - ANCHORED.anchor_delta) * drifted.price * 1e-4
    for cost, acts in ((drift_value * 0.99, True), (drift_value * 1.01, False)):
        decision = keeper.decide(ANCHORED, seen(drifted, fee_rate=0.0, move_cost=cost), LATER)
        assert (decision.action is not None) is acts


def test_a_failed_move_is_offered_again_after_pauses_that_double() -> None:
    drifted, now_ns = standing(PAIR, 2695.5), LATER
    state = decide(ANCHORED, drifted, now_ns).state
    for pause_s in (2, 4, 8):
        state = KEEPER.failed(state, now_ns)
        assert decide(state, drifted, now_ns + pause_s * SECOND - 1).action is None
        now_ns += pause_s * SECOND
        again = decide(state, drifted, now_ns)
        assert trigger(again) == "inventory"
        state = again.state


def test_fees_are_collected_when_due_and_worth_it() -> None:
    rules = msgspec.structs.replace(KEEPER.rules, collect_interval_s=100.0)
    keeper, holdings = msgspec.structs.replace(KEEPER, rules=rules), standing(PAIR)
    owned = msgspec.structs.replace(holdings.ranges[0], fees_quote=5 * 10**6)
    earned = msgspec.structs.replace(holdings, ranges=(owned,))
    assert keeper.decide(ANCHORED, seen(earned), 99 * SECOND).action is None
    assert keeper.decide(ANCHORED, seen(earned, collect_cost=6.0), 100 * SECOND).action is None
    decision = keeper.decide(ANCHORED, seen(earned, collect_cost=4.0), 100 * SECOND)
    assert decision.action == CollectFees() and decision.state.busy
    after = keeper.collected(decision.state, 100 * SECOND)
    assert not after.busy and keeper.decide(after, seen(earned), 199 * SECOND).action is None
    assert after.anchor_delta == ANCHORED.anchor_delta


@pytest.mark.parametrize("bad", [{"deviation_fraction": 0.0}, {"clear_fraction": 1.0}, {"interval_s_min": -1.0}])
def test_rules_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        KeeperRules(**bad)


def test_time_inside_a_range() -> None:
    assert expected_time_inside(100, 1, 10_000, 1e-4, 600) == pytest.approx(600)
    inside, beside, far = (expected_time_inside(100, low, low + 1, 1e-4, 600) for low in (99.5, 100.01, 105))
    assert 600 >= inside > beside > 0 and far == pytest.approx(0, abs=1e-6)
    # At the bound of a half-line the price is inside half of the time.
    assert expected_time_inside(100, 100, 1e9, 1e-4, 600) == pytest.approx(300)


def test_the_fee_rate_is_the_growth_over_the_window_and_survives_wrap_and_rewind() -> None:
    rate = FeeRate(PAIR, window_s=10)
    unit = 10**12 << 128  # 10^12 raw quote per raw unit of liquidity: a million whole quote
    assert rate.quote_per_second(2700) is None
    rate.add(1 * SECOND, Growth(UINT256_MAX - unit + 1, 0))
    assert rate.quote_per_second(2700) is None
    rate.add(3 * SECOND, Growth(0, 0))
    assert rate.quote_per_second(2700) == pytest.approx(1e6 / 2)
    rate.add(2 * SECOND, Growth(0, 0))
    assert rate.quote_per_second(2700) == pytest.approx(1e6)
    rate.add(100 * SECOND, Growth(0, 0))
    assert rate.quote_per_second(2700) is None


def test_leaving_and_returning_is_worth_more_than_staying_away() -> None:
    gone = standing(PAIR, 2725.0)
    away = Outlook(pair=PAIR, price=2725.0, rate=1e-20, sigma=SIGMA, horizon_s=600)
    facts, plan = seen(gone, fee_rate=1e-20), KEEPER.draw(seen(gone))
    there, here = away.income(planned_ranges(plan)), away.income(standing_ranges(gone))
    assert there > here >= 0
    assert KEEPER.income_gain(facts, facts.home, plan, gross=True) == pytest.approx(
        (there - here) * KEEPER.rules.gain_horizon_s / 600
    )
