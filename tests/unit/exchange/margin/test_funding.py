"""Hourly funding through the exchange."""

from fractions import Fraction
from math import ceil

import pytest

from common.exchange.commands import PassTime, SetLevels
from common.exchange.events import TREASURY_ACCOUNT
from common.exchange.margin.commands import SetMarginMode, SetOracle, SplitPosition
from common.exchange.margin.events import FundingPaid, FundingSettled
from common.exchange.margin.funding import HOUR_NS, HOURS_MAX, SAMPLE_NS
from common.exchange.margin.rules import PerpetualRules
from tests.unit.exchange.margin.perpetual_desk import SELL, TIERS, UNIT, PerpetualDesk

RULES = PerpetualRules(tiers=TIERS, impact_units=20_000 * UNIT)
PERCENT = 10**7


def funded_desk() -> PerpetualDesk:
    """`a` is long 10 at 10000, `b` short, and the book stands one percent above the oracle."""
    desk = PerpetualDesk("a", "b", money=100_000, perpetual=RULES)
    desk.run(SetOracle, symbol="X-PERP", price_ticks=10_000)
    desk.deal("a", "b", 10_000, 10)
    desk.run(SetLevels, symbol="X-PERP", bids=[(10_100, 50)], asks=[(10_300, 50)])
    return desk


def settled(events) -> list[FundingSettled]:
    return [event for event in events if isinstance(event, FundingSettled)]


def paid(events) -> dict[str, float]:
    return {event.account: event.units / UNIT for event in events if isinstance(event, FundingPaid)}


