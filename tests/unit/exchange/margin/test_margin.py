"""Margin accounts: requirements by tier, exact positions, what orders may and may not do, collateral."""

import pytest

from common.exchange.batch import Batch
from common.exchange.commands import AmendOrder, PlaceOrder, Trigger, TriggerKind
from common.exchange.events import BatchRejected, CommandRefused, OrderPlaced, RejectReason, TradeExecuted
from common.exchange.margin.accounts import Position
from common.exchange.margin.commands import MoveCollateral, MoveIsolatedMargin, SetLeverage, SetMarginMode
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.exchange.margin.table import MarginTable
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, TIERS, UNIT, PerpetualDesk, refusal, traded


def test_maintenance_margin_is_marginal_over_the_tiers():
    bounds = ((0, 10), (20_000, 5), (100_000, 3))
    table = MarginTable(
        PerpetualRules(tiers=tuple(MarginTier(notional_units_min=n, leverage_max=x) for n, x in bounds))
    )
    assert table.maintenance(150_000) == 17_335
    assert [table.maintenance(n) for n in (0, 1, 19_999, 20_000, 100_000)] == [0, 1, 1_000, 1_000, 9_001]
    assert [table.initial(n, 0) for n in (1, 19_999, 20_000, 100_000)] == [1, 2_000, 4_000, 33_334]
    assert table.initial(10_000, 2) == 5_000 and table.initial(150_000, 10) == table.initial(150_000, 3)


def test_maintenance_grows_with_the_notional_and_stays_below_initial():
    table = MarginTable(PerpetualRules(tiers=TIERS))
    notionals = [n * UNIT for n in range(0, 300_000, 997)]
    needs = [table.maintenance(n) for n in notionals]
    assert needs == sorted(needs)
    assert all(low <= table.initial(n, 0) for n, low in zip(notionals, needs, strict=True))


@pytest.mark.parametrize(
    "tiers",
    [(), ((1, 10),), ((0, 10), (5, 10)), ((0, 10), (0, 5)), ((0, 0),), ((0, 126),)],
)
def test_tiers_that_make_no_sense_are_refused(tiers):
    with pytest.raises(ValueError, match=r"tier|leverage"):
        PerpetualRules(tiers=tuple(MarginTier(notional_units_min=n, leverage_max=x) for n, x in tiers))


def test_a_position_realises_exactly_and_keeps_the_remainder():
    position = Position()
    assert position.take(3, 999) == 0 and (position.lots, position.cost) == (3, 999)
    position.cost = 1_000
    assert position.take(-1, -400) == 400 - 333 and (position.lots, position.cost) == (2, 667)
    assert position.take(-5, -500) == 200 - 667 and (position.lots, position.cost) == (-3, -300)
    assert position.take(3, 150) == 150 and (position.lots, position.cost) == (0, 0)


def test_trades_move_profit_between_accounts_and_nothing_else():
    desk = PerpetualDesk("a", "b", maker_bps=1, taker_bps=5)
    desk.mark(100)
    desk.deal("a", "b", 100, 50)
    assert (desk.position("a").lots, desk.position("b").cost) == (50, -5_000 * UNIT)
    desk.mark(110)
    assert desk.equity("a") == 10_000 + 500 - 2.5 and desk.equity("b") == 10_000 - 500 - 0.5
    events = desk.deal("b", "a", 110, 50)
    (trade,) = [event for event in events if isinstance(event, TradeExecuted)]
    assert (trade.maker.realised_units, trade.taker.realised_units) == (500 * UNIT, -500 * UNIT)
    assert desk.wallet("a") == 10_500 - 2.5 - 0.55 and desk.position("a").lots == 0


