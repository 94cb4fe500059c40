"""Volatility, age and fee tier as triggers; average price and gas as gates; the sale as a choice."""

import msgspec
import pytest

from common.strategy.lp_gates import HoldCode
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_keeper import CollectFees, Decision, Keeper, MoveRanges
from common.strategy.lp_plan import PlanRules
from common.strategy.lp_pool import PoolView
from common.strategy.lp_range import RangeModel
from common.strategy.lp_rules import KeeperRules
from common.strategy.lp_state import KeeperState, Observation
from common.strategy.lp_swap import SwapRules
from tests.unit.strategy.lp_worlds import PAIRS, idle, standing, view

PAIR, SECOND, SIGMA = PAIRS[1], 10**9, 1e-4
LATER = 61 * SECOND
HOME = standing(PAIR)


def keeper(plan: PlanRules | None = None, **rules: object) -> Keeper:
    chosen = {"interval_s_min": 60, "collect_interval_s": 0, "gain_over_gas_min": 0, "deviation_fraction": 0.2, **rules}
    return Keeper(rules=KeeperRules(**chosen), model=RangeModel(width_sigmas=1.0), plan=plan or PlanRules())


def seen(holdings: Holdings = HOME, sigma: float = SIGMA, **more: object) -> Observation:
    return Observation(**{"holdings": holdings, "mid": holdings.price, "sigma": sigma, "reference": 20.0, **more})


def anchored(sigma: float = SIGMA, holdings: Holdings = HOME) -> KeeperState:
    return keeper().completed(holdings, 1, sigma)


def trigger(decision: Decision) -> str:
    return decision.action.trigger if isinstance(decision.action, MoveRanges) else ""


def freed(decision: Decision) -> KeeperState:
    """The state as if the shell had forgotten that a move is under way."""
    return msgspec.structs.replace(decision.state, busy=False)


@pytest.mark.parametrize(
    ("beyond", "within", "cleared"),
    [(2.0 * SIGMA, 1.9 * SIGMA, 1.79 * SIGMA), (0.5 * SIGMA, 0.55 * SIGMA, 0.61 * SIGMA)],
)
def test_another_volatility_regime_fires_once_per_crossing(beyond: float, within: float, cleared: float) -> None:
    mine = keeper(sigma_ratio_max=2.0, sigma_ratio_min=0.5)
    assert mine.decide(anchored(), seen(sigma=within), LATER).action is None
    fired = mine.decide(anchored(), seen(sigma=beyond), LATER)
    assert trigger(fired) == "volatility"
    # Noise around the bound does not fire it again, coming well back does.
    near = mine.decide(freed(fired), seen(sigma=within), LATER)
    assert mine.decide(near.state, seen(sigma=beyond), LATER).action is None
    back = mine.decide(near.state, seen(sigma=cleared), LATER)
    assert trigger(mine.decide(back.state, seen(sigma=beyond), LATER)) == "volatility"


def test_a_new_regime_has_wider_ranges_and_is_the_next_anchor() -> None:
    mine = keeper(sigma_ratio_max=2.0)
    calm = mine.draw(seen()).target
    decision = mine.decide(anchored(), seen(sigma=3 * SIGMA), LATER)
    assert isinstance(decision.action, MoveRanges)
    wild = decision.action.plan.target
    assert wild.lower < calm.lower and wild.upper > calm.upper
    again = mine.completed(HOME, LATER, 3 * SIGMA)
    assert mine.decide(again, seen(sigma=3 * SIGMA), 3 * LATER).action is None


def test_an_anchor_without_a_volatility_takes_the_first_one_it_sees() -> None:
    mine = keeper(sigma_ratio_max=2.0)
    first = mine.decide(anchored(sigma=0.0), seen(sigma=SIGMA), LATER)
    assert first.action is None and first.state.anchor_sigma == SIGMA
    assert trigger(mine.decide(first.state, seen(sigma=2 * SIGMA), LATER)) == "volatility"


def test_old_ranges_are_renewed_once() -> None:
    mine = keeper(age_s_max=3_600.0)
    assert mine.decide(anchored(), seen(), 3_600 * SECOND).action is None
    fired = mine.decide(anchored(), seen(), 3_600 * SECOND + 1)
    assert trigger(fired) == "age"
    assert mine.decide(freed(fired), seen(), 7_200 * SECOND).action is None
    assert mine.decide(mine.completed(HOME, 4_000 * SECOND), seen(), 7_000 * SECOND).action is None
    # Ranges that nobody saw anchored have no age.
    assert mine.decide(KeeperState(anchor_delta=HOME.delta), seen(), 10**18).action is None


