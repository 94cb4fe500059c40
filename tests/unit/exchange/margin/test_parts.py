"""Positions in parts: split, merged, transferred."""

import pytest

from common.exchange.events import RejectReason
from common.exchange.margin.commands import (
    MergePosition,
    MoveCollateral,
    SetMarginMode,
    SplitPosition,
    TransferPosition,
)
from common.exchange.margin.events import PositionMerged, PositionSplit, PositionTransferred
from common.exchange.margin.parts import PARTS_MAX
from common.exchange.margin.rules import PerpetualRules
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, TIERS, UNIT, PerpetualDesk, refusal, traded

GROUPS = {"a": "us", "b": "us", "c": "us", "x": "them"}


def holding(lots: int = 3, price: int = 100, **options) -> PerpetualDesk:
    """`a` is long against the stranger `z`."""
    desk = PerpetualDesk("a", "b", "c", "x", "z", groups=GROUPS, **options)
    desk.mark(price)
    desk.deal("a", "z", price, lots)
    return desk


def split(desk: PerpetualDesk, lots: int, account: str = "a"):
    """Split lots off."""
    return desk.run(SplitPosition, account=account, symbol="X-PERP", lots=lots)


def merge(desk: PerpetualDesk, part: str, account: str = "a"):
    """Merge a part."""
    return desk.run(MergePosition, account=account, symbol="X-PERP", part=part)


def transfer(desk: PerpetualDesk, receiver: str, account: str = "a", **terms):
    """Give lots or a part away."""
    return desk.run(TransferPosition, account=account, symbol="X-PERP", receiver=receiver, **terms)


def test_a_third_of_a_cost_of_1000_is_333_and_the_rest_keeps_667():
    desk = holding()
    desk.position("a").cost = 1_000
    desk.position("z").cost = -1_000
    (event,) = split(desk, 1)
    assert isinstance(event, PositionSplit) and (event.part, event.lots, event.cost_units) == ("1", 1, 333)
    assert (desk.position("a").lots, desk.position("a").cost) == (2, 667)
    (event,) = merge(desk, "1")
    assert event == PositionMerged(time_ns=event.time_ns, account="a", symbol="X-PERP", part="1", realised_units=0)
    assert (desk.position("a").lots, desk.position("a").cost, desk.position("a").parts) == (3, 1_000, {})


def test_a_short_position_splits_alike():
    desk = holding()
    desk.position("a").cost, desk.position("z").cost = 1_000, -1_000
    split(desk, 1, "z")
    part = desk.position("z").parts["1"]
    assert (part.lots, part.cost, desk.position("z").cost) == (-1, -334, -666)


@pytest.mark.parametrize("lots", [0, -1, 3, 4, 1.5, None])
def test_only_some_of_the_lots_can_be_split_off(lots):
    assert refusal(split(holding(), lots)) is RejectReason.QUANTITY_INVALID


def test_without_a_position_there_is_nothing_to_split():
    desk = holding()
    assert refusal(split(desk, 1, "b")) is RejectReason.UNKNOWN_POSITION
    answer = desk.run(SplitPosition, account="a", symbol="X-USD", lots=1)
    assert refusal(answer) is RejectReason.NOT_A_PERPETUAL
    assert refusal(merge(desk, "1")) is RejectReason.UNKNOWN_POSITION


def test_there_are_at_most_ten_parts_in_a_market():
    desk = holding(20)
    for _ in range(PARTS_MAX):
        split(desk, 1)
    assert refusal(split(desk, 1)) is RejectReason.TOO_MANY_PARTS
    merge(desk, "4")
    (event,) = split(desk, 1)
    assert event.part == "11", "numbers are not used again"


def test_margin_is_that_of_all_parts_together_so_tiers_cannot_be_split_away():
    desk = holding(300, money=20_000)
    margin = desk.exchange.margin
    before = margin.maintenance(margin.account("a", "USD")), margin.initial(margin.account("a", "USD"))
    for _ in range(3):
        split(desk, 75)
    owner = margin.account("a", "USD")
    # Four positions of 7500 would need 1500 of maintenance margin; one of 30000 needs 2000.
    assert (margin.maintenance(owner), margin.initial(owner)) == before == (2_000 * UNIT, 6_000 * UNIT)
    desk.mark(101)
    assert desk.equity("a") == 20_300


def test_opposite_parts_count_both_and_close_each_other_when_merged():
    desk = holding(10)
    split(desk, 4)
    desk.deal("z", "a", 110, 10)
    # Long 4 in a part, short 4 in the position: no risk left, but margin for 8 until they are merged.
    assert desk.position("a").lots == -4 and desk.position("a").gross_lots == 8
    margin = desk.exchange.margin
    assert margin.maintenance(margin.account("a", "USD")) == 8 * 100 * UNIT // 20
    (event,) = merge(desk, "1")
    assert event.realised_units == 40 * UNIT and not desk.position("a").is_open
    assert desk.wallet("a") == 10_000 + 60 + 40 and "a" not in margin.holders["X-PERP"]


