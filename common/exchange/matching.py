"""Matching in one market: what a taker meets in price-time order, self-trade prevention, reduce-only."""

from abc import ABC, abstractmethod
from typing import Any

from mypy_extensions import mypyc_attr

from common.exchange.book import ANY_KEY, BUY, BookSide, MakerFill, OrderBook, RestingOrder
from common.exchange.commands import SelfTradePrevention
from common.exchange.events import REDUCE_ONLY, SELF_TRADE
from common.exchange.facts import MarketFacts
from common.exchange.money import Scale
from common.exchange.record import OrderRecord
from common.exchange.reduce_only import PositionOf, ReduceOnlyOrders, ReduceOnlyPlan
from common.exchange.seat import Seat
from common.exchange.stops import StopBook
from common.model.instrument import Instrument
from common.model.order import Side


@mypyc_attr(acyclic=True)
class Taker:
    """An order on its way through the book. `limit_ticks` None takes at any price; the outside world's has no record.

    `owner` is whose resting orders it does not trade with; empty = it trades with all. `seat` is None before the first
    order of an account in a market came in.
    """

    __slots__ = ("account", "limit_ticks", "lots", "owner", "record", "seat", "side", "stopped")

    def __init__(
        self, account: str, side: Side, limit_ticks: int | None, lots: int, owner: str = "",
        record: OrderRecord | None = None, seat: Seat | None = None,
    ) -> None:  # fmt: skip
        self.seat = seat
        self.account, self.side, self.limit_ticks, self.lots = account, side, limit_ticks, lots
        self.owner, self.record, self.stopped = owner, record, False

    @property
    def order_id(self) -> int:
        """The order's number, 0 = the world's."""
        return 0 if self.record is None else self.record.order_id

    @property
    def mode(self) -> SelfTradePrevention:
        """What becomes of it when it meets an order of its own owner."""
        return SelfTradePrevention.NONE if self.record is None else self.record.self_trade_prevention


class Clerk(ABC):
    """Who writes down what a market does, as it does it."""

    @abstractmethod
    def trade(self, market: "Market", taker: Taker, maker: RestingOrder, price: int, lots: int) -> None:
        """A taker and a maker have met."""

    @abstractmethod
    def expire_resting(self, order_id: int, reason: str) -> None:
        """The venue ends a resting order."""

    @abstractmethod
    def shrink(self, order_id: int, lots: int, reason: str) -> None:
        """The venue takes some of the open lots of an order."""

    @abstractmethod
    def prevent(self, symbol: str, taker: Taker, maker: RestingOrder) -> None:
        """A taker and a maker of one owner have met, before either changes."""


