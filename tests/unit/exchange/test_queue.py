"""Where an order of ours stands in the queue behind the outside world, and what moves it."""

from common.exchange.events import TradeExecuted
from common.exchange.fills import fills_in
from common.model.order import OrderState
from tests.unit.exchange.desk import BUY, SELL, Desk

BID, ASK = 268_000, 268_001


def desk_with_us_behind(lots_ahead: int) -> Desk:
    """The world bids `lots_ahead`, then we bid 10 behind it."""
    desk = Desk()
    desk.levels([(BID, lots_ahead)], [(ASK, 50)])
    desk.place("me", "mine", BUY, BID, 10, post_only=True)
    return desk


def test_trades_reach_us_only_after_all_that_was_there_before():
    desk = desk_with_us_behind(30)
    desk.print_trade(SELL, BID, 30)
    assert desk.order("me", "mine").filled_lots == 0
    desk.print_trade(SELL, BID, 4)
    assert desk.order("me", "mine").filled_lots == 4
    assert [(f.maker, f.price_ticks, f.quantity_lots) for f in fills_in(desk.journal)] == [(True, BID, 4)]


def test_later_size_queues_behind_us_and_cancels_leave_from_behind_us():
    desk = desk_with_us_behind(30)
    desk.levels([(BID, 50)], [])
    assert desk.queue(BUY, BID) == [("market", 0, 30), ("me", 1, 10), ("market", 0, 20)]
    desk.levels([(BID, 35)], [])
    assert desk.queue(BUY, BID) == [("market", 0, 30), ("me", 1, 10), ("market", 0, 5)]
    desk.levels([(BID, 12)], [])
    assert desk.queue(BUY, BID) == [("market", 0, 12), ("me", 1, 10)]


def test_a_trade_and_the_diff_that_reports_it_count_once():
    desk = desk_with_us_behind(30)
    desk.print_trade(SELL, BID, 12)
    desk.levels([(BID, 18)], [])
    assert desk.queue(BUY, BID) == [("market", 0, 18), ("me", 1, 10)]


def test_a_level_of_the_world_that_crosses_us_fills_us_as_maker_at_our_price():
    desk = desk_with_us_behind(3)
    desk.levels([], [(ASK, 0), (BID - 5, 7)])
    (fill,) = fills_in(desk.journal)
    assert (fill.maker, fill.price_ticks, fill.quantity_lots, fill.side) == (True, BID, 7, BUY)
    assert desk.queue(SELL, BID - 5) == [] and desk.queue(BUY, BID) == [("me", 1, 3)]
    assert not desk.book.is_crossed


def test_a_trade_at_a_worse_price_fills_our_better_order_first_and_still_prints_whole():
    desk = Desk()
    desk.levels([(BID - 10, 40)], [(ASK, 50)])
    desk.place("me", "mine", BUY, BID, 10, post_only=True)
    events = desk.print_trade(SELL, BID - 10, 25)
    prints = [(t.price_ticks, t.quantity_lots) for t in events if isinstance(t, TradeExecuted)]
    assert prints == [(BID, 10), (BID - 10, 15)]
    assert desk.order("me", "mine").state is OrderState.FILLED


def test_a_trade_says_that_better_prices_of_the_world_were_gone():
    desk = Desk()
    desk.levels([(BID, 5), (BID - 3, 1)], [(ASK, 50)])
    events = desk.print_trade(SELL, BID - 3, 8)
    assert [(t.price_ticks, t.quantity_lots) for t in events if isinstance(t, TradeExecuted)] == [(BID - 3, 8)]
    assert desk.book.bids.best() is None


def test_the_touch_removes_better_liquidity_but_never_our_order():
    desk = desk_with_us_behind(30)
    desk.touch((BID - 4, 9), (ASK, 50))
    assert desk.queue(BUY, BID) == [("me", 1, 10)] and desk.queue(BUY, BID - 4) == [("market", 0, 9)]
