"""Batches: each item for itself, or all or none."""

import pytest

from common.exchange.commands import AmendOrder, CancelOrder, PlaceOrder, ReduceOrder
from common.exchange.events import BatchItemStarted, BatchRejected, OrderRejected, OrderTriggered, RejectReason
from common.model.order import OrderType, TimeInForce
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal, stop, trades


def order(desk: Desk, name: str, side, price: int, lots: int, account: str = "me", **terms) -> PlaceOrder:
    kind = OrderType.LIMIT if price else OrderType.MARKET
    return desk.command(
        PlaceOrder, account=account, client_order_id=name, side=side, price_ticks=price, quantity_lots=lots,
        order_type=kind, **terms,
    )  # fmt: skip


def cancel(desk: Desk, name: str, account: str = "me") -> CancelOrder:
    return desk.command(CancelOrder, account=account, client_order_id=name)


def test_each_item_succeeds_or_fails_for_itself_in_order():
    desk = Desk()
    events = desk.batch(
        order(desk, "a", BUY, 100, 5), order(desk, "a", BUY, 99, 5), cancel(desk, "nobody"),
        order(desk, "t", SELL, 100, 2, "you"),
        desk.command(ReduceOrder, account="me", client_order_id="a", quantity_lots=1),
        desk.command(AmendOrder, account="me", client_order_id="a", price_ticks=98), cancel(desk, "a"),
    )  # fmt: skip
    starts = [index for index, event in enumerate(events) if isinstance(event, BatchItemStarted)]
    assert [events[each].index for each in starts] == list(range(7))
    assert isinstance(events[starts[1] + 1], OrderRejected)
    assert trades(events) == [("a", "t", 100, 2)] and desk.state("me", "a") == ("canceled", 2, 0)


def test_triggers_run_after_the_last_item():
    desk = Desk(settles=False)
    desk.place("deep", "d", SELL, 110, 9)
    desk.place("me", "s", BUY, 0, 1, trigger=stop(100))
    events = desk.batch(order(desk, "x", SELL, 100, 1, "you"), order(desk, "y", BUY, 100, 1, "him"), cancel(desk, "s"))
    assert not any(isinstance(event, OrderTriggered) for event in events)
    assert desk.state("me", "s")[0] == "canceled"


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_one_to_a_hundred_items(count, atomic):
    desk = Desk()
    before = desk.exchange.state_hash()
    (event,) = desk.batch(*[order(desk, str(number), BUY, 100, 1) for number in range(count)], atomic=atomic)
    assert isinstance(event, BatchRejected) and event.index == -1 and event.reason is RejectReason.BATCH_INVALID
    assert desk.exchange.state_hash() == before


def test_a_hundred_items_are_taken():
    desk = Desk()
    desk.batch(*[order(desk, str(number), BUY, 100 + number, 1) for number in range(100)], atomic=True)
    assert desk.book.bids.depth(1) == [(199, 1, 1)] and len(desk.exchange.ledger.open_of("me", ETH.symbol)) == 100


def atomic(*make, **options):
    """A desk with an own ask at 105 and a foreign one at 106, and an atomic batch of what is made for it."""
    desk = Desk(**options)
    desk.place("me", "mine", SELL, 105, 5)
    desk.place("you", "his", SELL, 106, 5)
    before = desk.exchange.state_hash()
    events = desk.batch(*[each(desk) for each in make], atomic=True)
    refused = [event for event in events if isinstance(event, BatchRejected)]
    if refused:
        assert len(events) == 1 and desk.exchange.state_hash() == before
        return refused[0].index, refused[0].reason
    assert not any(isinstance(event, OrderRejected) for event in events)
    return desk


