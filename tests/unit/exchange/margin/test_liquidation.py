"""Every stage of a liquidation. `a` is long 50 at 100 with 1000: 5 % maintenance, so the margin is gone below 84.2."""

import pytest

from common.exchange.commands import PassTime, SetLevels
from common.exchange.events import (
    EXTERNAL_ACCOUNT,
    INSURANCE_ACCOUNT,
    OrderExpired,
    RejectReason,
    TradeExecuted,
    Withdrawn,
)
from common.exchange.fees.schedule import FeeSchedule, FeeTier
from common.exchange.margin.backstop import BACKSTOP_ACCOUNT
from common.exchange.margin.commands import FundInsurance, MoveCollateral, MoveIsolatedMargin, SetMarginMode
from common.exchange.margin.events import (
    DeficitCovered,
    LiquidationEnded,
    LiquidationOrdered,
    LiquidationOutcome,
    LiquidationStarted,
    MarginTakenOver,
    PositionDeleveraged,
    PositionTakenOver,
)
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.exchange.rules import NS_PER_S, MarketRules
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, TIERS, UNIT, PerpetualDesk, refusal, traded

PAUSE_NS = 30 * NS_PER_S


def desk_of(**options) -> PerpetualDesk:
    """`a` long 50 at 100 against `b`."""
    desk = PerpetualDesk("a", "b", **options)
    desk.run(MoveCollateral, account="a", asset="USD", units=-9_000 * UNIT)
    desk.mark(100)
    desk.deal("a", "b", 100, 50)
    return desk


def bids(desk: PerpetualDesk, *levels: tuple[int, int]):
    """Bids of the outside world."""
    return desk.run(SetLevels, symbol="X-PERP", bids=list(levels), asks=[])


