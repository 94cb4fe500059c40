"""Reduce-only orders never make a position larger and never turn it."""

import pytest

from common.exchange.commands import SelfTradePrevention
from common.exchange.events import OrderAmended, OrderExpired, RejectReason
from common.exchange.reduce_only import kept, reducible, shrinks
from common.model.order import TimeInForce
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal, stop, trades


def with_position(lots: int) -> Desk:
    """`me` holds so many lots."""
    desk = Desk(settles=False)
    side = BUY if lots > 0 else SELL
    desk.place("him", "start", side.opposite, 100, abs(lots))
    desk.place("me", "open", side, 100, abs(lots))
    assert position(desk) == lots
    return desk


def position(desk: Desk, account: str = "me") -> int:
    return desk.exchange.ledger.positions[ETH.symbol].get(account, 0)


def test_the_rules_in_numbers():
    assert [reducible(10, True), reducible(10, False), reducible(-7, False), reducible(0, True)] == [10, 0, 7, 0]
    assert shrinks(10, 9) and shrinks(10, -12) and not shrinks(10, 11) and not shrinks(0, 5) and not shrinks(-3, -3)
    assert kept(10, [(1, True, 8), (2, True, 8), (3, True, 1), (4, False, 5)]) == {1: 8, 2: 2, 3: 0, 4: 0}


@pytest.mark.parametrize(("held", "side", "lots"), [(10, SELL, 11), (10, BUY, 1), (-10, BUY, 11), (-10, SELL, 1)])
def test_more_than_the_opposite_position_is_refused(held, side, lots):
    desk = with_position(held)
    assert refusal(desk.place("me", "r", side, 120, lots, reduce_only=True)) is RejectReason.NO_POSITION_TO_REDUCE


def test_without_a_position_there_is_nothing_to_reduce():
    desk = Desk(settles=False)
    assert refusal(desk.place("me", "r", SELL, 120, 1, reduce_only=True)) is RejectReason.NO_POSITION_TO_REDUCE


@pytest.mark.parametrize(("held", "side"), [(10, SELL), (-10, BUY)])
def test_up_to_the_position_it_is_taken(held, side):
    desk = with_position(held)
    price = 120 if side is SELL else 80
    desk.place("me", "r", side, price, 10, reduce_only=True)
    assert trades(desk.place("you", "t", side.opposite, price, 15)) == [("r", "t", price, 10)]
    assert position(desk) == 0


def test_when_the_position_shrinks_the_oldest_is_kept_and_flat_cancels_all():
    desk = with_position(10)
    desk.place("me", "old", SELL, 122, 8, reduce_only=True)
    desk.place("me", "new", SELL, 121, 8, reduce_only=True)
    desk.place("you", "bid", BUY, 90, 99)
    events = desk.place("me", "out", SELL, 90, 3)
    # Seven are left, and the older order keeps all of them.
    assert desk.state("me", "old") == ("open", 0, 7) and desk.state("me", "new") == ("expired", 0, 0)
    assert desk.order("me", "new").reason == "reduce_only"
    assert [e.reason for e in events if isinstance(e, OrderAmended)] == ["reduce_only"]
    desk.place("me", "rest", SELL, 90, 7)
    assert position(desk) == 0 and desk.state("me", "old")[0] == "expired"


def test_a_growing_position_trims_nothing():
    desk = with_position(10)
    desk.place("me", "a", SELL, 122, 8, reduce_only=True)
    desk.place("me", "b", SELL, 121, 8, reduce_only=True)
    desk.place("him", "ask", SELL, 100, 5)
    desk.place("me", "more", BUY, 100, 5)
    assert (desk.state("me", "a"), desk.state("me", "b")) == (("open", 0, 8), ("open", 0, 8))


def test_a_turned_position_ends_them():
    desk = with_position(10)
    desk.place("me", "r", SELL, 122, 8, reduce_only=True)
    desk.place("you", "bid", BUY, 90, 99)
    desk.place("me", "turn", SELL, 90, 25)
    assert position(desk) == -15 and desk.state("me", "r")[0] == "expired"


def test_one_taker_cannot_sweep_more_than_the_position():
    # 8 at 120 go first; two lots of position are left, so the other order has two when the taker gets there.
    desk = with_position(10)
    desk.place("me", "far", SELL, 121, 8, reduce_only=True)
    desk.place("me", "near", SELL, 120, 8, reduce_only=True)
    desk.place("you", "behind", SELL, 121, 5)
    assert trades(desk.place("him", "t", BUY, 125, 12)) == [
        ("near", "t", 120, 8), ("far", "t", 121, 2), ("behind", "t", 121, 2)
    ]  # fmt: skip
    assert position(desk) == 0