def test_age_and_volatility_are_gated_by_what_a_move_adds() -> None:
    mine = keeper(age_s_max=100.0, gain_over_gas_min=1.0, sigma_ratio_max=2.0)
    now_ns = 200 * SECOND
    unmeasured = mine.decide(anchored(), seen(), now_ns)
    assert unmeasured.due == "age" and unmeasured.held.code == HoldCode.FEES_UNMEASURED
    liquidity = HOME.ranges[0].range.liquidity
    # Where fees outweigh LVR the narrow range that stands earns more than the wider one that would be drawn now ...
    earning = mine.decide(anchored(), seen(fee_rate=1.0 / liquidity, move_cost=1.0), now_ns)
    assert (earning.due, earning.held.code) == ("age", HoldCode.GAIN_BELOW_GAS)
    # ... and where LVR has outgrown them the wider one, with less liquidity, loses less.
    wild = mine.decide(anchored(), seen(sigma=8 * SIGMA, fee_rate=1e-3 / liquidity, move_cost=1.0), now_ns)
    assert trigger(wild) == "volatility"


def other(pair: object, rate: float, **more: object) -> PoolView:
    wide = msgspec.structs.replace(PAIR, tick_spacing=60, fee_ppm=3_000)
    return view(wide, **{"liquidity": 10**18, "fee_rate": rate, "measured_s": 1_000.0, **more})


def tiers(own_rate: float, other_rate: float, **more: object) -> dict[str, object]:
    own = view(PAIR, liquidity=10**18, fee_rate=own_rate, measured_s=1_000.0)
    return {"pools": (own, other(PAIR, other_rate, **more)), "move_cost": 0.1}


RATE = 1e-17
TIER_RULES = {"enabled": True, "margin": 0.25, "hold_s": 1_800.0}


def tier_keeper(**rules: object) -> Keeper:
    return msgspec.convert(
        {
            "rules": {"interval_s_min": 60, "collect_interval_s": 0, "tiers": TIER_RULES, **rules},
            "model": {}, "plan": {},
        },
        Keeper,
    )  # fmt: skip


def test_a_better_tier_must_stay_better_for_long_enough() -> None:
    mine, start = tier_keeper(), LATER
    better, worse = tiers(RATE, 10 * RATE), tiers(RATE, RATE)
    state = mine.decide(anchored(), seen(**better), start).state
    assert (state.better_ppm, state.better_since_ns) == (3_000, start)
    assert mine.decide(state, seen(**better), start + 1_799 * SECOND).action is None
    broken = mine.decide(state, seen(**worse), start + 900 * SECOND).state
    assert broken.better_ppm == 0
    late = mine.decide(broken, seen(**better), start + 901 * SECOND)
    assert mine.decide(late.state, seen(**better), start + 1_800 * SECOND).action is None, "it counts from anew"
    fired = mine.decide(state, seen(**better), start + 1_800 * SECOND)
    assert trigger(fired) == "fee_tier" and isinstance(fired.action, MoveRanges)
    plan = fired.action.plan
    assert plan.pair.fee_ppm == 3_000 and plan.burns and plan.mints
    assert all(mint.tick_lower % 60 == 0 == mint.tick_upper % 60 for mint in plan.mints)
    assert mine.decide(freed(fired), seen(**better), start + 1_801 * SECOND).action is None, "once per crossing"


def test_without_a_mid_what_was_better_is_neither_lost_nor_acted_upon() -> None:
    mine, better = tier_keeper(), tiers(RATE, 10 * RATE)
    state = mine.decide(anchored(), seen(**better), LATER).state
    blind = mine.decide(state, seen(mid=None, **better), LATER + 1_800 * SECOND)
    assert blind.state.better_since_ns == LATER and blind.held.code == HoldCode.NO_MID
    assert trigger(mine.decide(blind.state, seen(**better), LATER + 1_801 * SECOND)) == "fee_tier"


@pytest.mark.parametrize(
    "pools",
    [
        tiers(RATE, 10 * RATE, measured_s=599.0),
        tiers(RATE, 1.2 * RATE),
        tiers(RATE, 10 * RATE, price=2700 * 1.0046),
    ],
    ids=["measured too briefly", "hardly better", "farther from the mid than its fee explains"],
)
def test_what_is_not_known_to_be_better_is_not_better(pools: dict[str, object]) -> None:
    assert tier_keeper().decide(anchored(), seen(**pools), LATER).state.better_ppm == 0


def test_the_other_pools_own_price_gates_the_move_there() -> None:
    mine, apart = tier_keeper(twap_gap_bps_max=50.0), tiers(RATE, 10 * RATE, price=2700 * 1.002)
    state = mine.decide(anchored(), seen(**apart), LATER).state
    held = mine.decide(state, seen(**apart), LATER + 1_800 * SECOND)
    assert (held.due, held.held.code) == ("fee_tier", HoldCode.MID_GAP)
    shaken = tiers(RATE, 10 * RATE, twap=2700 * 1.006)
    assert mine.decide(state, seen(**shaken), LATER + 1_800 * SECOND).held.code == HoldCode.TWAP_GAP


def test_a_tier_that_does_not_pay_for_the_move_is_not_moved_to() -> None:
    mine, better = tier_keeper(tiers={**TIER_RULES, "payback_s": 1e-3}), tiers(RATE, 10 * RATE)
    state = mine.decide(anchored(), seen(**better), LATER).state
    held = mine.decide(state, seen(**better), LATER + 1_800 * SECOND)
    assert (held.due, held.held.code) == ("fee_tier", HoldCode.GAIN_BELOW_GAS)