def of(events, kind):
    """Events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def stages(events) -> list[str]:
    """Kinds of all events that a liquidation told, in order."""
    kinds = (
        LiquidationStarted, LiquidationOrdered, TradeExecuted, PositionTakenOver, MarginTakenOver, DeficitCovered,
        PositionDeleveraged, LiquidationEnded,
    )  # fmt: skip
    return [type(event).__name__ for event in events if isinstance(event, kinds)]


def insurance(desk: PerpetualDesk) -> float:
    """Whole units in the insurance."""
    return desk.wallet(INSURANCE_ACCOUNT)


def test_nothing_happens_at_the_maintenance_margin():
    desk = desk_of()
    bids(desk, (80, 100))
    assert stages(desk.mark(85)) == []


def test_first_the_orders_end_and_the_position_goes_to_the_book():
    desk = desk_of()
    desk.place("a", BUY, 70, 5, client_order_id="bid")
    bids(desk, (84, 100))
    events = desk.mark(84)
    assert stages(events) == ["LiquidationStarted", "LiquidationOrdered", "TradeExecuted", "LiquidationEnded"]
    (started,) = of(events, LiquidationStarted)
    assert (started.equity_units, started.maintenance_units) == (200 * UNIT, 210 * UNIT)
    (ended,) = of(events, OrderExpired)
    assert desk.exchange.ledger.orders[ended.order_id].client_order_id == "bid" and ended.reason == "liquidated"
    (order,) = of(events, LiquidationOrdered)
    # 200 of equity on 50 lots: gone 4 below the mark.
    assert (order.lots, order.price_ticks) == (50, 80)
    assert desk.wallet("a") == 200 and desk.position("a").lots == 0


def test_never_below_the_price_at_which_nothing_would_be_left():
    desk = desk_of()
    bids(desk, (79, 100))
    assert stages(desk.mark(84)) == ["LiquidationStarted"]
    assert desk.position("a").lots == 50
    at = desk.exchange.time_ns
    bids(desk, (81, 20))
    assert stages(desk.wait_until(at + PAUSE_NS - 1)) == []
    assert traded(desk.wait_until(at + PAUSE_NS)) == [(81, 20)]
    assert desk.equity("a") == 200 - 3 * 20


def test_the_fee_is_within_the_bankruptcy_price():
    desk = desk_of(taker_bps=50)
    bids(desk, (80, 49), (81, 1))
    before = desk.equity("a")
    (order,) = of(desk.mark(84), LiquidationOrdered)
    # 80 and the fee of half a percent would cost more than the rest.
    assert order.price_ticks == 81 and desk.position("a").lots == 49
    assert desk.equity("a") == pytest.approx(before - 16 * 50 - 3 - 81 * 0.005)


def test_of_a_large_position_a_fifth_goes_first_and_after_a_pause_the_rest():
    desk = desk_of(perpetual=PerpetualRules(tiers=TIERS, large_units=4_149 * UNIT))
    bids(desk, (83, 100))
    at = desk.exchange.time_ns + 1
    assert traded(desk.mark(83)) == [(83, 10)]
    assert desk.position("a").lots == 40
    assert stages(desk.wait_until(at + PAUSE_NS - 1)) == []
    events = desk.wait_until(at + PAUSE_NS)
    assert traded(events) == [(83, 40)] and stages(events)[-1] == "LiquidationEnded"
    assert desk.wallet("a") == 150


def test_of_a_position_that_is_not_large_all_goes_at_once():
    desk = desk_of(perpetual=PerpetualRules(tiers=TIERS, large_units=4_150 * UNIT))
    bids(desk, (83, 100))
    assert traded(desk.mark(83)) == [(83, 50)]


def test_a_fifth_that_brings_the_margin_back_is_enough():
    desk = desk_of(perpetual=PerpetualRules(tiers=TIERS, large_units=1_000 * UNIT))
    bids(desk, (84, 100))
    events = desk.mark(84)
    assert traded(events) == [(84, 10)]
    (ended,) = of(events, LiquidationEnded)
    assert ended.outcome is LiquidationOutcome.RECOVERED and desk.position("a").lots == 40
    assert desk.exchange.margin.liquidating == {}


def test_a_large_position_beyond_two_thirds_does_not_go_by_fifths_or_wait():
    desk = desk_of(perpetual=PerpetualRules(tiers=TIERS, large_units=1_000 * UNIT))
    desk.mark(83)
    bids(desk, (82, 100))
    events = desk.mark(82)
    assert traded(events) == [(82, 50)] and desk.wallet("a") == 100


def test_in_liquidation_nothing_leaves_and_money_that_comes_ends_it():
    desk = desk_of()
    desk.run(SetMarginMode, account="a", symbol="Y-PERP", isolated=True)
    desk.mark(84)
    assert refusal(desk.withdraw("a", 1)) is RejectReason.IN_LIQUIDATION
    for units in (-1, -UNIT):
        answer = desk.run(MoveCollateral, account="a", asset="USD", units=units)
        assert refusal(answer) is RejectReason.IN_LIQUIDATION
    assert refusal(desk.place("a", BUY, 50, 1)) is RejectReason.INSUFFICIENT_MARGIN
    (ended,) = desk.run(MoveCollateral, account="a", asset="USD", units=10 * UNIT)[1:]
    assert isinstance(ended, LiquidationEnded) and ended.outcome is LiquidationOutcome.RECOVERED
    assert isinstance(desk.withdraw("a", 1)[0], Withdrawn) and desk.exchange.margin.liquidating == {}


def test_a_mark_that_comes_back_ends_it():
    desk = desk_of()
    desk.mark(84)
    assert stages(desk.mark(90)) == ["LiquidationEnded"]
    # What was scheduled for a later try finds nothing to do.
    assert stages(desk.wait_until(desk.exchange.time_ns + 2 * PAUSE_NS)) == []


def test_below_two_thirds_the_backstop_takes_position_and_margin():
    desk = desk_of()
    desk.fund(BACKSTOP_ACCOUNT, 10_000)
    assert stages(desk.mark(83)) == ["LiquidationStarted"], "150 of 207.5 are more than two thirds"
    events = desk.mark(82)
    assert stages(events) == ["PositionTakenOver", "MarginTakenOver", "LiquidationEnded"]
    taken, margin = of(events, PositionTakenOver)[0], of(events, MarginTakenOver)[0]
    assert (taken.lots, taken.cost_units, margin.units) == (50, 5_000 * UNIT, 1_000 * UNIT)
    assert desk.equity(BACKSTOP_ACCOUNT) == 10_100
    assert desk.equity("a") == 0 and desk.position("a").cost == 0


def test_two_thirds_are_exact():
    # 50 lots at a mark of 83 and 1 % need 41.5; two thirds are 27.66666667 units.
    tiers = (MarginTier(notional_units_min=0, leverage_max=50),)
    for missing, is_taken in ((0, False), (1, True)):
        desk = PerpetualDesk("b", money=100_000, perpetual=PerpetualRules(tiers=tiers))
        desk.fund("a", 1_000)
        desk.fund(BACKSTOP_ACCOUNT, 10_000)
        desk.mark(100)
        desk.deal("a", "b", 100, 50)
        keeps = 850 * UNIT + -(-4150 * UNIT // 100 * 2 // 3) - missing
        desk.run(MoveCollateral, account="a", asset="USD", units=keeps - 1_000 * UNIT)
        events = desk.mark(83)
        assert bool(of(events, PositionTakenOver)) is is_taken


def test_a_backstop_without_margin_for_it_takes_nothing():
    desk = desk_of()
    # With the position come 1000 of collateral and a loss of 900, so 310 are missing to 410 of initial margin.
    desk.fund(BACKSTOP_ACCOUNT, 309)
    assert stages(desk.mark(82)) == ["LiquidationStarted"] and desk.position("a").lots == 50
    desk.fund(BACKSTOP_ACCOUNT, 1)
    assert "PositionTakenOver" in stages(desk.mark(82))
    assert desk.exchange.margin.available(desk.exchange.margin.account(BACKSTOP_ACCOUNT, "USD")) == 0


def test_the_backstops_own_orders_and_positions_count():
    desk = desk_of()
    desk.fund(BACKSTOP_ACCOUNT, 1_000)
    desk.place(BACKSTOP_ACCOUNT, BUY, 50, 90)
    # 140 lots at 82 need 1148, and 1100 would be there.
    assert "PositionTakenOver" not in stages(desk.mark(82))


def test_a_backstop_that_is_short_closes_with_what_it_takes():
    desk = desk_of()
    desk.fund(BACKSTOP_ACCOUNT, 10_000)
    desk.deal("b", BACKSTOP_ACCOUNT, 100, 30)
    desk.place(BACKSTOP_ACCOUNT, BUY, 50, 30, reduce_only=True, client_order_id="close")
    desk.mark(82)
    assert (desk.position(BACKSTOP_ACCOUNT).lots, desk.position(BACKSTOP_ACCOUNT).cost) == (20, 2_000 * UNIT)
    order = desk.exchange.ledger.find(BACKSTOP_ACCOUNT, "X-PERP", 0, "close")
    assert order is not None and order.reason == "reduce_only"


def test_a_backstop_with_an_isolated_position_takes_nothing_into_it():
    desk = desk_of()
    desk.fund(BACKSTOP_ACCOUNT, 10_000)
    desk.run(SetMarginMode, account=BACKSTOP_ACCOUNT, symbol="X-PERP", isolated=True)
    assert stages(desk.mark(82)) == ["LiquidationStarted"]


def test_the_backstop_does_not_take_its_own():
    desk = PerpetualDesk("b", money=100_000)
    desk.fund(BACKSTOP_ACCOUNT, 1_000)
    desk.mark(100)
    desk.deal(BACKSTOP_ACCOUNT, "b", 100, 50)
    assert stages(desk.mark(82)) == ["LiquidationStarted"]
    assert "PositionDeleveraged" in stages(desk.mark(79))


def test_between_zero_and_two_thirds_what_nobody_takes_waits():
    desk = desk_of()
    desk.insure(10_000)
    assert stages(desk.mark(80)) == ["LiquidationStarted"]
    assert desk.position("a").lots == 50 and insurance(desk) == 10_000


def test_insurance_pays_the_deficit_and_the_backstop_takes_what_is_worth_nothing():
    desk = desk_of()
    desk.fund(BACKSTOP_ACCOUNT, 10_000)
    desk.insure(50)
    events = desk.mark(79)
    assert stages(events) == [
        "LiquidationStarted", "DeficitCovered", "PositionTakenOver", "MarginTakenOver", "LiquidationEnded",
    ]  # fmt: skip
    (covered,) = of(events, DeficitCovered)
    assert (covered.payer, covered.units) == (INSURANCE_ACCOUNT, 50 * UNIT)
    assert desk.equity(BACKSTOP_ACCOUNT) == 10_000 and insurance(desk) == 0


def test_insurance_pays_for_closing_on_the_book_when_it_can_pay_all():
    desk = desk_of()
    bids(desk, (78, 100))
    desk.insure(100)
    events = desk.mark(79)
    assert stages(events)[-3:] == ["TradeExecuted", "DeficitCovered", "LiquidationEnded"]
    assert traded(events) == [(78, 50)] and insurance(desk) == 0 and desk.equity("a") == 0


def test_insurance_pays_the_fees_too():
    desk = desk_of(taker_bps=10)
    bids(desk, (78, 100))
    desk.insure(108)
    # 100 of loss, 5 of the first fee and 3.9 of the last.
    assert "PositionDeleveraged" in stages(desk.mark(79)) and insurance(desk) == 108
    desk = desk_of(taker_bps=10)
    bids(desk, (78, 100))
    desk.insure(109)
    desk.mark(79)
    assert insurance(desk) == pytest.approx(0.1) and desk.equity("a") == 0


def test_insurance_that_cannot_pay_all_pays_nothing():
    desk = desk_of()
    bids(desk, (78, 100))
    desk.insure(99)
    assert stages(desk.mark(79)) == ["LiquidationStarted", "PositionDeleveraged", "LiquidationEnded"]
    assert insurance(desk) == 99


def test_insurance_is_not_spent_on_prices_far_from_the_mark():
    # 197.5 of maintenance margin on 50 lots: no further than 3 ticks. Otherwise a bid at 1 would be paid by everybody.
    for price, is_paid in ((76, True), (75, False)):
        desk = desk_of()
        bids(desk, (price, 100))
        desk.insure(10_000)
        assert ("DeficitCovered" in stages(desk.mark(79))) is is_paid


def test_deleveraging_closes_the_other_side_at_the_bankruptcy_price():
    desk = desk_of()
    desk.place("b", SELL, 200, 5, client_order_id="ask")
    events = desk.mark(79)
    (closed,) = of(events, PositionDeleveraged)
    assert (closed.counterparty, closed.lots, closed.units) == ("b", 50, 4_000 * UNIT)
    assert closed.realised_units == 1_000 * UNIT and desk.wallet("b") == 11_000
    assert desk.equity("a") == 0 and desk.position("a").lots == desk.position("b").lots == 0
    order = desk.exchange.ledger.find("b", "X-PERP", 0, "ask")
    assert order is not None and order.reason == "deleveraged"


def test_only_an_isolated_position_is_liquidated_and_the_wallet_pays_nothing():
    desk = PerpetualDesk("a", "b", taker_bps=10)
    desk.mark(100)
    desk.mark(100, "Y-PERP")
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 100, 50)
    desk.deal("a", "b", 100, 10, "Y-PERP")
    desk.place("a", BUY, 50, 10, "Y-PERP", client_order_id="other")
    wallet = desk.wallet("a")
    bids(desk, (94, 20), (92, 100))
    events = desk.mark(94)
    (started,) = of(events, LiquidationStarted)
    assert started.symbol == "X-PERP" and started.equity_units == 200 * UNIT
    assert traded(events) == [(94, 20), (92, 30)]
    # 500 of collateral less 6 x 20 and 8 x 30 and the fee: what is left comes to the wallet.
    assert desk.wallet("a") == pytest.approx(wallet + 500 - 120 - 240 - 1.88 - 2.76)
    assert desk.position("a", "Y-PERP").lots == 10
    order = desk.exchange.ledger.find("a", "Y-PERP", 0, "other")
    assert order is not None and order.is_open


def test_an_isolated_position_pays_its_own_fees_of_a_partial_liquidation():
    desk = PerpetualDesk("a", "b", taker_bps=10)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 100, 50)
    wallet = desk.wallet("a")
    bids(desk, (93, 20))
    desk.mark(94)
    assert desk.wallet("a") == wallet
    assert desk.position("a").isolated == pytest.approx((500 - 7 * 20 - 1.86) * UNIT)


def test_not_even_the_rounding_of_fees_is_the_wallets():
    schedule = FeeSchedule(tiers=(FeeTier(0, 1, 0),), rebates=())
    desk = PerpetualDesk("a", "b", fees=schedule)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("b", "a", 100, 1)
    desk.deal("a", "b", 100, 51)
    desk.mark(102)
    # So much that at 91 nothing is left but 455 units for the fee; fifty fills of 9.1 units cost 10 each.
    leaves = 450 * UNIT + 455
    desk.run(MoveIsolatedMargin, account="a", symbol="X-PERP", units=leaves - desk.position("a").isolated)
    for _ in range(50):
        desk.place("b", BUY, 91, 1)
    wallet = desk.wallet("a")
    events = desk.mark(94)
    assert traded(events) == [(91, 1)] * 50 and desk.wallet("a") == wallet
    (covered,) = of(events, DeficitCovered)
    assert (covered.units, covered.payer) == (45, EXTERNAL_ACCOUNT)


def test_a_bankrupt_isolated_position_ends_at_zero_and_costs_the_wallet_nothing():
    desk = PerpetualDesk("a", "b")
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 100, 50)
    (closed,) = of(desk.mark(80), PositionDeleveraged)
    assert (closed.units, desk.wallet("a"), desk.wallet("b")) == (4_500 * UNIT, 9_500, 10_500)
    assert desk.position("a").isolated == 0 and desk.position("a").cost == 0


def test_insurance_refunds_the_wallet_for_an_isolated_position():
    desk = PerpetualDesk("a", "b")
    desk.insure(1_000)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 100, 50)
    bids(desk, (88, 50))
    events = desk.mark(89)
    assert traded(events) == [(88, 50)] and insurance(desk) == 900 and desk.wallet("a") == 9_500


def test_an_isolated_position_takes_no_margin_in_or_out_while_it_is_liquidated():
    desk = PerpetualDesk("a", "b")
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 100, 50)
    desk.mark(94)
    answer = desk.run(MoveIsolatedMargin, account="a", symbol="X-PERP", units=-UNIT)
    assert refusal(answer) is RejectReason.IN_LIQUIDATION
    rescued = desk.run(MoveIsolatedMargin, account="a", symbol="X-PERP", units=100 * UNIT)
    assert stages(rescued) == ["LiquidationEnded"]


def test_of_several_positions_the_largest_goes_first_and_only_as_many_as_it_takes():
    desk = PerpetualDesk("b", money=100_000)
    desk.fund("a", 1_000)
    for symbol in ("X-PERP", "Y-PERP"):
        desk.mark(100, symbol)
    desk.deal("a", "b", 100, 30)
    desk.deal("a", "b", 100, 50, "Y-PERP")
    for symbol in ("X-PERP", "Y-PERP"):
        desk.run(SetLevels, symbol=symbol, bids=[(90, 100), (80, 100)], asks=[])
    desk.mark(88)
    # 1000 - 360 - 50 x 7 = 290 against 132 + 232.5.
    events = desk.mark(93, "Y-PERP")
    (order,) = of(events, LiquidationOrdered)
    assert order.symbol == "Y-PERP" and traded(events) == [(90, 50)]
    assert desk.equity("a") == 290 - 150 and desk.position("a").lots == 30


def test_a_debt_without_positions_is_covered_by_the_insurance_or_last_by_the_world():
    for insured, payer in ((330, INSURANCE_ACCOUNT), (329, EXTERNAL_ACCOUNT)):
        desk = PerpetualDesk("b", "c", money=100_000)
        desk.insure(insured)
        desk.fund("a", 600)
        desk.mark(60)
        desk.deal("b", "a", 60, 10)
        desk.mark(100)
        desk.place("a", BUY, 99, 10)
        desk.mark(60)
        desk.run(MoveCollateral, account="a", asset="USD", units=-540 * UNIT)
        # The order was near the mark when it was placed. Now it closes the position for more than there is.
        events = desk.place("c", SELL, 99, 10)
        assert stages(events) == ["TradeExecuted", "LiquidationStarted", "DeficitCovered", "LiquidationEnded"]
        (covered,) = of(events, DeficitCovered)
        assert (covered.payer, covered.units) == (payer, 330 * UNIT) and desk.wallet("a") == 0


def test_a_market_that_does_not_trade_lets_nothing_be_sold_but_nobody_stays_below_zero():
    desk = desk_of(rules=MarketRules(breaker_bps=1_000))
    bids(desk, (90, 1), (84, 100))
    desk.place("b", SELL, 90, 1)
    assert not desk.exchange.markets["X-PERP"].facts.is_open
    assert stages(desk.mark(84)) == ["LiquidationStarted"]
    assert "PositionDeleveraged" in stages(desk.mark(70))


def test_prices_stay_within_the_band():
    desk = desk_of(rules=MarketRules(price_band_bps=100))
    bids(desk, (84, 10), (83, 10), (82, 100))
    events = desk.mark(84)
    # 1 % of 84: nothing below 83.16.
    assert traded(events) == [(84, 10)]


def test_a_snapshot_within_a_liquidation_goes_on_alike():
    desk = desk_of(perpetual=PerpetualRules(tiers=TIERS, large_units=1_000 * UNIT))
    bids(desk, (83, 100))
    desk.mark(83)
    other = desk.loaded()
    assert other.state_hash() == desk.exchange.state_hash()
    assert other.margin.liquidating == {("USD", "a"): None}
    at = desk.exchange.time_ns + PAUSE_NS
    assert other.execute(PassTime(time_ns=at)) == desk.wait_until(at)
    assert other.state_hash() == desk.exchange.state_hash() and desk.wallet("a") == 150


@pytest.mark.parametrize("units", [0, -1, 1.5, 2**63])
def test_insurance_takes_amounts_only(units):
    desk = PerpetualDesk("a")
    assert refusal(desk.run(FundInsurance, asset="USD", units=units)) is RejectReason.AMOUNT_INVALID
    assert refusal(desk.run(FundInsurance, asset="X", units=1)) is RejectReason.AMOUNT_INVALID
