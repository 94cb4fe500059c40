"""Orders that never take: refused where they would, or slid to one tick from the best opposite price."""

import pytest

from common.exchange.events import RejectReason
from tests.unit.exchange.desk import BUY, SELL, Desk, refusal


@pytest.mark.parametrize(("side", "price"), [(BUY, 105), (BUY, 110), (SELL, 100), (SELL, 95)])
def test_what_would_take_is_refused(side, price):
    desk = quoted()
    assert refusal(desk.place("me", "p", side, price, 1, post_only=True)) is RejectReason.WOULD_TAKE


def test_own_orders_count_too():
    desk = Desk(settles=False)
    desk.place("me", "own", SELL, 105, 1)
    assert refusal(desk.place("me", "p", BUY, 105, 1, post_only=True)) is RejectReason.WOULD_TAKE


@pytest.mark.parametrize(
    ("side", "price", "rests"), [(BUY, 110, 104), (BUY, 105, 104), (BUY, 104, 104), (SELL, 1, 101), (SELL, 103, 103)]
)
def test_a_sliding_order_goes_to_one_tick_from_the_best_opposite_price(side, price, rests):
    desk = quoted()
    desk.place("me", "p", side, price, 1, post_only=True, slide=True)
    order = desk.order("me", "p")
    assert (order.price_ticks, order.filled_lots, desk.queue(side, rests)[-1]) == (rests, 0, ("me", order.order_id, 1))


def test_a_sliding_order_locks_what_its_own_price_costs():
    desk = Desk()
    desk.place("you", "ask", SELL, 105, 1)
    desk.place("me", "p", BUY, 10**9, 1, post_only=True, slide=True)
    assert desk.exchange.ledger.accounts.balance("me", "USDT").locked == 104 * 100


def test_where_no_price_is_left_a_sliding_order_is_refused():
    desk = Desk(settles=False)
    desk.place("you", "ask", SELL, 1, 1)
    assert refusal(desk.place("me", "p", BUY, 5, 1, post_only=True, slide=True)) is RejectReason.WOULD_TAKE


def test_a_sliding_order_stays_within_the_band():
    desk = Desk(settles=False, price_band_bps=500)
    desk.place("you", "ask", SELL, 9_400, 1)
    desk.mark(10_000)
    order = desk.place("me", "p", BUY, 9_600, 1, post_only=True, slide=True)
    assert refusal(order) is RejectReason.OUTSIDE_PRICE_BAND


def test_an_amendment_that_would_take_is_refused_or_slides():
    desk = quoted()
    desk.place("me", "hard", BUY, 90, 1, post_only=True)
    desk.place("me", "soft", BUY, 90, 1, post_only=True, slide=True)
    assert refusal(desk.amend("me", "hard", price=105)) is RejectReason.WOULD_TAKE
    desk.amend("me", "soft", price=120)
    assert desk.order("me", "soft").price_ticks == 104 and desk.book.bids.depth(1) == [(104, 1, 1)]


def quoted() -> Desk:
    desk = Desk(settles=False)
    desk.place("you", "bid", BUY, 100, 5)
    desk.place("you", "ask", SELL, 105, 5)
    return desk
