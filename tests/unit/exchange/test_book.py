"""The book's containers against plain dicts, wide enough that levels empty out and are compacted."""

from collections.abc import Callable
from random import Random
from time import perf_counter

import pytest

from common.exchange.book import EMPTY_LEVELS_KEPT, GONE_ORDERS_KEPT, BookSide, MakerFill, OrderBook, RestingOrder
from common.model.order import Side


@pytest.mark.parametrize("side", list(Side))
def test_a_wide_and_busy_side_agrees_with_a_dict(side: Side):
    random, book = Random(5), OrderBook()
    makers = book.side(side)
    orders: dict[int, tuple[int, RestingOrder]] = {}
    for number in range(6_000):
        if random.random() < 0.45 or not orders:
            price, order = random.randint(1, 900), RestingOrder("a", number + 1, random.randint(1, 9))
            makers.append(price, order)
            orders[number] = price, order
        else:
            price, order = orders[key := random.choice(list(orders))]
            book.reduce(order, random.randint(1, order.quantity))
            if not order.quantity:
                del orders[key]
        if number % 50 == 0:
            compare(side, makers, orders, random.randint(1, 900))
    for _, order in list(orders.values()):
        book.reduce(order, order.quantity)
    # What cancels have emptied is dropped once it is the larger part; a best price that is gone is forgotten at once.
    assert len(makers.keys) <= 2 * EMPTY_LEVELS_KEPT + 1 and makers.best() is None and makers.keys == []


def compare(side: Side, makers: BookSide, orders: dict[int, tuple[int, RestingOrder]], limit: int) -> None:
    """Every look at the side against the same thing from the dict."""
    sizes: dict[int, int] = {}
    for price, order in orders.values():
        sizes[price] = sizes.get(price, 0) + order.quantity
    best_first = sorted(sizes, reverse=side is Side.BUY)
    assert makers.top(2_000) == [(price, sizes[price]) for price in best_first]
    assert makers.top(7) == [(price, sizes[price]) for price in best_first[:7]]
    reachable = [price for price in best_first if (price >= limit if side is Side.BUY else price <= limit)]
    assert [level.price for level in makers.through(limit)] == reachable
    assert [level.price for level in makers.through(None)] == best_first
    best = makers.best()
    assert (best.price if best else None) == (best_first[0] if best_first else None)


def test_misuse_is_refused():
    book, order = OrderBook(), RestingOrder("a", 1, 5)
    makers = book.bids
    with pytest.raises(ValueError, match="rest"):
        book.reduce(order, 6)
    makers.append(10, order)
    with pytest.raises(ValueError, match="rest"):
        book.reduce(order, 6)
    makers.append(10, RestingOrder("a", 2, 5))
    with pytest.raises(ValueError, match="last"):
        makers.grow(order, 1)


def test_a_queue_holds_no_more_than_a_multiple_of_what_rests_in_it():
    book, waiting = OrderBook(), list[RestingOrder]()
    for number in range(1, 20_000):
        waiting.append(RestingOrder("a", number, 2))
        book.bids.append(100, waiting[-1])
        if number > 10:
            # One order after the other goes: from the front by a trade, from the middle by a cancel.
            if number % 2:
                book.bids.take(2, 100, "", [])
            else:
                book.remove(waiting[-5])
            waiting = [order for order in waiting if order.quantity]
        level = book.bids.level(100)
        assert level is not None and len(level.queue) <= 2 * len(waiting) + 2 * GONE_ORDERS_KEPT + 2
        assert (level.orders, level.quantity) == (len(waiting), 2 * len(waiting))
    assert [order.order_id for order in level] == [order.order_id for order in waiting] and len(book.orders) == 10


def seconds_for(act: Callable[[], object]) -> float:
    """The best of five, so that a busy machine does not count."""
    best = float("inf")
    for _ in range(5):
        started = perf_counter()
        act()
        best = min(best, perf_counter() - started)
    return best


@pytest.mark.parametrize("spread", [1, 400], ids=["one level", "many levels"])
def test_an_insert_costs_the_same_whatever_rests(spread: int):
    costs = []
    for resting in (200, 20_000):
        book = OrderBook()
        for number in range(1, resting + 1):
            book.bids.append(1_000 + number % spread, RestingOrder("a", number, 5))

        def insert_and_cancel(book: OrderBook = book, first: int = resting + 1) -> None:
            orders = [RestingOrder("a", number, 5) for number in range(first, first + 2_000)]
            for order in orders:
                book.bids.append(1_000 + order.order_id % spread, order)
            for order in orders:
                book.remove(order)

        costs.append(seconds_for(insert_and_cancel))
    # A cost that grew with the number of orders would be a hundred times as large.
    assert costs[1] < 5 * costs[0]


def test_neither_one_long_queue_nor_many_levels_are_slow():
    book, fills = OrderBook(), list[MakerFill]()
    for number in range(1, 40_001):
        book.asks.append(100, RestingOrder("a", number, 1))
    one_level = seconds_for(lambda: [book.asks.take(1, 100, "b", fills) for _ in range(8_000)])
    assert [maker.order_id for maker, _, _ in fills] == list(range(1, 40_001)) and book.asks.best() is None
    for number in range(1, 40_001):
        book.asks.append(number * 7919 % 100_003 + 1, RestingOrder("a", number, 1))
    many_levels = seconds_for(lambda: [book.asks.take(1, None, "b", []) for _ in range(8_000)])
    # Both took 8,000 orders one by one: a queue that is searched, or keys that are, would take seconds.
    assert max(one_level, many_levels) < 0.5 and book.asks.best() is None