def test_orders_need_initial_margin_of_the_worst_side():
    desk = PerpetualDesk("a", "b", money=1_000)
    assert refusal(desk.place("a", BUY, 100, 1)) is RejectReason.NO_MARK_PRICE
    desk.mark(100)
    assert refusal(desk.place("a", BUY, 100, 101)) is RejectReason.INSUFFICIENT_MARGIN
    desk.place("a", BUY, 90, 100)
    desk.place("a", SELL, 110, 100)
    assert desk.position("a").worst_lots == 100
    assert refusal(desk.place("a", SELL, 110, 1)) is RejectReason.INSUFFICIENT_MARGIN
    desk.cancel("a", "3")
    assert refusal(desk.place("stranger", BUY, 90, 1)) is RejectReason.INSUFFICIENT_MARGIN


def test_a_loss_against_the_mark_is_paid_for_before_it_is_made():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    desk.place("b", SELL, 105, 60)
    assert refusal(desk.place("a", BUY, 105, 70)) is RejectReason.INSUFFICIENT_MARGIN
    assert traded(desk.place("a", BUY, 105, 60)) == [(105, 60)]
    assert desk.equity("a") == 1_000 - 300
    # Closing far below the mark would leave less than the maintenance margin: nobody else shall pay for that.
    desk.place("b", BUY, 84, 60)
    assert refusal(desk.place("a", SELL, 84, 60)) is RejectReason.INSUFFICIENT_MARGIN
    assert traded(desk.place("a", SELL, 84, 30)) == [(84, 30)]


def test_losses_of_many_orders_against_a_friend_are_not_everybodys():
    """Each order alone can be afforded, all together cost 4500 of 1000 when a friend takes them."""
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    answers = [desk.place("a", BUY, 150, 2, client_order_id=f"bid-{number}") for number in range(45)]
    taken = [each for each in answers if isinstance(each[0], OrderPlaced)]
    # Two lots take 20 of margin and 100 of loss.
    assert len(taken) == 8 and desk.position("a").order_loss == 800 * UNIT
    answer = desk.run(MoveCollateral, account="a", asset="USD", units=-41 * UNIT)
    assert refusal(answer) is RejectReason.INSUFFICIENT_MARGIN
    desk.cancel("a", "bid-0")
    assert desk.position("a").order_loss == 700 * UNIT
    desk.run(AmendOrder, account="a", symbol="X-PERP", client_order_id="bid-1", price_ticks=100)
    assert desk.position("a").order_loss == 600 * UNIT
    desk.place("b", SELL, 150, 12)
    assert desk.equity("a") == 400 and desk.position("a").order_loss == 0
    assert not desk.exchange.margin.is_liquidating("a")


def test_closing_orders_count_their_losses_together():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    desk.deal("a", "b", 100, 50)
    # Five lose 800 of 1000, which leaves just the maintenance margin of 40 lots. One alone at 80 would be fine.
    answers = [desk.place("a", SELL, 84, 10) for _ in range(5)]
    assert [isinstance(each[0], OrderPlaced) for each in answers] == [True] * 5
    answers = [desk.place("a", SELL, 80, 10, reduce_only=True) for _ in range(5)]
    assert not any(isinstance(each[0], OrderPlaced) for each in answers)


def test_a_waiting_order_sets_no_loss_aside_until_it_fires():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    trigger = Trigger(kind=TriggerKind.STOP_LOSS, price_ticks=150)
    desk.place("a", BUY, 152, 10, trigger=trigger)
    assert desk.position("a").order_loss == 0
    desk.mark(150)
    assert desk.position("a").order_loss == 20 * UNIT


def test_an_atomic_batch_needs_margin_over_all_markets():
    desk = PerpetualDesk("a", money=1_000)
    desk.mark(100)
    desk.mark(100, "Y-PERP")
    terms = {"time_ns": 0, "account": "a", "client_order_id": "1", "side": BUY, "price_ticks": 90, "quantity_lots": 60}
    items = [PlaceOrder(symbol=symbol, **terms) for symbol in ("X-PERP", "Y-PERP")]
    (event,) = desk.run(Batch, items=items, atomic=True)
    assert event == BatchRejected(time_ns=event.time_ns, index=1, reason=RejectReason.INSUFFICIENT_MARGIN)


