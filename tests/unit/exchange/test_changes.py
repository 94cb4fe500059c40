"""Amend, reduce, cancel: what keeps its place, what goes to the back, what is refused."""

import pytest

from common.exchange.commands import AmendOrder, CancelOrder, ReduceOrder, SelfTradePrevention
from common.exchange.events import OrderAmended, OrderCanceled, RejectReason
from common.exchange.record import OrderRecord
from common.model.order import TimeInForce
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal, stop, trades


def three_bids() -> Desk:
    desk = Desk()
    for name in ("a", "b", "c"):
        desk.place("me", name, BUY, 100, 5)
    return desk


def names(desk: Desk) -> list[str]:
    orders = desk.exchange.ledger.orders
    return [orders[order_id].client_order_id for _, order_id, _ in desk.queue(BUY, 100)]


def locked(desk: Desk) -> int:
    return desk.exchange.ledger.accounts.balance("me", "USDT").locked


@pytest.mark.parametrize(
    ("price", "lots", "queue"),
    [
        (None, 3, ["a", "b", "c"]),
        (100, 5, ["a", "b", "c"]),
        (100, 1, ["a", "b", "c"]),
        (None, 6, ["b", "c", "a"]),
        (101, None, ["b", "c"]),
        (101, 3, ["b", "c"]),
    ],
)
def test_only_the_same_price_and_no_more_lots_keep_the_place(price, lots, queue):
    desk = three_bids()
    desk.amend("me", "a", price, lots)
    order: OrderRecord = desk.order("me", "a")
    assert names(desk) == queue
    assert (order.price_ticks, order.remaining_lots) == (price or 100, lots or 5)
    assert locked(desk) == (10 * 100 + order.price_ticks * order.remaining_lots) * 100


def test_there_and_back_again_is_the_back_of_the_queue():
    desk = three_bids()
    desk.amend("me", "a", 99)
    desk.amend("me", "a", 100)
    assert names(desk) == ["b", "c", "a"]


def test_the_new_quantity_is_the_open_one():
    desk = three_bids()
    desk.place("you", "t", SELL, 100, 2)
    desk.amend("me", "a", lots=4)
    order = desk.order("me", "a")
    assert (order.quantity_lots, order.filled_lots, order.remaining_lots) == (6, 2, 4)


def test_an_amended_price_takes_what_it_reaches_and_rests():
    desk = three_bids()
    desk.place("you", "ask", SELL, 103, 2)
    events = desk.amend("me", "b", 103)
    assert trades(events) == [("ask", "b", 103, 2)] and isinstance(events[0], OrderAmended)
    assert desk.state("me", "b") == ("partially_filled", 2, 3) and desk.queue(BUY, 103) == [("me", 2, 3)]


def test_reduce_keeps_the_place_clamps_and_ends_at_nothing():
    desk = three_bids()
    desk.reduce("me", "a", 4)
    assert names(desk) == ["a", "b", "c"] and desk.queue(BUY, 100)[0] == ("me", 1, 1)
    events = desk.reduce("me", "b", 99)
    assert any(isinstance(event, OrderCanceled) for event in events) and names(desk) == ["a", "c"]
    desk.reduce("me", "c", 5)
    assert desk.state("me", "c") == ("canceled", 0, 0) and locked(desk) == 100 * 100


def test_a_waiting_order_is_amended_where_it_waits():
    desk = Desk()
    desk.place("me", "s", BUY, 105, 5, trigger=stop(103))
    desk.place("me", "m", BUY, 0, 5, trigger=stop(103))
    desk.amend("me", "s", 106, 7)
    desk.reduce("me", "m", 2)
    assert desk.state("me", "s") == ("waiting", 0, 7) and locked(desk) == 7 * 106 * 100
    assert desk.state("me", "m") == ("waiting", 0, 3)
    desk.cancel("me", name="s")
    assert len(desk.exchange.markets[ETH.symbol].stops) == 1 and locked(desk) == 0


@pytest.mark.parametrize("kind", [CancelOrder, ReduceOrder, AmendOrder])
@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ({"account": "me", "client_order_id": "nobody"}, RejectReason.UNKNOWN_ORDER),
        ({"account": "me", "order_id": 99}, RejectReason.UNKNOWN_ORDER),
        ({"account": "me", "order_id": -1}, RejectReason.UNKNOWN_ORDER),
        ({"account": "you", "order_id": 1}, RejectReason.WRONG_OWNER),
        ({"account": "you", "client_order_id": "a"}, RejectReason.UNKNOWN_ORDER),
        ({"account": "me", "client_order_id": "gone"}, RejectReason.UNKNOWN_ORDER),
    ],
)
def test_only_an_open_order_of_ones_own_can_be_changed(kind, named, reason):
    desk = three_bids()
    desk.place("me", "gone", BUY, 0, 1)
    terms = {ReduceOrder: {"quantity_lots": 1}, AmendOrder: {"open_lots": 1}}.get(kind, {})
    assert refusal(desk.run(kind, symbol=ETH.symbol, **named, **terms)) is reason