def test_orders_do_not_reach_parts_and_reduce_only_ones_shrink_with_the_rest():
    desk = holding(10)
    desk.place("a", SELL, 120, 10, reduce_only=True, client_order_id="all")
    split(desk, 4)
    order = desk.exchange.ledger.find("a", "X-PERP", 0, "all")
    assert order is not None and order.remaining_lots == 6
    assert refusal(desk.place("a", SELL, 120, 7, reduce_only=True)) is RejectReason.NO_POSITION_TO_REDUCE


def test_splitting_lets_no_order_go_without_margin():
    desk = holding(50, money=1_000)
    # 75 asks against 50 lots: at worst short 25, so 500 are enough. Beside a part of 25 it is short 50 at worst.
    desk.run(MoveCollateral, account="a", asset="USD", units=-300 * UNIT)
    assert len(desk.place("a", SELL, 110, 75)) == 1
    assert refusal(split(desk, 25)) is RejectReason.INSUFFICIENT_MARGIN
    assert len(split(desk, 5)) == 1


def test_lots_and_cost_go_to_an_account_of_the_same_group():
    desk = holding(3)
    desk.position("a").cost, desk.position("z").cost = 1_000, -1_000
    (event,) = transfer(desk, "b", lots=1)
    assert isinstance(event, PositionTransferred)
    assert (event.lots, event.cost_units, event.collateral_units, event.realised_units) == (1, 333, 0, 0)
    assert (desk.position("a").cost, desk.position("b").lots, desk.position("b").cost) == (667, 1, 333)
    split(desk, 1)
    transfer(desk, "b", part="1")
    assert (desk.position("b").lots, desk.position("b").cost, desk.position("a").parts) == (2, 333 + 333, {})
    transfer(desk, "b", lots=1)
    assert (desk.position("b").lots, desk.position("b").cost) == (3, 1_000)
    holders = desk.exchange.margin.holders["X-PERP"]
    assert "a" not in holders and "b" in holders


def test_losses_cannot_be_pushed_onto_strangers():
    desk = holding(50)
    desk.mark(90)
    for receiver in ("x", "z", "nobody"):
        assert refusal(transfer(desk, receiver, lots=50)) is RejectReason.NOT_ONE_GROUP
    assert refusal(transfer(desk, "b", account="z", lots=1)) is RejectReason.NOT_ONE_GROUP
    for receiver in ("a", "market", "fees", "insurance", "treasury"):
        assert refusal(transfer(desk, receiver, lots=50)) is RejectReason.UNKNOWN_ACCOUNT


def test_an_account_that_somebody_manages_for_others_is_given_nothing():
    desk = PerpetualDesk("a", "z", groups={"a": "us", "vault/v": "us"})
    desk.fund("vault/v", 10_000)
    desk.exchange._core.managers["vault/v"] = "a"
    desk.mark(100)
    desk.deal("a", "z", 100, 10)
    assert refusal(transfer(desk, "vault/v", lots=10)) is RejectReason.UNKNOWN_ACCOUNT
    assert refusal(transfer(desk, "a", account="vault/v", by="a", lots=1)) is RejectReason.NOT_AUTHORISED


def test_both_must_have_their_initial_margin_afterwards():
    desk = holding(60, money=1_000)
    desk.run(MoveCollateral, account="b", asset="USD", units=-500 * UNIT)
    assert refusal(transfer(desk, "b", lots=51)) is RejectReason.INSUFFICIENT_MARGIN
    assert len(transfer(desk, "b", lots=50)) == 1


def test_profit_goes_with_the_lots_so_the_giver_must_not_need_it():
    desk = PerpetualDesk("a", "b", "z", groups=GROUPS)
    for symbol in ("X-PERP", "Y-PERP"):
        desk.mark(100, symbol)
    desk.deal("a", "z", 100, 50)
    desk.deal("a", "z", 100, 50, "Y-PERP")
    desk.mark(120)
    desk.run(MoveCollateral, account="a", asset="USD", units=-9_900 * UNIT)
    # 100 in the wallet, 1000 of profit in X; without it 500 for Y are not there.
    assert refusal(transfer(desk, "b", lots=50)) is RejectReason.INSUFFICIENT_MARGIN
    assert len(transfer(desk, "b", lots=10)) == 1


def test_an_opposite_position_of_the_receiver_is_closed():
    desk = holding(10)
    desk.mark(110)
    desk.deal("z", "b", 110, 4)
    (event,) = transfer(desk, "b", lots=10)
    assert event.realised_units == 40 * UNIT
    assert (desk.position("b").lots, desk.position("b").cost) == (6, 600 * UNIT) and desk.wallet("b") == 10_040