FINE = [lambda desk: order(desk, "fine", BUY, 90, 1)]
R = RejectReason


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda desk: order(desk, "x", BUY, 106, 1), R.WOULD_TAKE),
        (lambda desk: order(desk, "x", BUY, 105, 1, post_only=True), R.WOULD_TAKE),
        (lambda desk: order(desk, "x", SELL, 90, 1), R.WOULD_TAKE),
        (lambda desk: order(desk, "x", BUY, 0, 1), R.BATCH_INVALID),
        (lambda desk: order(desk, "x", BUY, 90, 1, time_in_force=TimeInForce.IOC), R.BATCH_INVALID),
        (lambda desk: order(desk, "x", BUY, 90, 1, time_in_force=TimeInForce.FOK), R.BATCH_INVALID),
        (lambda desk: order(desk, "x", BUY, 90, 1, trigger=stop(90)), R.BATCH_INVALID),
        (lambda desk: desk.command(AmendOrder, account="me", client_order_id="mine", open_lots=1), R.BATCH_INVALID),
        (lambda desk: order(desk, "x", BUY, 90, 0), R.QUANTITY_INVALID),
        (lambda desk: order(desk, "x", BUY, -1, 1), R.PRICE_INVALID),
        (lambda desk: order(desk, "fine", BUY, 90, 1), R.DUPLICATE_CLIENT_ORDER_ID),
        (lambda desk: order(desk, "mine", BUY, 90, 1), R.DUPLICATE_CLIENT_ORDER_ID),
        (lambda desk: cancel(desk, "nobody"), R.UNKNOWN_ORDER),
        (lambda desk: cancel(desk, "fine"), R.UNKNOWN_ORDER),
        (lambda desk: desk.command(CancelOrder, account="me", order_id=2), R.WRONG_OWNER),
        (lambda desk: order(desk, "x", BUY, 100, 10**10), R.INSUFFICIENT_BALANCE),
    ],
)
def test_one_fault_refuses_all(make, reason):
    assert atomic(*FINE, make, *FINE) == (1, reason)


def test_an_order_cannot_be_cancelled_twice():
    assert atomic(lambda desk: cancel(desk, "mine"), lambda desk: cancel(desk, "mine")) == (1, R.UNKNOWN_ORDER)


def test_what_is_cancelled_before_is_gone_for_what_follows():
    # The own ask at 105 goes, so a bid rests at 105; its name and its lots are free again.
    desk = atomic(
        lambda desk: cancel(desk, "mine"),
        lambda desk: order(desk, "x", BUY, 105, 1, post_only=True),
        lambda desk: order(desk, "mine", SELL, 107, 1_000_000),
    )
    assert desk.book.bids.depth(9) == [(105, 1, 1)] and desk.state("me", "mine") == ("open", 0, 1_000_000)


def test_what_is_placed_before_counts_for_what_follows():
    assert atomic(*FINE, lambda desk: order(desk, "x", SELL, 90, 1)) == (1, R.WOULD_TAKE)
    desk = atomic(
        lambda desk: order(desk, "x", SELL, 103, 1),
        lambda desk: order(desk, "y", BUY, 110, 1, post_only=True, slide=True),
    )
    assert desk.order("me", "y").price_ticks == 102


def test_money_is_counted_over_all_items():
    half = lambda name: lambda desk: order(desk, name, BUY, 100, 5_000_000_000)  # noqa: E731  half of a million
    assert isinstance(atomic(half("a"), half("b")), Desk)
    assert atomic(half("a"), half("b"), *FINE) == (2, R.INSUFFICIENT_BALANCE)


def test_open_orders_are_counted_over_all_items():
    assert atomic(*FINE, lambda desk: order(desk, "x", BUY, 90, 1), open_orders_max=2) == (1, R.TOO_MANY_OPEN_ORDERS)
    desk = atomic(
        lambda desk: cancel(desk, "mine"), *FINE, lambda desk: order(desk, "x", BUY, 90, 1), open_orders_max=2
    )
    assert isinstance(desk, Desk)


def test_reserved_accounts_and_unknown_markets_are_the_callers_fault():
    desk = Desk()
    before = desk.exchange.state_hash()
    for wrong in (order(desk, "x", BUY, 90, 1, "market"), desk.command(CancelOrder, account="fees", order_id=1)):
        assert refusal(desk.batch(order(desk, "fine", BUY, 90, 1), wrong)) is RejectReason.UNKNOWN_ACCOUNT
    unknown = CancelOrder(time_ns=0, account="me", symbol="BTC-USDT")
    assert refusal(desk.batch(unknown)) is RejectReason.UNKNOWN_MARKET
    assert desk.exchange.state_hash() == before
