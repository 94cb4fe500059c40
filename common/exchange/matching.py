"""Matching in one market: what a taker meets, in price-time order, and how the external account's levels change."""

from collections.abc import Callable
from dataclasses import dataclass

from common.exchange.book import BookSide, Level, OrderBook, RestingOrder
from common.exchange.commands import LevelSizes, SelfTradePrevention
from common.exchange.events import EXTERNAL_ACCOUNT
from common.model.order import Side


@dataclass(slots=True)
class Taker:
    """An order on its way through the book. `limit_ticks` None takes at any price; `order_id` 0 is the world's."""

    account: str
    side: Side
    limit_ticks: int | None
    lots: int
    order_id: int = 0
    client_order_id: str = ""
    mode: SelfTradePrevention = SelfTradePrevention.EXPIRE_MAKER
    stopped: bool = False


Trade = Callable[[Taker, RestingOrder, int, int], None]
"""Called with taker, maker, price and lots for each trade, before the maker's quantity is reduced."""

Expire = Callable[[RestingOrder], None]
"""Called for each maker that self-trade prevention takes off the book."""


class Market:
    """One order book, the prices touched since they were last asked for, and the callbacks of its exchange."""

    def __init__(self, on_trade: Trade, on_expire: Expire) -> None:
        self.book = OrderBook()
        self._on_trade, self._on_expire = on_trade, on_expire
        self._touched: dict[tuple[Side, int], None] = {}

    def take_touched(self) -> list[tuple[Side, int]]:
        """Side and price of every level that changed since the last call, in order of first change."""
        touched = list(self._touched)
        self._touched.clear()
        return touched

    def rest(self, side: Side, price: int, order: RestingOrder) -> None:
        """Queue an order that crosses nothing."""
        self.book.side(side).append(price, order)
        self._touched[side, price] = None

    def remove(self, side: Side, order: RestingOrder) -> None:
        """Take an order off the book."""
        self._reduce(self.book.side(side), order, order.quantity)

    def match(self, taker: Taker) -> None:
        """Trade until the taker is filled, reaches its limit, or self-trade prevention stops it."""
        makers = self.book.side(taker.side.opposite)
        while taker.lots and not taker.stopped:
            level = makers.best()
            if level is None or not makers.reaches(level.price, taker.limit_ticks):
                return
            maker = level.head
            assert maker is not None  # best() returns no empty level
            if maker.account == taker.account and taker.account != EXTERNAL_ACCOUNT:
                self._prevent_self_trade(makers, maker, taker)
            else:
                lots = min(taker.lots, maker.quantity)
                self._on_trade(taker, maker, level.price, lots)
                taker.lots -= lots
                self._reduce(makers, maker, lots)

    def reachable(self, taker: Taker) -> list[tuple[int, int]]:
        """(price, lots) that the taker could trade, best first, without trading: what FOK and market orders ask."""
        found, wanted = list[tuple[int, int]](), taker.lots
        for level in self.book.side(taker.side.opposite).through(taker.limit_ticks):
            for maker in level:
                if maker.account == taker.account:
                    if taker.mode is not SelfTradePrevention.EXPIRE_MAKER:
                        return found
                    continue
                lots = min(wanted, maker.quantity)
                found.append((level.price, lots))
                wanted -= lots
                if not wanted:
                    return found
        return found

    def set_external(self, bids: LevelSizes, asks: LevelSizes) -> None:
        """Make the external account's size at each price absolute. Shrinking goes first, so nothing crosses halfway."""
        changes = [(self.book.bids, *level) for level in bids] + [(self.book.asks, *level) for level in asks]
        growing = list[tuple[BookSide, int, int]]()
        for makers, price, target in changes:
            level = makers.level(price)
            more = target - (0 if level is None else level.quantity_of(EXTERNAL_ACCOUNT))
            if more > 0:
                growing.append((makers, price, more))
            elif more < 0 and level is not None:
                self._shrink_external(makers, level, -more)
        for makers, price, more in growing:
            self._offer_external(makers, price, more)

    def drop_external_better(self, side: Side, price: int) -> None:
        """Remove the external account's liquidity at prices better than `price`."""
        self._drop_external(self.book.side(side), price + side.sign)

    def top_up_external(self, side: Side, price: int, lots: int) -> None:
        """Let at least `lots` be takeable at `price` or better, by external size behind everybody at that price."""
        makers = self.book.side(side)
        missing = lots - sum(level.quantity for level in makers.through(price))
        if missing > 0:
            self._offer_external(makers, price, missing)

    def _offer_external(self, makers: BookSide, price: int, lots: int) -> None:
        opposite = self.book.side(makers.side.opposite)
        best = opposite.best()
        if best is not None and opposite.reaches(best.price, price):
            # The newest word of the outside world wins over its older one; then what crosses is ours and trades.
            self._drop_external(opposite, price)
            arriving = Taker(EXTERNAL_ACCOUNT, makers.side, price, lots)
            self.match(arriving)
            lots = arriving.lots
        if lots:
            level = makers.level(price)
            if level is not None and level.tail is not None and level.tail.account == EXTERNAL_ACCOUNT:
                makers.grow(level.tail, lots)
            else:
                makers.append(price, RestingOrder(EXTERNAL_ACCOUNT, 0, "", lots))
            self._touched[makers.side, price] = None

    def _drop_external(self, makers: BookSide, limit: int) -> None:
        best = makers.best()
        if best is None or not makers.reaches(best.price, limit):
            return
        for level in makers.through(limit):
            if lots := level.quantity_of(EXTERNAL_ACCOUNT):
                self._shrink_external(makers, level, lots)

    def _shrink_external(self, makers: BookSide, level: Level, lots: int) -> None:
        for order in level.backwards():
            if order.account == EXTERNAL_ACCOUNT:
                taken = min(lots, order.quantity)
                self._reduce(makers, order, taken)
                lots -= taken
                if not lots:
                    return

    def _prevent_self_trade(self, makers: BookSide, maker: RestingOrder, taker: Taker) -> None:
        if taker.mode is not SelfTradePrevention.EXPIRE_TAKER:
            self._on_expire(maker)
            self._reduce(makers, maker, maker.quantity)
        if taker.mode is not SelfTradePrevention.EXPIRE_MAKER:
            taker.stopped = True

    def _reduce(self, makers: BookSide, order: RestingOrder, lots: int) -> None:
        level = order.level
        assert level is not None  # only orders of the book get here
        self._touched[makers.side, level.price] = None
        makers.reduce(order, lots)
