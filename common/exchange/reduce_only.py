"""Reduce-only orders: they may bring a position towards zero, never past it and never away from it."""

from collections.abc import Callable, Iterable

from common.exchange.book import RestingOrder

PositionOf = Callable[[str], int]
"""Net lots of an account in one market; a short position is negative."""


def reducible(position: int, sells: bool) -> int:
    """Lots that a sell (or a buy) may trade before a position is flat."""
    return max(0, position if sells else -position)


def shrinks(before: int, after: int) -> bool:
    """True when a position came closer to zero, or passed it."""
    return abs(after) < abs(before) or before * after < 0


def kept(position: int, orders: Iterable[tuple[int, bool, int]]) -> dict[int, int]:
    """Lots that each of (number, sells, lots), oldest first, may keep so that all together do not pass zero."""
    left = {True: reducible(position, True), False: reducible(position, False)}
    keeps = dict[int, int]()
    for order_id, sells, lots in orders:
        keeps[order_id] = min(lots, left[sells])
        left[sells] -= keeps[order_id]
    return keeps


class ReduceOnlyOrders:
    """The resting reduce-only orders of one market, by number, oldest first."""

    def __init__(self, position: PositionOf) -> None:
        self.position = position
        self.orders: dict[int, RestingOrder] = {}

    def of(self, account: str) -> list[tuple[int, bool, int]]:
        """(number, sells, lots) of an account's orders."""
        return [
            (each.order_id, each.key > 0, each.quantity) for each in self.orders.values() if each.account == account
        ]

    def allowed(self, maker: RestingOrder) -> int:
        """Lots that a maker may trade now."""
        if maker.order_id not in self.orders:
            return maker.quantity
        return min(maker.quantity, reducible(self.position(maker.account), maker.key > 0))

    def excess(self, account: str, before: int) -> list[tuple[RestingOrder, int]]:
        """Orders, and lots of them, that must go because the account's position was `before` and has shrunk."""
        after = self.position(account)
        if not shrinks(before, after):
            return []
        orders = self.of(account)
        keeps = kept(after, orders)
        return [(self.orders[each], lots - keeps[each]) for each, _, lots in orders if lots > keeps[each]]


class ReduceOnlyPlan:
    """What reduce-only will let a taker trade, without trading: positions and orders as they would become."""

    def __init__(self, resting: ReduceOnlyOrders, taker: str, taker_sells: bool) -> None:
        self._resting, self._taker, self._taker_sells = resting, taker, taker_sells
        self._positions = dict[str, int]()
        self._lots = dict[int, int]()

    def take(self, maker: RestingOrder, wanted: int) -> int:
        """Lots that the taker gets of a maker."""
        lots = min(wanted, maker.quantity)
        if maker.order_id in self._resting.orders:
            allowed = reducible(self._position(maker.account), maker.key > 0)
            held = self._lots.get(maker.order_id, maker.quantity)
            lots = min(lots, held, allowed)
            self._lots[maker.order_id] = held - lots
        self._move(maker.account, lots * (1 if self._taker_sells else -1))
        self._move(self._taker, lots * (-1 if self._taker_sells else 1))
        return lots

    def _position(self, account: str) -> int:
        return self._positions.get(account, self._resting.position(account))

    def _move(self, account: str, lots: int) -> None:
        before = self._position(account)
        self._positions[account] = before + lots
        if shrinks(before, before + lots):
            orders = [(each, sells, self._lots.get(each, now)) for each, sells, now in self._resting.of(account)]
            self._lots |= kept(before + lots, orders)
