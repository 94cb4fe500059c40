"""One order book by price: a dict of quantities and a sorted list of prices a side."""

from bisect import bisect_left, insort
from collections.abc import Iterable

from common.venues.events import Level

LEVELS_PER_SIDE_MAX = 10_000


class BookSide:
    """Levels of one side. `sign` is -1 for bids and +1 for asks, so the sorted keys begin with the best price."""

    __slots__ = ("_keys", "_quantities", "_sign")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._quantities: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def load(self, levels: Iterable[Level]) -> None:
        """Replace everything."""
        self._quantities = {price * self._sign: quantity for price, quantity in levels if quantity}
        self._keys = sorted(self._quantities)

    def apply(self, levels: Iterable[Level]) -> None:
        """Set absolute quantities; 0 deletes. Levels past LEVELS_PER_SIDE_MAX are forgotten, the worst first."""
        quantities, keys, sign = self._quantities, self._keys, self._sign
        for price, quantity in levels:
            key = price * sign
            if quantity:
                if key not in quantities:
                    insort(keys, key)
                quantities[key] = quantity
            elif quantities.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]
        while len(keys) > LEVELS_PER_SIDE_MAX:
            del quantities[keys.pop()]

    def top(self, count: int) -> list[Level]:
        """The best levels, best first."""
        quantities, sign = self._quantities, self._sign
        return [(key * sign, quantities[key]) for key in self._keys[:count]]

    def top_behind(self, touch: Level, count: int) -> list[Level]:
        """The best levels as they must be once the touch is known to be `touch`: what was better is gone."""
        price, _quantity = touch
        key = price * self._sign
        start = bisect_left(self._keys, key)
        if start < len(self._keys) and self._keys[start] == key:
            start += 1
        quantities, sign = self._quantities, self._sign
        return [touch, *((k * sign, quantities[k]) for k in self._keys[start : start + count - 1])]


class Book:
    """Both sides of a book in ticks and lots."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids, self.asks = BookSide(-1), BookSide(1)

    def load(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace both sides."""
        self.bids.load(bids)
        self.asks.load(asks)

    def apply(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Set absolute quantities on both sides; 0 deletes."""
        self.bids.apply(bids)
        self.asks.apply(asks)

    def touch(self) -> tuple[Level, Level] | None:
        """Best bid and best ask, or None while a side is empty."""
        bids, asks = self.bids.top(1), self.asks.top(1)
        return (bids[0], asks[0]) if bids and asks else None

    @property
    def is_sound(self) -> bool:
        """True when both sides exist and the best bid is below the best ask."""
        touch = self.touch()
        return touch is not None and touch[0][0] < touch[1][0]
