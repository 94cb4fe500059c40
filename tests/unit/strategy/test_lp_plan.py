"""Plans: what balances, what is left over, what the minimum amounts protect."""

import msgspec
import pytest

from common.amm.liquidity import amounts_to_mint
from common.amm.pair import Pair
from common.strategy.lp_holdings import Holdings
from common.strategy.lp_plan import MovePlan, PlanRules, plan_move, tokens_in_hand
from common.strategy.lp_range import Offsets, RangeModel, target_range
from tests.unit.strategy.lp_worlds import BASE, PAIRS, QUOTE, idle, standing

RULES = PlanRules()


@pytest.fixture(params=PAIRS, ids=["base is token0", "base is token1"])
def pair(request: pytest.FixtureRequest) -> Pair:
    return request.param


def plan(holdings: Holdings, mid: float | None = None, rules: PlanRules = RULES) -> MovePlan:
    target = target_range(holdings.pair, holdings.price, Offsets(6.0, 6.0), RangeModel())
    return plan_move(holdings, target, mid or holdings.price, rules)


def test_balanced_tokens_go_into_one_range_around_the_price(pair: Pair) -> None:
    drawn = plan(idle(pair))
    base_range = drawn.mints[0]
    assert drawn.burns == () and base_range.amount0 and base_range.amount1
    base, quote = drawn.deposits(pair)
    assert base <= BASE and quote <= QUOTE
    assert pair.whole_base(base) > 17 and pair.whole_quote(quote) > 47_000


@pytest.mark.parametrize("price", [2695.0, 2705.0])
def test_the_surplus_goes_one_sided_just_beyond_the_price(pair: Pair, price: float) -> None:
    holdings = standing(pair, price)
    drawn = plan(holdings)
    _, surplus = drawn.mints
    low, high = pair.price_bounds(surplus.tick_lower, surplus.tick_upper)
    base, quote = pair.unorder(surplus.amount0, surplus.amount1)
    if price < 2700:
        assert base and not quote and price < low < price * 1.0011
    else:
        assert quote and not base and price * 0.9989 < high <= price


@pytest.mark.parametrize("price", [2600.0, 2800.0])
def test_out_of_range_everything_goes_one_sided(pair: Pair, price: float) -> None:
    (only,) = plan(standing(pair, price)).mints
    assert bool(only.amount0) != bool(only.amount1)
    assert bool(pair.unorder(only.amount0, only.amount1)[0]) == (price < 2700)


def test_a_plan_never_takes_more_than_the_burn_returns_within_the_drift(pair: Pair) -> None:
    holdings = standing(pair, 2698.0)
    base, quote = plan(holdings, rules=PlanRules(drift_bps=2.0)).deposits(pair)
    for factor in (1 - 1.9e-4, 1.0, 1 + 1.9e-4):
        returned = holdings.totals_at(pair.sqrt_price_of(2698.0 * factor))
        assert base <= returned[0] and quote <= returned[1]


def test_without_drift_all_but_dust_is_used(pair: Pair) -> None:
    holdings = standing(pair, 2698.0)
    base, quote = plan(holdings, rules=PlanRules(drift_bps=0.0)).deposits(pair)
    assert holdings.totals[0] - base < 10**8 and holdings.totals[1] - quote < 10**3
    hand0, hand1 = tokens_in_hand(holdings, 0.0)
    assert (hand0, hand1) == pytest.approx(pair.order(*holdings.totals), rel=1e-9)


def test_minimum_amounts_pass_within_the_band_around_the_mid_and_fail_beyond(pair: Pair) -> None:
    mint = plan(idle(pair), mid=2700.5).mints[0]
    assert mint.amount0_min > 0 and mint.amount1_min > 0, "a one-sided surprise is impossible"

    def passes(price: float) -> bool:
        args = (mint.tick_lower, mint.tick_upper, mint.amount0, mint.amount1)
        _, amount0, amount1 = amounts_to_mint(pair.sqrt_price_of(price), *args)
        return amount0 >= mint.amount0_min and amount1 >= mint.amount1_min

    assert all(passes(2700.5 * (1 + bps / 10_000)) for bps in (-19, -5, 0, 5, 19))
    assert not any(passes(2700.5 * (1 + bps / 10_000)) for bps in (-40, -30, 30, 40))


def test_the_burns_minimum_is_what_the_band_allows(pair: Pair) -> None:
    holdings = standing(pair, 2699.0)
    (burn,) = plan(holdings, mid=2699.0).burns
    for bps in (-24, 0, 24):
        amounts = pair.order(*holdings.amounts_at(pair.sqrt_price_of(2699.0 * (1 + bps / 10_000)))[0])
        assert amounts[0] >= burn.amount0_min and amounts[1] >= burn.amount1_min
    far = pair.order(*holdings.amounts_at(pair.sqrt_price_of(2699.0 * 1.004))[0])
    assert far[0] < burn.amount0_min or far[1] < burn.amount1_min


def test_a_pair_has_all_quote_below_and_all_base_above_as_wide_as_the_offsets(pair: Pair) -> None:
    target = target_range(pair, 2700.0, Offsets(20.0, 6.0), RangeModel(half_width_bps_max=400.0))
    drawn = plan_move(idle(pair), target, 2700.0, PlanRules(shape="pair", drift_bps=0.0))
    bounds = [pair.price_bounds(mint.tick_lower, mint.tick_upper) for mint in drawn.mints]
    (bid_low, bid_high), (ask_low, ask_high) = bounds
    assert bid_low < bid_high <= 2700.0 < ask_low < ask_high
    assert bid_high - bid_low > 2 * (ask_high - ask_low)
    assert [pair.unorder(mint.amount0, mint.amount1) for mint in drawn.mints] == [(0, QUOTE), (BASE, 0)]


def test_a_one_sided_range_that_the_price_has_entered_is_not_drawn(pair: Pair) -> None:
    higher = target_range(pair, 2703.0, Offsets(6.0, 6.0), RangeModel())
    lower = target_range(pair, 2697.0, Offsets(6.0, 6.0), RangeModel())
    rules = PlanRules(shape="pair")
    (ask,), (bid,) = (plan_move(idle(pair), each, 2700.0, rules).mints for each in (higher, lower))
    assert pair.unorder(ask.amount0, ask.amount1)[1] == 0 == pair.unorder(bid.amount0, bid.amount1)[0]


def test_dust_is_not_worth_a_range(pair: Pair) -> None:
    assert plan(idle(pair, base=10**16, quote=30 * 10**6)).mints == ()


def test_fees_owed_are_tokens_in_hand(pair: Pair) -> None:
    holdings = standing(pair, 2700.0)
    owned = msgspec.structs.replace(holdings.ranges[0], fees_base=10**18, fees_quote=10**9)
    richer = msgspec.structs.replace(holdings, ranges=(owned,))
    assert richer.totals == (holdings.totals[0] + 10**18, holdings.totals[1] + 10**9)
    assert tokens_in_hand(richer, 0.0) > tokens_in_hand(holdings, 0.0)


@pytest.mark.parametrize("bad", [{"slippage_bps": 0.0}, {"drift_bps": 30.0}, {"range_value_min": -1.0}])
def test_rules_that_cannot_be_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        PlanRules(**bad)