class Market:
    """One order book, what waits outside of it, and the prices touched since they were last asked for.

    Beside them what every order asks for: how ticks and lots become units, how many lots an order may have, and the
    seats of all accounts here.
    """

    def __init__(
        self, instrument: Instrument, scale: Scale, seats: dict[str, Seat], clerk: Clerk, facts: MarketFacts,
        position: PositionOf,
    ) -> None:  # fmt: skip
        self.symbol, self.scale, self.seats = instrument.symbol, scale, seats
        self.lots_min, self.lots_max = instrument.quantity_lots_min, instrument.quantity_lots_max
        self.book, self.stops, self.facts = OrderBook(), StopBook(), facts
        self.reduce_only = ReduceOnlyOrders(position)
        self._clerk = clerk
        self._touched: dict[int, None] = {}

    def take_touched(self) -> list[Any]:
        """The very key of every level that changed since the last call, in order of first change."""
        touched = list(self._touched)
        self._touched.clear()
        return touched

    def rest(self, side: Side, price: int, order: RestingOrder) -> None:
        """Queue an order that crosses nothing."""
        (self.book.bids if side is BUY else self.book.asks).append(price, order)
        self._touched[order.key] = None

    def queue(self, order: OrderRecord, owner: str, seat: Seat) -> None:
        """Queue what is open of a customer's order."""
        lots = order.quantity_lots - order.filled_lots
        resting = RestingOrder(order.account, order.order_id, lots, owner, order, seat)
        (self.book.bids if order.side is BUY else self.book.asks).append(order.price_ticks, resting)
        self._touched[resting.key] = None
        if order.reduce_only:
            self.reduce_only.orders[order.order_id] = resting

    def take_off(self, order: OrderRecord) -> None:
        """Let an open order neither rest nor wait."""
        if order.is_waiting:
            self.stops.remove(order.order_id)
        resting = self.book.orders.get(order.number)
        if resting is not None:
            self.remove(resting)

    def remove(self, order: RestingOrder) -> None:
        """Take a resting order off, whole."""
        self._touched[order.key] = None
        self.book.remove(order)
        if self.reduce_only.orders:
            self.reduce_only.orders.pop(order.order_id, None)

    def reduce(self, order: RestingOrder, lots: int) -> None:
        """Take lots off a resting order, which keeps its place; without any it leaves."""
        self._touched[order.key] = None
        self.book.reduce(order, lots)
        if not order.quantity:
            self.reduce_only.orders.pop(order.order_id, None)

    def grow(self, makers: BookSide, order: RestingOrder, lots: int) -> None:
        """Add lots to the last order of a level."""
        makers.grow(order, lots)
        self._touched[order.key] = None

    def match(self, taker: Taker) -> None:
        """Trade until the taker is filled, reaches its limit, or self-trade prevention stops it."""
        if taker.side is BUY:
            makers, bound = self.book.asks, taker.limit_ticks
        else:
            makers, bound = self.book.bids, None if taker.limit_ticks is None else -taker.limit_ticks
        if bound is None:
            bound = ANY_KEY
        keys = makers.keys
        if not keys or keys[0] > bound:
            return  # most orders meet nobody: not even an emptied level is within their limit
        while taker.lots and not taker.stopped:
            level = makers.best()
            if level is None or makers.keys[0] > bound:
                return
            maker = level.head
            if taker.owner and maker.owner == taker.owner:
                self._prevent_self_trade(maker, taker)
            elif self.reduce_only.orders:
                self._take_one(maker, taker)
            else:
                self._take(taker, taker.lots)

    def reachable(self, taker: Taker) -> list[tuple[int, int]]:
        """(price, lots) that the taker could trade, best first, without trading: what FOK and market orders ask."""
        found, wanted = list[tuple[int, int]](), taker.lots
        makers = self.book.opposite(taker.side)
        resting = self.reduce_only
        plan = ReduceOnlyPlan(resting, taker.account, taker.side is Side.SELL) if resting.orders else None
        for level in makers.best_first():
            if not makers.reaches(level.price, taker.limit_ticks):
                break
            for maker in level:
                if taker.owner and maker.owner == taker.owner:
                    if taker.mode in (SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH):
                        return found
                    if taker.mode is SelfTradePrevention.DECREMENT:
                        wanted -= min(wanted, maker.quantity)
                elif lots := plan.take(maker, wanted) if plan else min(wanted, maker.quantity):
                    found.append((level.price, lots))
                    wanted -= lots
                if not wanted:
                    return found
        return found

    def _take(self, taker: Taker, lots: int) -> None:
        fills = list[MakerFill]()
        makers = self.book.opposite(taker.side)
        taker.lots -= lots - makers.take(lots, taker.limit_ticks, taker.owner, fills)
        for maker, price, traded in fills:
            self._touched[maker.key] = None
            self._clerk.trade(self, taker, maker, price, traded)

    def _take_one(self, maker: RestingOrder, taker: Taker) -> None:
        """Trade with one maker only: its trade may change what reduce-only orders behind it may do."""
        self._take_off(maker, maker.quantity - self.reduce_only.allowed(maker), REDUCE_ONLY)
        if not maker.quantity:
            return
        before = {account: self.reduce_only.position(account) for account in (maker.account, taker.account)}
        self._take(taker, min(taker.lots, maker.quantity))
        if not maker.quantity:
            self.reduce_only.orders.pop(maker.order_id, None)
        for account, position in before.items():
            self.trim(account, position)

    def trim(self, account: str, before: int) -> None:
        """Take off what an account's reduce-only orders may not keep, now that its position was `before`."""
        for order, lots in self.reduce_only.excess(account, before):
            self._take_off(order, lots, REDUCE_ONLY)

    def _take_off(self, order: RestingOrder, lots: int, reason: str) -> None:
        if lots == order.quantity:
            self._clerk.expire_resting(order.order_id, reason)
        elif lots:
            self._clerk.shrink(order.order_id, lots, reason)
        if lots:
            self.reduce(order, lots)

    def _prevent_self_trade(self, maker: RestingOrder, taker: Taker) -> None:
        self._clerk.prevent(self.symbol, taker, maker)
        if taker.mode is SelfTradePrevention.DECREMENT:
            lots = min(maker.quantity, taker.lots)
            self._take_off(maker, lots, SELF_TRADE)
            taker.stopped = lots == taker.lots
            if not taker.stopped:
                self._clerk.shrink(taker.order_id, lots, SELF_TRADE)
                taker.lots -= lots
            return
        if taker.mode is not SelfTradePrevention.EXPIRE_TAKER:
            self._take_off(maker, maker.quantity, SELF_TRADE)
        if taker.mode is not SelfTradePrevention.EXPIRE_MAKER:
            taker.stopped = True