def test_an_ordinary_order_of_the_same_account_counts_in_the_same_sweep():
    desk = with_position(10)
    desk.place("me", "plain", SELL, 119, 9)
    desk.place("me", "near", SELL, 120, 8, reduce_only=True)
    assert trades(desk.place("him", "t", BUY, 125, 30)) == [("plain", "t", 119, 9), ("near", "t", 120, 1)]
    assert position(desk) == 0


@pytest.mark.parametrize(("lots", "whole"), [(10, True), (11, False)])
def test_fill_or_kill_sees_what_reduce_only_will_let_it_take(lots, whole):
    desk = with_position(10)
    desk.place("me", "far", SELL, 121, 8, reduce_only=True)
    desk.place("me", "near", SELL, 120, 8, reduce_only=True)
    events = desk.place("him", "t", BUY, 125, lots, TimeInForce.FOK)
    assert sum(each[3] for each in trades(events)) == (lots if whole else 0)
    assert desk.state("him", "t")[0] == ("filled" if whole else "expired")


@pytest.mark.parametrize(("limit", "whole"), [(121, False), (122, True)])
def test_fill_or_kill_sees_that_an_ordinary_trade_will_trim_the_newer_order(limit, whole):
    # After three plain lots seven are left, which the older order keeps: the newer one at 121 is gone by then.
    desk = with_position(10)
    desk.place("me", "old", SELL, 122, 8, reduce_only=True)
    desk.place("me", "new", SELL, 121, 8, reduce_only=True)
    desk.place("me", "plain", SELL, 120, 3)
    events = desk.place("him", "t", BUY, limit, 10, TimeInForce.FOK)
    assert trades(events) == ([("plain", "t", 120, 3), ("old", "t", 122, 7)] if whole else [])


def test_a_fired_trigger_is_cut_down_to_what_is_left():
    desk = with_position(10)
    desk.place("you", "bid", BUY, 90, 99)
    desk.place("me", "loss", SELL, 0, 10, reduce_only=True, trigger=stop(95))
    desk.place("me", "gain", SELL, 120, 10, reduce_only=True)
    desk.place("him", "some", BUY, 120, 6)
    assert position(desk) == 4
    desk.place("him", "hit", SELL, 90, 1)
    assert position(desk) == 0 and desk.order("me", "loss").filled_lots == 4
    assert desk.state("me", "gain")[0] == "expired"


def test_a_fired_trigger_without_a_position_ends():
    desk = with_position(10)
    desk.place("you", "bid", BUY, 90, 99)
    desk.place("me", "loss", SELL, 0, 10, reduce_only=True, trigger=stop(90))
    events = desk.place("me", "out", SELL, 90, 10)
    assert [e.reason for e in events if isinstance(e, OrderExpired)] == ["reduce_only"]
    assert position(desk) == 0


def test_amendments_stay_within_the_position():
    desk = with_position(10)
    desk.place("me", "r", SELL, 120, 8, reduce_only=True)
    assert refusal(desk.amend("me", "r", lots=11)) is RejectReason.NO_POSITION_TO_REDUCE
    desk.amend("me", "r", price=119, lots=10)
    assert desk.state("me", "r") == ("open", 0, 10)


def test_a_trade_with_oneself_changes_no_position():
    desk = with_position(10)
    desk.place("me", "r", SELL, 120, 10, reduce_only=True)
    desk.place("me", "b", BUY, 120, 4, self_trade_prevention=SelfTradePrevention.NONE)
    assert position(desk) == 10 and desk.state("me", "r") == ("partially_filled", 4, 6)


def test_the_journal_brings_them_back():
    desk = with_position(10)
    desk.place("me", "old", SELL, 122, 8, reduce_only=True)
    desk.place("me", "new", SELL, 121, 8, reduce_only=True)
    desk.place("him", "t", BUY, 121, 1)
    other = desk.loaded()
    assert other.state_hash() == desk.exchange.state_hash()
    assert list(other.markets[ETH.symbol].reduce_only.orders) == [3, 4]


def test_fill_or_kill_counts_what_it_takes_of_the_older_order_as_taken():
    # The older order's 3 lots trade first; the position's other 2 lots are the newer one's, not kept for the older.
    desk = with_position(5)
    desk.place("me", "older", SELL, 120, 3, reduce_only=True)
    desk.place("me", "newer", SELL, 120, 5, reduce_only=True)
    events = desk.place("you", "t", BUY, 120, 5, TimeInForce.FOK)
    assert trades(events) == [("older", "t", 120, 3), ("newer", "t", 120, 2)]