@pytest.mark.parametrize(
    ("price", "lots", "reason"),
    [
        (None, None, RejectReason.TERMS_INVALID),
        (0, None, RejectReason.PRICE_INVALID),
        (-1, None, RejectReason.PRICE_INVALID),
        (2**63, None, RejectReason.PRICE_INVALID),
        (None, 0, RejectReason.QUANTITY_INVALID),
        (None, -1, RejectReason.QUANTITY_INVALID),
        (None, 10**12, RejectReason.QUANTITY_INVALID),
        (10**9, 10**6, RejectReason.INSUFFICIENT_BALANCE),
        (2**62, 10**9, RejectReason.NOTIONAL_TOO_LARGE),
    ],
)
def test_amendments_that_cannot_be_change_nothing(price, lots, reason):
    desk = three_bids()
    desk.place("you", "t", SELL, 100, 2)
    assert refusal(desk.amend("me", "a", price, lots)) is reason
    assert names(desk) == ["a", "b", "c"]


def test_an_amendment_counts_what_is_locked_for_the_order_already():
    desk = Desk()
    desk.place("me", "a", BUY, 100_000_000, 10_000)  # all of a million
    assert refusal(desk.place("me", "b", BUY, 1, 1_000)) is RejectReason.INSUFFICIENT_BALANCE
    desk.amend("me", "a", 50_000_000, 20_000)
    assert refusal(desk.amend("me", "a", 50_000_000, 20_001)) is RejectReason.INSUFFICIENT_BALANCE


@pytest.mark.parametrize("lots", [0, -3, 1.5, float("nan")])
def test_reductions_are_positive(lots):
    assert refusal(three_bids().reduce("me", "a", lots)) is RejectReason.QUANTITY_INVALID


def test_a_market_order_that_waits_has_no_price_to_amend():
    desk = Desk()
    desk.place("me", "m", BUY, 0, 5, trigger=stop(103))
    assert refusal(desk.amend("me", "m", price=5)) is RejectReason.TERMS_INVALID


def test_filled_open_and_canceled_lots_are_the_original_quantity():
    desk = Desk()
    desk.place("me", "a", BUY, 100, 10)
    desk.place("you", "t", SELL, 100, 3)
    desk.reduce("me", "a", 2)
    order = desk.order("me", "a")
    assert (order.filled_lots, order.remaining_lots, order.quantity_lots) == (3, 5, 8)
    desk.place("me", "own", SELL, 100, 1, TimeInForce.IOC, self_trade_prevention=SelfTradePrevention.DECREMENT)
    assert (order.filled_lots, order.remaining_lots, order.quantity_lots) == (3, 4, 7)


def renamed(desk: Desk, name: str, new: str, **terms) -> list:
    return desk.run(AmendOrder, symbol=ETH.symbol, account="me", client_order_id=name, new_client_order_id=new, **terms)


def test_an_amendment_may_rename_the_order_wherever_its_name_is_told():
    desk = three_bids()
    (event,) = [each for each in renamed(desk, "a", "z", open_lots=4) if isinstance(each, OrderAmended)]
    assert (event.client_order_id, event.quantity_lots, event.keeps_place) == ("z", 4, True)
    assert desk.order("me", "a") is None and desk.order("me", "z").order_id == 1
    assert trades(desk.place("you", "t", SELL, 100, 1)) == [("z", "t", 100, 1)]
    desk.place("you", "ask", SELL, 110, 1)
    assert trades(renamed(desk, "z", "y", price_ticks=110)) == [("ask", "y", 110, 1)]
    assert desk.loaded().ledger.find("me", ETH.symbol, 0, "y").order_id == 1
    desk.place("me", "a", BUY, 50, 1)  # the old name is free again


def test_a_name_that_is_taken_is_refused_and_that_of_an_ended_order_is_not():
    desk = three_bids()
    assert refusal(renamed(desk, "a", "b", open_lots=4)) is RejectReason.DUPLICATE_CLIENT_ORDER_ID
    assert desk.order("me", "a").quantity_lots == 5
    renamed(desk, "a", "a", open_lots=4)
    desk.cancel("me", name="b")
    renamed(desk, "a", "b", open_lots=3)
    for exchange in (desk.exchange, desk.loaded()):
        assert exchange.ledger.find("me", ETH.symbol, 0, "b").order_id == 1