def test_without_ranges_the_best_measured_tier_is_opened_in() -> None:
    mine, better = tier_keeper(), tiers(RATE, 10 * RATE)
    opened = mine.decide(KeeperState(), seen(idle(PAIR), **better), 0)
    assert isinstance(opened.action, MoveRanges) and opened.action.plan.pair.fee_ppm == 3_000
    unmeasured = mine.decide(KeeperState(), seen(idle(PAIR), **tiers(RATE, 10 * RATE, measured_s=1.0)), 0)
    assert isinstance(unmeasured.action, MoveRanges) and unmeasured.action.plan.pair == PAIR


@pytest.mark.parametrize(
    ("rules", "facts", "code"),
    [
        ({"twap_gap_bps_max": 50}, {"pools": (view(PAIR, price=2695.5, twap=2695.5 * 1.0051),)}, HoldCode.TWAP_GAP),
        ({"twap_gap_bps_max": 50, "twap_required": True}, {"pools": (view(PAIR, price=2695.5),)}, HoldCode.NO_TWAP),
        ({"gas_price_gwei_max": 20}, {"gas_price_gwei": 20.1}, HoldCode.WAITING_FOR_GAS),
        ({}, {"move_cost": 5.0, "gas_budget_left": 4.9}, HoldCode.GAS_BUDGET),
    ],
)
def test_gates_hold_and_do_not_use_the_trigger_up(
    rules: dict[str, object], facts: dict[str, object], code: HoldCode
) -> None:
    drifted = standing(PAIR, 2695.5)
    mine = keeper(**rules)
    held = mine.decide(anchored(), seen(drifted, **facts), LATER)
    assert held.action is None and held.held.code == code and held.due == "inventory"
    assert held.held.waits_for_gas == (code in (HoldCode.WAITING_FOR_GAS, HoldCode.GAS_BUDGET))
    assert held.reason.startswith("inventory: ")
    easy = {"pools": (view(PAIR, price=2695.5, twap=2695.5),), "gas_price_gwei": 20.0, "gas_budget_left": 5.0}
    assert trigger(mine.decide(held.state, seen(drifted, move_cost=5.0, **easy), LATER)) == "inventory"


def test_a_pool_without_an_average_passes_unless_one_is_required() -> None:
    drifted = standing(PAIR, 2695.5)
    for required, acts in ((False, True), (True, False)):
        mine = keeper(twap_gap_bps_max=50.0, twap_required=required)
        facts = seen(drifted, pools=(view(PAIR, price=2695.5),))
        assert (trigger(mine.decide(anchored(), facts, LATER)) == "inventory") is acts


def test_a_collection_waits_for_gas_too() -> None:
    mine = keeper(collect_interval_s=10.0, gas_price_gwei_max=20.0)
    owned = msgspec.structs.replace(HOME.ranges[0], fees_quote=5 * 10**6)
    rich = msgspec.structs.replace(HOME, ranges=(owned,))
    held = mine.decide(anchored(), seen(rich, gas_price_gwei=21.0), LATER)
    assert held.action is None and (held.due, held.held.code) == ("collect", HoldCode.WAITING_FOR_GAS)
    assert mine.decide(anchored(), seen(rich, gas_price_gwei=19.0), LATER).action == CollectFees()


def test_a_surplus_is_sold_only_if_asked_for_and_if_it_earns_its_cost() -> None:
    gone = standing(PAIR, 2693.0)
    rich, poor = (view(PAIR, price=2693.0, liquidity=10**20, fee_rate=rate) for rate in (1e-17, 1e-22))
    asked = PlanRules(swap=SwapRules(enabled=True, value_bps_max=10_000.0))
    for plan, pool, sells in ((PlanRules(), rich, False), (asked, poor, False), (asked, rich, True)):
        decision = keeper(plan=plan).decide(anchored(), seen(gone, pools=(pool,)), LATER)
        assert isinstance(decision.action, MoveRanges)
        drawn = decision.action.plan
        assert (drawn.swap is not None) is sells and len(drawn.mints) == (1 if sells else 2)
    facts = seen(gone, pools=(rich,))
    assert keeper(plan=asked).draw(facts, swaps=False).swap is None
    dear = seen(gone, pools=(rich,), swap_cost=1e9)
    assert keeper(plan=asked).draw(dear).swap is None


@pytest.mark.parametrize(
    "bad",
    [{"sigma_ratio_max": 1.0}, {"sigma_ratio_min": 1.0}, {"age_s_max": -1.0}, {"twap_required": True}],
    ids=str,
)
def test_rules_that_cannot_be_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        KeeperRules(**bad)


def test_a_pair_cannot_sell_a_surplus() -> None:
    with pytest.raises(ValueError, match="base_limit"):
        PlanRules(shape="pair", swap=SwapRules(enabled=True))
