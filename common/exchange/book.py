"""Price-time order book: a heap of price keys, a dict of levels, a queue in each level.

A key is a price with the sign that puts the best one first: bids have negative keys, asks positive ones. Best price,
adding, reducing and removing cost O(1), amortised O(log levels) where a price appears or goes. What is removed from
the middle of a queue stays there without lots until it reaches the front or is most of the queue; a level that
removals have emptied stays until it reaches the top or until empty levels are half of a side.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Any, Final

from mypy_extensions import mypyc_attr

from common.exchange.record import OrderRecord
from common.exchange.seat import Seat
from common.model.order import Side

BUY: Final = Side.BUY
SELL: Final = Side.SELL
EMPTY_LEVELS_KEPT: Final = 256
GONE_ORDERS_KEPT: Final = 16
ANY_KEY: Final = 1 << 64
"""A key behind every price."""


@mypyc_attr(acyclic=True)
class RestingOrder:
    """One order in its level's queue; without lots it rests no more, and it never rests again.

    Orders of the same `owner` do not trade together. Number 0, and neither record nor seat, has all that has no name:
    the external account's pieces.
    """

    __slots__ = ("account", "key", "number", "order_id", "owner", "quantity", "record", "seat")

    def __init__(
        self, account: str, order_id: int, quantity: int, owner: str = "", record: OrderRecord | None = None,
        seat: Seat | None = None,
    ) -> None:  # fmt: skip
        self.account, self.order_id, self.record, self.seat = account, order_id, record, seat
        self.quantity, self.owner = quantity, owner
        # The very objects that indexes hold: compiled code would make others for each look-up.
        self.key: Any = 0
        self.number: Any = order_id if record is None else record.number

    @property
    def price(self) -> int:
        """Price in ticks."""
        key: int = self.key
        return abs(key)


MakerFill = tuple[RestingOrder, int, int]
"""(maker, price, lots). The maker is without lots if it left the book."""


@mypyc_attr(acyclic=True)
class Level:
    """All orders at one price, the oldest first. `quantity` is the sum of their lots, 0 = nobody.

    What stands before `first` in `queue` has traded; `gone` of those behind it were removed and have no lots.
    """

    __slots__ = ("first", "gone", "key", "price", "quantity", "queue")

    def __init__(self, price: int, key: Any) -> None:
        self.price, self.key = price, key
        self.queue: list[RestingOrder] = []
        self.quantity = self.first = self.gone = 0

    @property
    def orders(self) -> int:
        """How many orders rest here."""
        return len(self.queue) - self.first - self.gone

    def __iter__(self) -> Iterator[RestingOrder]:
        for order in islice(self.queue, self.first, None):
            if order.quantity:
                yield order

    def backwards(self) -> Iterator[RestingOrder]:
        """Orders from the newest to the oldest."""
        for index in range(len(self.queue) - 1, self.first - 1, -1):
            if (order := self.queue[index]).quantity:
                yield order

    @property
    def head(self) -> RestingOrder:
        """The oldest order of a level that is not empty. What is gone before it is looked at only once."""
        while not (order := self.queue[self.first]).quantity:
            self.first += 1
            self.gone -= 1
        return order

    @property
    def tail(self) -> RestingOrder | None:
        """The newest order."""
        return next(self.backwards(), None)

    def close_up(self) -> None:
        """Forget all that is gone."""
        self.queue = list(self)
        self.first = self.gone = 0

    def quantity_of(self, account: str) -> int:
        """Lots of one account at this price."""
        return sum(order.quantity for order in self.queue if order.account == account)


class BookSide:
    """Bids or asks. `keys` is the heap of all levels' keys, those of emptied levels too."""

    __slots__ = ("_empty", "_levels", "_orders", "_sign", "keys", "side")

    def __init__(self, side: Side, orders: dict[int, RestingOrder], levels: dict[int, Level]) -> None:
        self.side, self._sign, self._orders, self._levels = side, -side.sign, orders, levels
        self.keys: list[int] = []
        self._empty = 0

    def best(self) -> Level | None:
        """The best level that is not empty."""
        keys, levels = self.keys, self._levels
        while keys:
            level = levels[keys[0]]
            if level.quantity:
                return level
            del levels[heappop(keys)]
            self._empty -= 1
        return None

    def level(self, price: int) -> Level | None:
        """The level at a price, which may be empty."""
        return self._levels.get(price * self._sign)

    def quantity(self, price: int) -> int:
        """Lots at a price."""
        level = self._levels.get(price * self._sign)
        return 0 if level is None else level.quantity

    def reaches(self, price: int, limit: int | None) -> bool:
        """True when an order of this side at `price` may trade with a taker whose limit is `limit` (None = any)."""
        return limit is None or price * self._sign <= limit * self._sign

    def best_first(self) -> Iterator[Level]:
        """Levels from the best one on; the side must not change meanwhile. Costs O(log n) for each one taken."""
        # A heap is a tree of which no child comes before its parent, so only children of what was taken can be next.
        keys = self.keys
        frontier = [(keys[0], 0)] if keys else []
        while frontier:
            key, index = heappop(frontier)
            level = self._levels[key]
            if level.quantity:
                yield level
            for child in (2 * index + 1, 2 * index + 2):
                if child < len(keys):
                    heappush(frontier, (keys[child], child))

    def through(self, limit: int | None) -> list[Level]:
        """Levels that a taker with this limit may reach (None = all), best first."""
        reached = list[Level]()
        for level in self.best_first():
            if not self.reaches(level.price, limit):
                break
            reached.append(level)
        return reached

    def top(self, count: int) -> list[tuple[int, int]]:
        """(price, quantity) of the best levels, best first."""
        return [(level.price, level.quantity) for level in islice(self.best_first(), count)]

    def depth(self, count: int) -> list[tuple[int, int, int]]:
        """(price, quantity, orders) of the best levels, best first."""
        return [(level.price, level.quantity, level.orders) for level in islice(self.best_first(), count)]

    def append(self, price: int, order: RestingOrder) -> None:
        """Queue an order, which has lots and rests nowhere yet, behind everybody at its price."""
        key: Any = -price if self.side is BUY else price
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = Level(price, key)
            heappush(self.keys, key)
        elif not level.quantity:
            self._empty -= 1
        order.key = level.key
        level.queue.append(order)
        level.quantity += order.quantity
        if order.order_id:
            self._orders[order.number] = order

    def take(self, lots: int, limit: int | None, owner: str, fills: list[MakerFill]) -> int:
        """Trade with the best orders until `lots`, the limit (None = any price) or an order of `owner` is reached.

        Adds what traded to `fills` and returns the lots left. An empty owner meets no order of its own.
        """
        keys = self.keys
        bound = ANY_KEY if limit is None else limit * self._sign
        while lots and keys and keys[0] <= bound:
            level = self._levels[keys[0]]
            if not level.quantity:
                self._empty -= 1
            queue = level.queue
            while lots and level.quantity:
                maker = queue[level.first]
                quantity = maker.quantity
                if not quantity:
                    level.gone -= 1
                elif maker.owner == owner and owner:
                    return lots
                elif quantity > lots:
                    maker.quantity = quantity - lots
                    level.quantity -= lots
                    fills.append((maker, level.price, lots))
                    lots = 0
                    break
                else:
                    lots -= quantity
                    level.quantity -= quantity
                    maker.quantity = 0
                    fills.append((maker, level.price, quantity))
                    if maker.order_id:
                        del self._orders[maker.number]
                level.first += 1
            if level.quantity:
                if level.first > GONE_ORDERS_KEPT and 2 * level.first > len(queue):
                    level.close_up()
                return lots
            del self._levels[heappop(keys)]
        return lots

    def grow(self, order: RestingOrder, lots: int) -> None:
        """Add lots to the last order of a level: nobody is behind it, so nobody is passed."""
        level = self._levels[order.key]
        if level.tail is not order:
            raise ValueError(f"order {order.order_id} is not the last of its level")
        order.quantity += lots
        level.quantity += lots

    def note_empty(self) -> None:
        """A removal has emptied a level."""
        self._empty += 1
        if self._empty > EMPTY_LEVELS_KEPT and self._empty * 2 > len(self.keys):
            keys, self.keys, self._empty = self.keys, [], 0
            for key in keys:
                if self._levels[key].quantity:
                    self.keys.append(key)
                else:
                    del self._levels[key]
            heapify(self.keys)