def test_one_percent_premium_costs_ten_lots_at_ten_thousand_118_75():
    desk = funded_desk()
    assert not settled(desk.wait_until(HOUR_NS - 1))
    events = desk.wait_until(HOUR_NS)
    (hour,) = settled(events)
    assert (hour.premium, hour.rate, hour.hour_ns) == (PERCENT, 95 * PERCENT // 100, HOUR_NS)
    assert paid(events) == {"a": 118.75, "b": -118.75}
    assert desk.wallet("a") == 100_000 - 118.75 and desk.wallet("b") == 100_000 + 118.75
    assert not settled(desk.wait_until(2 * HOUR_NS - 1))


def test_premium_is_the_mean_of_samples_and_none_is_taken_twice():
    desk = funded_desk()
    desk.wait_until(HOUR_NS // 4)
    desk.run(SetLevels, symbol="X-PERP", bids=[(10_100, 0), (9_900, 50)], asks=[])
    (hour,) = settled(desk.wait_until(HOUR_NS))
    # 180 samples at 1 %, 540 at 0: 0.25 %.
    assert hour.premium == PERCENT // 4


def test_the_expected_rate_is_what_the_hour_would_pay_now():
    desk = funded_desk()
    funding = desk.exchange.clearing.funding
    assert funding.expected_rate("X-PERP") == 95 * PERCENT // 100, "before the first sample: of this moment"
    desk.wait_until(HOUR_NS // 4)
    desk.run(SetLevels, symbol="X-PERP", bids=[(10_100, 0), (9_900, 50)], asks=[])
    desk.wait_until(HOUR_NS // 2)
    # 180 samples at 1 % and 180 at 0: 0.5 %, less the 0.05 % of the clamp.
    assert funding.expected_rate("X-PERP") == 45 * PERCENT // 100
    assert funding.expected_rate("Y-PERP") == PERCENT // 100


def test_many_commands_and_one_silence_make_the_same_samples():
    busy, silent = funded_desk(), funded_desk()
    for seconds in range(1, 3_600, 7):
        busy.wait_until(seconds * 10**9)
    (one,), (other,) = settled(busy.wait_until(HOUR_NS)), settled(silent.wait_until(HOUR_NS))
    assert (one.premium, one.rate) == (other.premium, other.rate)
    assert busy.wallet("a") == silent.wallet("a")


def test_an_order_that_ended_within_a_silence_counts_until_its_end():
    desk = PerpetualDesk("a", "b", money=100_000, perpetual=PerpetualRules(tiers=TIERS, impact_units=9_000 * UNIT))
    desk.run(SetOracle, symbol="X-PERP", price_ticks=10_000)
    desk.place("b", SELL, 9_900, 1, expires_ns=HOUR_NS // 2)
    (hour,) = settled(desk.wait_until(HOUR_NS))
    assert hour.premium == -PERCENT // 2


def test_a_long_silence_is_settled_hour_by_hour_with_one_sample():
    desk = funded_desk()
    hours = settled(desk.wait_until(30 * HOUR_NS))
    assert [each.hour_ns for each in hours] == [HOUR_NS * each for each in range(1, 31)]
    assert desk.wallet("a") == 100_000 - 30 * 118.75


def test_a_silence_of_years_is_bounded():
    desk = funded_desk()
    hours = settled(desk.wait_until(10**18))
    assert len(hours) == HOURS_MAX - 1 and hours[-1].hour_ns == 10**18 // HOUR_NS * HOUR_NS


def test_after_a_silence_samples_go_on_where_time_is():
    desk = funded_desk()
    desk.wait_until(10**18)
    (due_ns,) = (due_ns for due_ns, _, kind, _ in desk.exchange.state().common.core.agenda if kind == "funding")
    assert 0 < due_ns - 10**18 <= SAMPLE_NS and due_ns % SAMPLE_NS == 0


@pytest.mark.parametrize(("lots", "dust"), [((1, 2), 2), ((3, 5), 2), ((40, 40), 0)])
def test_payers_pay_the_ceiling_receivers_get_the_floor_and_the_treasury_keeps_the_dust(lots, dust):
    desk = PerpetualDesk("a", "b", "c", perpetual=PerpetualRules(tiers=TIERS, impact_units=UNIT))
    desk.run(SetOracle, symbol="X-PERP", price_ticks=7)
    for short, size in zip(("b", "c"), lots, strict=True):
        desk.deal("a", short, 7, size)
    desk.run(SetLevels, symbol="X-PERP", bids=[(8, 1)], asks=[])
    events = desk.wait_until(HOUR_NS)
    (hour,) = settled(events)
    assert hour.rate == 142_857_142 - PERCENT // 20
    exact = [Fraction(7 * UNIT * signed * hour.rate, 8 * 10**9) for signed in (sum(lots), *(-each for each in lots))]
    assert [event.units for event in events if isinstance(event, FundingPaid)] == [ceil(each) for each in exact]
    assert hour.dust_units == sum(ceil(each) for each in exact) == dust
    assert desk.exchange.margin.account(TREASURY_ACCOUNT, "USD").wallet == dust


def test_an_isolated_position_pays_from_its_own_collateral():
    desk = PerpetualDesk("a", "b", money=100_000, perpetual=RULES)
    desk.run(SetOracle, symbol="X-PERP", price_ticks=10_000)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 10_000, 10)
    own, wallet = desk.position("a").isolated, desk.wallet("a")
    desk.wait_until(HOUR_NS)
    assert desk.position("a").isolated == own - 125 * UNIT // 100 and desk.wallet("a") == wallet


def test_parts_pay_for_what_is_left_of_them_together():
    desk = funded_desk()
    desk.run(SplitPosition, account="a", symbol="X-PERP", lots=4)
    assert paid(desk.wait_until(HOUR_NS)) == {"a": 118.75, "b": -118.75}


def test_without_an_oracle_nothing_is_paid():
    desk = PerpetualDesk("a", "b", perpetual=RULES)
    desk.mark(100)
    desk.deal("a", "b", 100, 10)
    assert desk.wait_until(3 * HOUR_NS) == []
    assert "funding" not in {kind for _, _, kind, _ in desk.exchange.state().common.core.agenda}


def test_a_snapshot_within_an_hour_goes_on_with_its_samples():
    desk = funded_desk()
    desk.wait_until(HOUR_NS // 2)
    other = desk.loaded()
    desk.run(SetLevels, symbol="X-PERP", bids=[(10_100, 0)], asks=[])
    other.execute(SetLevels(time_ns=other.time_ns + 1, symbol="X-PERP", bids=[(10_100, 0)], asks=[]))
    assert other.state_hash() == desk.exchange.state_hash()
    assert other.execute(PassTime(time_ns=HOUR_NS)) == desk.wait_until(HOUR_NS)
    assert other.state_hash() == desk.exchange.state_hash()