def test_mode_must_be_the_same_and_isolated_collateral_goes_along():
    desk = PerpetualDesk("a", "b", "z", groups=GROUPS)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "z", 100, 10)
    assert refusal(transfer(desk, "b", lots=4)) is RejectReason.MARGIN_MODE_DIFFERS
    desk.run(SetMarginMode, account="b", symbol="X-PERP", isolated=True)
    (event,) = transfer(desk, "b", lots=4)
    assert event.collateral_units == 40 * UNIT
    assert (desk.position("a").isolated, desk.position("b").isolated) == (60 * UNIT, 40 * UNIT)
    desk.mark(99)
    # 60 less 6 of loss is less than the 59.4 that are needed.
    assert refusal(transfer(desk, "b", lots=1)) is RejectReason.INSUFFICIENT_MARGIN


def test_an_isolated_position_keeps_one_collateral_for_all_its_parts():
    desk = PerpetualDesk("a", "z", groups=GROUPS)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "z", 100, 10)
    split(desk, 6)
    assert desk.position("a").isolated == 100 * UNIT and desk.wallet("a") == 9_900
    desk.deal("z", "a", 100, 4)
    # The position is flat, its part is not: 60 stay.
    assert desk.position("a").lots == 0 and desk.position("a").isolated == 60 * UNIT
    refused = desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=False)
    assert refusal(refused) is RejectReason.POSITION_OPEN
    merge(desk, "1")
    assert desk.position("a").lots == 6 and desk.position("a").isolated == 60 * UNIT
    desk.mark(95)
    assert [type(event).__name__ for event in desk.mark(94)][1] == "LiquidationStarted"


def test_merging_takes_nothing_from_the_wallet():
    desk = PerpetualDesk("a", "z", groups=GROUPS)
    desk.mark(100)
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    desk.deal("a", "z", 100, 10)
    split(desk, 6)
    desk.mark(97)
    merge(desk, "1")
    assert desk.position("a").isolated == 100 * UNIT and desk.wallet("a") == 9_900


@pytest.mark.parametrize("command", ["split", "merge", "transfer", "receive"])
def test_nothing_of_it_happens_in_a_liquidation(command):
    desk = holding(50, money=1_000)
    desk.deal("b", "z", 100, 1)
    split(desk, 10)
    desk.mark(84)
    assert desk.exchange.margin.is_liquidating("a") and desk.position("a").parts == {}
    answers = {
        "split": lambda: split(desk, 1),
        "merge": lambda: merge(desk, "1"),
        "transfer": lambda: transfer(desk, "b", lots=1),
        "receive": lambda: transfer(desk, "a", account="b", lots=1),
    }
    assert refusal(answers[command]()) is RejectReason.IN_LIQUIDATION


def test_a_part_moves_whole():
    desk = holding(10)
    split(desk, 4)
    assert refusal(transfer(desk, "b", lots=1, part="1")) is RejectReason.TERMS_INVALID
    assert refusal(transfer(desk, "b", part="2")) is RejectReason.UNKNOWN_POSITION
    for lots in (0, 7, -1, True):
        assert refusal(transfer(desk, "b", lots=lots)) is RejectReason.QUANTITY_INVALID


def test_orders_of_both_are_trimmed():
    desk = holding(10)
    desk.place("a", SELL, 120, 10, reduce_only=True, client_order_id="giver")
    desk.deal("z", "b", 100, 10)
    desk.place("b", BUY, 90, 10, reduce_only=True, client_order_id="taker")
    transfer(desk, "b", lots=4)
    orders = [desk.exchange.ledger.find(*each) for each in (("a", "X-PERP", 0, "giver"), ("b", "X-PERP", 0, "taker"))]
    assert [order.remaining_lots for order in orders if order is not None] == [6, 6]


def test_a_manager_may_split_and_merge():
    desk = PerpetualDesk("m", "z")
    desk.fund("vault/v", 10_000)
    desk.exchange._core.managers["vault/v"] = "m"
    desk.mark(100)
    desk.place("z", SELL, 100, 10)
    assert traded(desk.place("vault/v", BUY, 100, 10, by="m")) == [(100, 10)]
    assert len(desk.run(SplitPosition, account="vault/v", by="m", symbol="X-PERP", lots=1)) == 1
    assert len(desk.run(MergePosition, account="vault/v", by="m", symbol="X-PERP", part="1")) == 1


def test_a_snapshot_keeps_parts_and_their_numbers():
    desk = holding(10, perpetual=PerpetualRules(tiers=TIERS))
    split(desk, 4)
    other = desk.loaded()
    assert other.state_hash() == desk.exchange.state_hash()
    again = SplitPosition(time_ns=other.time_ns + 1, account="a", symbol="X-PERP", lots=1)
    assert other.execute(again) == split(desk, 1)
    assert other.state_hash() == desk.exchange.state_hash()
