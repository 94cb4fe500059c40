"""The book's containers against plain dicts, wide enough that levels empty out and are compacted."""

from random import Random

import pytest

from common.exchange.book import EMPTY_LEVELS_KEPT, BookSide, OrderBook, RestingOrder
from common.model.order import Side


@pytest.mark.parametrize("side", list(Side))
def test_a_wide_and_busy_side_agrees_with_a_dict(side: Side):
    random, book = Random(5), OrderBook()
    makers = book.side(side)
    orders: dict[int, tuple[int, RestingOrder]] = {}
    for number in range(6_000):
        if random.random() < 0.45 or not orders:
            price, order = random.randint(1, 900), RestingOrder("a", number + 1, "", random.randint(1, 9))
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
    assert len(makers._keys) <= 2 * EMPTY_LEVELS_KEPT + 1 and makers.best() is None and makers._keys == []


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
    book, order = OrderBook(), RestingOrder("a", 1, "", 5)
    makers = book.bids
    with pytest.raises(ValueError, match="rest"):
        book.reduce(order, 6)
    makers.append(10, order)
    with pytest.raises(ValueError, match="rest"):
        book.reduce(order, 6)
    makers.append(10, RestingOrder("a", 2, "", 5))
    with pytest.raises(ValueError, match="last"):
        makers.grow(order, 1)
