"""A recorded list of book operations: 55 % limit orders, 40 % cancels, 5 % market orders, always the same for a seed.

Each operation is four integers: LIMIT side price lots, MARKET side 0 lots, CANCEL 0 number 0. Orders have numbers
from 1 in the order of their coming, market orders included. Every cancel names an order that rests and no market order
asks for more than there is, so that all correct books agree on every fill. The book that is kept while recording
shares nothing with the one that is measured: it is a heap of orders, and what is gone stays in it until it comes up.
"""

import heapq
import random
from array import array
from collections.abc import Iterator
from pathlib import Path

LIMIT, CANCEL, MARKET = 0, 1, 2
BUY, SELL = 0, 1
START_PRICE = 100_000
DISTANCE_TICKS = 200
CROSSING_TICKS = 24
LOTS_MAX = 100

Operation = tuple[int, int, int, int]
Resting = list[int]
"""[price with the sign that puts the best first, number, lots left (0 = gone)]."""


def operations(count: int, seed: int) -> Iterator[Operation]:
    """`count` operations, (kind, side, price or number, lots) each."""
    draw, market = random.Random(seed), _Market()
    for _ in range(count):
        yield market.next(draw)


def record(count: int, seed: int, path: Path) -> None:
    """Write `count` operations to a file of native 64-bit integers."""
    rows = array("q")
    for operation in operations(count, seed):
        rows.extend(operation)
    with path.open("wb") as file:
        rows.tofile(file)


class _Market:
    def __init__(self) -> None:
        self.heaps: tuple[list[Resting], list[Resting]] = ([], [])
        self.orders, self.middle = 0, START_PRICE
        self.all: list[Resting] = []

    def next(self, draw: random.Random) -> Operation:
        """Draw an operation and carry it out."""
        kind, side, lots = draw.random(), draw.randint(BUY, SELL), draw.randint(1, LOTS_MAX)
        if kind < 0.40 and (number := self._cancel(draw)):
            return CANCEL, 0, number, 0
        if 0.40 <= kind < 0.45 and (taken := lots - self._take(side, None, lots)):
            self.orders += 1
            return MARKET, side, 0, taken
        self.middle += draw.choice((-1, 0, 1))
        away = int(draw.expovariate(1 / DISTANCE_TICKS)) - CROSSING_TICKS
        price = self.middle - away if side == BUY else self.middle + away
        self._place(side, price, lots)
        return LIMIT, side, price, lots

    def _cancel(self, draw: random.Random) -> int:
        while self.all:
            index = draw.randrange(len(self.all))
            self.all[index], self.all[-1] = self.all[-1], self.all[index]
            order = self.all.pop()
            if order[2]:
                order[2] = 0
                return order[1]
        return 0

    def _place(self, side: int, price: int, lots: int) -> None:
        self.orders += 1
        if left := self._take(side, price, lots):
            order = [-price if side == BUY else price, self.orders, left]
            heapq.heappush(self.heaps[side], order)
            self.all.append(order)

    def _take(self, side: int, limit: int | None, lots: int) -> int:
        heap = self.heaps[1 - side]
        while heap and lots:
            maker = heap[0]
            price = maker[0] if side == BUY else -maker[0]
            if limit is not None and maker[2] and (price > limit if side == BUY else price < limit):
                break
            taken = min(lots, maker[2])
            maker[2] -= taken
            lots -= taken
            if not maker[2]:
                heapq.heappop(heap)
        return lots