def test_reducing_is_allowed_where_adding_is_not():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    desk.deal("a", "b", 100, 100)
    desk.mark(95)
    assert desk.exchange.margin.available(desk.exchange.margin.account("a", "USD")) < 0
    desk.place("b", BUY, 95, 50)
    assert refusal(desk.place("a", BUY, 90, 1)) is RejectReason.INSUFFICIENT_MARGIN
    assert traded(desk.place("a", SELL, 95, 50)) == [(95, 50)]


def test_an_isolated_position_has_its_own_collateral():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 100, 50)
    assert desk.position("a").isolated == 500 * UNIT and desk.wallet("a") == 500
    assert refusal(desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=False)) is RejectReason.POSITION_OPEN
    desk.run(MoveIsolatedMargin, account="a", symbol="X-PERP", units=100 * UNIT)
    back = desk.run(MoveIsolatedMargin, account="a", symbol="X-PERP", units=-101 * UNIT)
    assert refusal(back) is RejectReason.INSUFFICIENT_MARGIN
    desk.mark(102)
    desk.deal("b", "a", 102, 25)
    assert desk.position("a").lots == 25 and desk.position("a").isolated == (600 + 50) * UNIT // 2
    desk.deal("b", "a", 102, 35)
    assert desk.position("a").lots == -10 and desk.position("a").isolated == 102 * UNIT
    desk.deal("a", "b", 102, 10)
    assert desk.position("a").isolated == 0 and desk.wallet("a") == 1_100


def test_an_isolated_position_takes_no_more_than_the_cross_part_can_spare():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 100, 50)
    desk.run(MoveCollateral, account="a", asset="USD", units=-400 * UNIT)
    desk.mark(96)
    # The order needs 9.6 more; 189.6 are missing to the initial margin of the position that lost, and 100 are there.
    assert traded(desk.deal("a", "b", 96, 1)) == [(96, 1)]
    assert desk.position("a").isolated == 600 * UNIT and desk.wallet("a") == 0


def test_an_isolated_position_pays_the_fee_that_the_wallet_does_not_have():
    desk = PerpetualDesk("a", "b", money=1_000, taker_bps=10)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("b", "a", 100, 50)
    desk.run(MoveCollateral, account="a", asset="USD", units=-500 * UNIT)
    desk.mark(103)
    desk.place("b", SELL, 103, 10)
    desk.place("a", BUY, 103, 10)
    assert desk.wallet("a") == 0
    assert desk.position("a").isolated == (500 - 30) * UNIT - 103 * UNIT // 100


def test_leverage_is_bounded_and_must_be_affordable():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    for wrong in (0, 11, -1, 2.5):
        answer = desk.run(SetLeverage, account="a", symbol="X-PERP", leverage=wrong)
        assert refusal(answer) is RejectReason.LEVERAGE_INVALID
    desk.place("a", BUY, 90, 80)
    assert refusal(desk.run(SetLeverage, account="a", symbol="X-PERP", leverage=5)) is RejectReason.INSUFFICIENT_MARGIN
    desk.run(SetLeverage, account="b", symbol="X-PERP", leverage=2)
    assert refusal(desk.place("b", SELL, 110, 21)) is RejectReason.INSUFFICIENT_MARGIN
    assert refusal(desk.run(SetLeverage, account="b", symbol="X-USD", leverage=2)) is RejectReason.NOT_A_PERPETUAL


