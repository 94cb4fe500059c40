"""Price-time order book: a heap of price keys, a dict of levels, an intrusive first-in-first-out list in each level.

Best price, adding, reducing and cancelling cost O(1), amortised O(log levels) where a price appears or goes. A level
that cancels have emptied stays until it reaches the top or until empty levels are half of a side.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from common.model.order import Side

EMPTY_LEVELS_KEPT = 64


class RestingOrder:
    """One order in its level's queue, with its neighbours in time."""

    __slots__ = ("account", "after", "before", "client_order_id", "level", "order_id", "quantity")

    def __init__(self, account: str, order_id: int, client_order_id: str, quantity: int) -> None:
        self.account, self.order_id, self.client_order_id = account, order_id, client_order_id
        self.quantity = quantity
        self.before: RestingOrder | None = None
        self.after: RestingOrder | None = None
        self.level: Level | None = None


class Level:
    """All orders at one price, the oldest at `head`. `quantity` is their sum in lots."""

    __slots__ = ("head", "price", "quantity", "tail")

    def __init__(self, price: int) -> None:
        self.price, self.quantity = price, 0
        self.head: RestingOrder | None = None
        self.tail: RestingOrder | None = None

    def __iter__(self) -> Iterator[RestingOrder]:
        order = self.head
        while order is not None:
            following = order.after
            yield order
            order = following

    def backwards(self) -> Iterator[RestingOrder]:
        """Orders from the newest to the oldest; the one just yielded may be removed."""
        order = self.tail
        while order is not None:
            preceding = order.before
            yield order
            order = preceding

    def quantity_of(self, account: str) -> int:
        """Lots of one account at this price."""
        return sum(order.quantity for order in self if order.account == account)


class BookSide:
    """Bids or asks. Keys are prices with the sign that puts the best one first."""

    __slots__ = ("_empty", "_keys", "_levels", "_sign", "side")

    def __init__(self, side: Side) -> None:
        self.side, self._sign = side, -side.sign
        self._keys: list[int] = []
        self._levels: dict[int, Level] = {}
        self._empty = 0

    def best(self) -> Level | None:
        """The best level that is not empty."""
        keys, levels, sign = self._keys, self._levels, self._sign
        while keys:
            level = levels[keys[0] * sign]
            if level.head is not None:
                return level
            heappop(keys)
            del levels[level.price]
            self._empty -= 1
        return None

    def level(self, price: int) -> Level | None:
        """The level at a price, which may be empty."""
        return self._levels.get(price)

    def quantity(self, price: int) -> int:
        """Lots at a price."""
        level = self._levels.get(price)
        return 0 if level is None else level.quantity

    def reaches(self, price: int, limit: int | None) -> bool:
        """True when an order of this side at `price` may trade with a taker whose limit is `limit` (None = any)."""
        return limit is None or price * self._sign <= limit * self._sign

    def through(self, limit: int | None) -> list[Level]:
        """Levels that a taker with this limit may reach (None = all), best first. Costs O(levels returned)."""
        keys, bound = self._keys, None if limit is None else limit * self._sign
        reached, stack = [], [0]
        while stack:
            # A heap's keys below a bound form a tree at its root, so nothing else needs to be looked at.
            index = stack.pop()
            if index < len(keys) and (bound is None or keys[index] <= bound):
                reached.append(keys[index])
                stack += (2 * index + 1, 2 * index + 2)
        reached.sort()
        levels, sign = self._levels, self._sign
        return [level for key in reached if (level := levels[key * sign]).head is not None]

    def top(self, count: int) -> list[tuple[int, int]]:
        """(price, quantity) of the best levels, best first. Costs O(levels returned), empty ones included."""
        keys, found = self._keys, list[tuple[int, int]]()
        frontier = [(keys[0], 0)] if keys else []
        while frontier and len(found) < count:
            key, index = heappop(frontier)
            if quantity := self._levels[key * self._sign].quantity:
                found.append((key * self._sign, quantity))
            for child in (2 * index + 1, 2 * index + 2):
                if child < len(keys):
                    heappush(frontier, (keys[child], child))
        return found

    def append(self, price: int, order: RestingOrder) -> None:
        """Queue an order behind everybody at its price."""
        level = self._levels.get(price)
        if level is None:
            level = self._levels[price] = Level(price)
            heappush(self._keys, price * self._sign)
        elif level.head is None:
            self._empty -= 1
        order.level, order.before = level, level.tail
        if level.tail is None:
            level.head = order
        else:
            level.tail.after = order
        level.tail = order
        level.quantity += order.quantity

    def reduce(self, order: RestingOrder, lots: int) -> None:
        """Take lots off an order that keeps its place; an order without lots leaves the queue."""
        level = order.level
        if level is None or lots > order.quantity:
            raise ValueError(f"order {order.order_id} does not rest with {lots} lots")
        order.quantity -= lots
        level.quantity -= lots
        if not order.quantity:
            self._unlink(order, level)

    def grow(self, order: RestingOrder, lots: int) -> None:
        """Add lots to the last order of a level: nobody is behind it, so nobody is passed."""
        level = order.level
        if level is None or level.tail is not order:
            raise ValueError(f"order {order.order_id} is not the last of its level")
        order.quantity += lots
        level.quantity += lots

    def _unlink(self, order: RestingOrder, level: Level) -> None:
        if order.before is None:
            level.head = order.after
        else:
            order.before.after = order.after
        if order.after is None:
            level.tail = order.before
        else:
            order.after.before = order.before
        order.level = order.before = order.after = None
        if level.head is None:
            self._empty += 1
            if self._empty > EMPTY_LEVELS_KEPT and self._empty * 2 > len(self._keys):
                self._compact()

    def _compact(self) -> None:
        self._levels = {price: level for price, level in self._levels.items() if level.head is not None}
        self._keys = [price * self._sign for price in self._levels]
        heapify(self._keys)
        self._empty = 0


class OrderBook:
    """Both sides of one market."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids, self.asks = BookSide(Side.BUY), BookSide(Side.SELL)

    def side(self, side: Side) -> BookSide:
        """Where orders of a side rest."""
        return self.bids if side is Side.BUY else self.asks

    @property
    def is_crossed(self) -> bool:
        """True when the best bid is not below the best ask, which must never be seen between commands."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid is not None and ask is not None and bid.price >= ask.price