class OrderBook:
    """Both sides of one market, and all orders that have a number."""

    __slots__ = ("_levels", "asks", "bids", "orders")

    def __init__(self) -> None:
        self.orders: dict[int, RestingOrder] = {}
        self._levels: dict[int, Level] = {}
        self.bids = BookSide(Side.BUY, self.orders, self._levels)
        self.asks = BookSide(Side.SELL, self.orders, self._levels)

    def lots_at(self, key: Any) -> int:
        """Lots at the price that a key stands for."""
        level = self._levels.get(key)
        return 0 if level is None else level.quantity

    def side(self, side: Side) -> BookSide:
        """Where orders of a side rest."""
        return self.bids if side is BUY else self.asks

    def opposite(self, side: Side) -> BookSide:
        """What takers of a side meet."""
        return self.asks if side is BUY else self.bids

    def remove(self, order: RestingOrder) -> None:
        """Take an order off, whole."""
        lots = order.quantity
        if not lots:
            raise ValueError(f"order {order.order_id} does not rest")
        level = self._levels[order.key]
        level.quantity = left = level.quantity - lots
        order.quantity = 0
        if order.order_id:
            del self.orders[order.number]
        if left:
            level.gone = gone = level.gone + 1
            if gone > GONE_ORDERS_KEPT and 2 * (gone + level.first) > len(level.queue):
                level.close_up()
        else:
            level.queue.clear()
            level.first = level.gone = 0
            (self.bids if order.key < 0 else self.asks).note_empty()

    def reduce(self, order: RestingOrder, lots: int) -> None:
        """Take lots off an order that keeps its place; an order without lots leaves the queue."""
        if lots > order.quantity:
            raise ValueError(f"order {order.order_id} does not rest with {lots} lots")
        if lots == order.quantity:
            self.remove(order)
        else:
            order.quantity -= lots
            self._levels[order.key].quantity -= lots

    @property
    def is_crossed(self) -> bool:
        """True when the best bid is not below the best ask, which must never be seen between commands."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid.price >= ask.price