def test_collateral_that_backs_something_stays():
    desk = PerpetualDesk("a", "b", money=1_000)
    desk.mark(100)
    desk.deal("a", "b", 100, 60)
    for units in (0, 1.5, 2**63, -401 * UNIT, UNIT):
        answer = desk.run(MoveCollateral, account="a", asset="USD", units=units)
        assert refusal(answer) in (
            RejectReason.AMOUNT_INVALID, RejectReason.INSUFFICIENT_MARGIN, RejectReason.INSUFFICIENT_BALANCE,
        )  # fmt: skip
    assert refusal(desk.run(MoveCollateral, account="a", asset="X", units=1)) is RejectReason.AMOUNT_INVALID
    desk.fund("b", 9_000)
    desk.mark(150)
    # Profit that is not realised backs positions, and cannot be taken out.
    answer = desk.run(MoveCollateral, account="a", asset="USD", units=-1_001 * UNIT)
    assert refusal(answer) is RejectReason.INSUFFICIENT_MARGIN
    desk.run(MoveCollateral, account="a", asset="USD", units=-1_000 * UNIT)
    desk.withdraw("a", 1_000)
    assert desk.wallet("a") == 0


def test_an_atomic_batch_needs_margin_for_all_of_it():
    desk = PerpetualDesk("a", money=1_000)
    desk.mark(100)

    def order(name: str, lots: int) -> PlaceOrder:
        return PlaceOrder(
            time_ns=0, account="a", symbol="X-PERP", client_order_id=name, side=BUY, price_ticks=90, quantity_lots=lots
        )

    (event,) = desk.run(Batch, items=[order("1", 60), order("2", 41)], atomic=True)
    assert event == BatchRejected(time_ns=event.time_ns, index=1, reason=RejectReason.INSUFFICIENT_MARGIN)
    desk.run(Batch, items=[order("1", 60), order("2", 40)], atomic=True)
    assert desk.position("a").bid_lots == 100


def test_managers_and_nonces():
    desk = PerpetualDesk("a", "b")
    desk.mark(100)
    (event,) = desk.place("a", BUY, 90, 1, by="b")
    assert isinstance(event, CommandRefused) and event.reason is RejectReason.NOT_AUTHORISED
    desk.place("a", BUY, 90, 1, nonce=5)
    assert refusal(desk.place("a", BUY, 90, 1, nonce=5)) is RejectReason.STALE_NONCE
    assert refusal(desk.place("a", BUY, 90, -1, nonce=6)) is RejectReason.QUANTITY_INVALID
    assert len(desk.place("a", BUY, 90, 1, nonce=6)) == 1


def test_a_snapshot_brings_margin_back():
    desk = PerpetualDesk("a", "b", maker_bps=-1, taker_bps=5)
    desk.mark(100)
    desk.run(SetMarginMode, account="b", symbol="X-PERP", isolated=True)
    desk.deal("a", "b", 101, 7)
    desk.place("a", BUY, 95, 3)
    other = desk.loaded()
    assert other.state_hash() == desk.exchange.state_hash()
    assert other.margin.holders == desk.exchange.margin.holders


def test_a_position_never_costs_more_than_a_snapshot_can_hold():
    """Money for many times 64 bits of notional at this leverage: without a bound the third deal ended the exchange."""
    desk = PerpetualDesk("a", "b", money=36 * 10**9, perpetual=PerpetualRules())
    desk.mark(100_000)
    for _ in range(4):
        desk.deal("a", "b", 100_000, 900_000)
    assert desk.position("a").lots == 900_000 and desk.position("a").cost < 2**63
    assert refusal(desk.place("a", BUY, 100_000, 100_000)) is RejectReason.NOTIONAL_TOO_LARGE
    assert traded(desk.place("a", SELL, 0, 1)) == [], "nobody bids, but reducing is allowed"
    assert desk.loaded().state_hash() == desk.exchange.state_hash()


def test_marks_look_at_holders_in_the_same_order_after_a_snapshot():
    desk = PerpetualDesk("z", "a", "m", "b")
    desk.mark(100)
    desk.deal("m", "z", 100, 1)
    desk.deal("b", "a", 100, 1)
    for margin in (desk.exchange.margin, desk.loaded().margin):
        margin.touch_holders("X-PERP")
        assert [account for _asset, account in margin.touched] == ["a", "b", "m", "z"]
