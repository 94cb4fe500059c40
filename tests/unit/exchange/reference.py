"""A slow, obvious order book: one list in time order, searched from its start. It judges the fast one."""

from collections.abc import Callable
from dataclasses import dataclass

from common.model.order import Side

WORLD = "market"


@dataclass
class Resting:
    """One order or one piece of the world's liquidity."""

    account: str
    side: Side
    price: int
    lots: int
    order_id: int = 0


Trade = tuple[str, int, str, int, int, int]
"""(maker account, maker order, taker account, taker order, price, lots)."""


class ReferenceBook:
    """Every rule of the exchange's matching, written as plainly as it can be."""

    def __init__(self) -> None:
        self.resting: list[Resting] = []
        self.trades: list[Trade] = []
        self.expired: list[int] = []

    def sizes(self, side: Side) -> dict[int, int]:
        """Lots by price."""
        sizes: dict[int, int] = {}
        for order in self.resting:
            if order.side is side:
                sizes[order.price] = sizes.get(order.price, 0) + order.lots
        return sizes

    def queue(self, side: Side, price: int) -> list[tuple[str, int, int]]:
        """(account, order, lots) at a price in time order."""
        return [(o.account, o.order_id, o.lots) for o in self.resting if (o.side, o.price) == (side, price)]

    def take(self, account: str, order_id: int, side: Side, limit: int, lots: int) -> int:
        """Trade against the best opposite orders; the account's own ones expire. Returns what did not trade."""
        while lots:
            makers = [o for o in self.resting if o.side is not side and (limit - o.price) * side.sign >= 0]
            if not makers:
                break
            maker = min(makers, key=lambda o: o.price * side.sign)  # min returns the first, which is the oldest
            if maker.account == account != WORLD:
                self._drop(maker)
                self.expired.append(maker.order_id)
                continue
            traded = min(lots, maker.lots)
            self.trades.append((maker.account, maker.order_id, account, order_id, maker.price, traded))
            maker.lots -= traded
            lots -= traded
            if not maker.lots:
                self._drop(maker)
        return lots

    def place(self, account: str, order_id: int, side: Side, price: int, lots: int, rests: bool) -> None:
        """A limit order that rests (GTC) or not (IOC)."""
        left = self.take(account, order_id, side, price, lots)
        if left and rests:
            self.resting.append(Resting(account, side, price, left, order_id))

    def takeable(self, account: str, side: Side, limit: int) -> int:
        """Lots of other accounts within a limit."""
        return sum(
            o.lots
            for o in self.resting
            if o.side is not side and (limit - o.price) * side.sign >= 0 and o.account != account
        )

    def cancel(self, order_id: int) -> bool:
        """Take an order off; False if it does not rest."""
        for order in self.resting:
            if order.order_id == order_id:
                self._drop(order)
                return True
        return False

    def set_levels(self, levels: list[tuple[Side, int, int]]) -> None:
        """Absolute sizes of the world's liquidity: first all that shrinks, then all that grows."""
        differences = [(side, price, lots - self._world_at(side, price)) for side, price, lots in levels]
        for side, price, difference in differences:
            self._shrink(side, price, max(0, -difference))
        for side, price, difference in differences:
            if difference > 0:
                self._offer(side, price, difference)

    def set_touch(self, bid: tuple[int, int], ask: tuple[int, int]) -> None:
        """Best bid and ask of the world."""
        self._drop_world(Side.BUY, lambda price: price > bid[0])
        self._drop_world(Side.SELL, lambda price: price < ask[0])
        self.set_levels([(Side.BUY, *bid), (Side.SELL, *ask)])

    def print_trade(self, side: Side, price: int, lots: int) -> None:
        """Somebody out there took lots at a price."""
        maker_side = side.opposite
        self._drop_world(maker_side, lambda other: (price - other) * side.sign > 0)
        missing = lots - sum(
            o.lots for o in self.resting if o.side is maker_side and (price - o.price) * side.sign >= 0
        )
        if missing > 0:
            self._offer(maker_side, price, missing)
        self.take(WORLD, 0, side, price, lots)

    def _offer(self, side: Side, price: int, lots: int) -> None:
        self._drop_world(side.opposite, lambda other: (price - other) * side.sign >= 0)
        left = self.take(WORLD, 0, side, price, lots)
        if not left:
            return
        last = [order for order in self.resting if (order.side, order.price) == (side, price)][-1:]
        if last and last[0].account == WORLD:
            last[0].lots += left  # nobody stands between the two pieces, so they trade as one
        else:
            self.resting.append(Resting(WORLD, side, price, left))

    def _shrink(self, side: Side, price: int, lots: int) -> None:
        for order in reversed(list(self.resting)):
            if (order.account, order.side, order.price) == (WORLD, side, price):
                taken = min(lots, order.lots)
                order.lots -= taken
                lots -= taken
                if not order.lots:
                    self._drop(order)

    def _drop_world(self, side: Side, gone: Callable[[int], bool]) -> None:
        for order in list(self.resting):
            if order.account == WORLD and order.side is side and gone(order.price):
                self._drop(order)

    def _world_at(self, side: Side, price: int) -> int:
        return sum(o.lots for o in self.resting if (o.account, o.side, o.price) == (WORLD, side, price))

    def _drop(self, order: Resting) -> None:
        self.resting = [o for o in self.resting if o is not order]
