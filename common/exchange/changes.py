"""Changes to open orders: cancel, reduce, amend, and the ends that time and the venue bring."""

from typing import Any, Final

from common.exchange.admission import (
    Standing,
    book_refusal,
    is_whole,
    limit_refusal,
    phase_refusal,
    reducible_of,
    taker_of,
    waiting_refusal,
)
from common.exchange.commands import AmendOrder, CancelOrder, ExpireOpenOrders, ReduceOrder
from common.exchange.core import Core
from common.exchange.entry import OrderEntry
from common.exchange.events import TIME_OUT, AmendRejected, CancelRejected, OrderCanceled, RejectReason
from common.exchange.ledger import NOBODY
from common.exchange.matching import Market
from common.exchange.record import OrderRecord, fields_of
from common.exchange.seat import Seat
from common.exchange.states import Key
from common.model.order import OrderState, OrderType

CANCELED: Final = OrderState.CANCELED
Named = CancelOrder | ReduceOrder | AmendOrder


class OrderChanges:
    """Finds open orders and changes them, for their owners and for the venue."""

    def __init__(self, core: Core, standing: Standing, entry: OrderEntry) -> None:
        self._core, self._standing, self._entry = core, standing, entry

    def cancel(self, command: CancelOrder) -> None:
        """Take an order off, or refuse."""
        order = self.named(command, self._standing)
        if isinstance(order, OrderRecord):
            self.withdraw(order, command.cancel_id)
        else:
            self._core.tell(
                CancelRejected(
                    time_ns=self._core.time_ns,
                    account=command.account,
                    symbol=command.symbol,
                    order_id=command.order_id,
                    client_order_id=command.client_order_id,
                    reason=order,
                )
            )

    def cancel_plain(self, command: CancelOrder) -> bool:
        """Take off an order for its own account, as most cancels ask. False = another cancel, or one to refuse."""
        _time_ns, by, nonce, account, symbol, order_id, name, cancel_id = fields_of(command)
        market = self._core.markets.get(symbol)
        seat = None if market is None or by or nonce else market.seats.get(account)
        if market is None or seat is None or seat.is_special:
            return False
        number: Any = order_id or seat.names.get(name)
        order = seat.orders.get(number)
        if order is None:
            return False
        self._take_away(order, market, seat, cancel_id)
        return True

    def reduce(self, command: Any) -> None:
        """Take lots off an order, or refuse."""
        order = self.named(command, self._standing)
        if not isinstance(order, OrderRecord):
            self._refuse(command, order)
        elif order.link:
            self._refuse(command, RejectReason.NOT_AUTHORISED)
        elif reason := phase_refusal(self._core.markets[order.symbol], True):
            self._refuse(command, reason)
        elif not is_whole(command.quantity_lots, 1):
            self._refuse(command, RejectReason.QUANTITY_INVALID)
        elif command.quantity_lots >= order.remaining_lots:
            self.withdraw(order)
        else:
            self._shrink(order, order.remaining_lots - command.quantity_lots)

    def amend(self, command: Any, from_inside: bool = False) -> RejectReason | None:
        """Give an order other terms, or refuse and say why. What a part of the exchange placed only it may amend."""
        order = self.named(command, self._standing)
        if not isinstance(order, OrderRecord):
            return self._refuse(command, order)
        if order.link and not from_inside:
            return self._refuse(command, RejectReason.NOT_AUTHORISED)
        price: Any = order.price_ticks if command.price_ticks is None else command.price_ticks
        open_lots: Any = order.remaining_lots if command.open_lots is None else command.open_lots
        if reason := self._terms_refusal(command, order, price, open_lots):
            return self._refuse(command, reason)
        if price == order.price_ticks and open_lots <= order.remaining_lots:
            self._shrink(order, open_lots, command.new_client_order_id)
            return None
        return self._move(command, order, price, open_lots)

    def expire_open(self, command: ExpireOpenOrders) -> None:
        """End every open order, the oldest first."""
        ledger = self._core.ledger
        for order_id in ledger.open_order_ids():
            order = ledger.orders[order_id]
            if order.is_open:
                self.end(order, command.reason)

    def time_out(self, order_id: Key, _due_ns: int) -> None:
        """End an order whose time has come, if it is still open."""
        order = self._core.ledger.orders.get(int(order_id))
        if order is not None and order.is_open:
            self.end(order, TIME_OUT)

    def end(self, order: OrderRecord, reason: str) -> None:
        """The venue ends an open order."""
        self._core.take_off(order)
        self._core.expire(order, reason)

    def withdraw(self, order: OrderRecord, cancel_id: str = "") -> None:
        """Take an open order off for its owner."""
        market = self._core.markets[order.symbol]
        self._take_away(order, market, market.seats[order.account], cancel_id)

    def _take_away(self, order: OrderRecord, market: Market, seat: Seat, cancel_id: str) -> None:
        core = self._core
        market.take_off(order)
        core.ledger.end(order, seat, CANCELED, core.time_ns)
        core.tell(
            OrderCanceled(
                time_ns=core.time_ns,
                order_id=order.number,
                account=order.account,
                symbol=order.symbol,
                cancel_id=cancel_id,
            )
        )

    def named(self, command: Named, standing: Standing) -> OrderRecord | RejectReason:
        """The open order that a command names, or why there is none for it."""
        ledger = self._core.ledger
        seat = ledger.seats.get(command.symbol, NOBODY).get(command.account)
        if seat is not None:
            order = seat.orders.get(command.order_id or seat.names.get(command.client_order_id, 0))
            if order is not None and (standing.is_actual or standing.is_open(order)):
                return order
        others = ledger.orders.get(command.order_id)
        if others is not None and others.symbol == command.symbol and others.account != command.account:
            return RejectReason.WRONG_OWNER
        return RejectReason.UNKNOWN_ORDER

    def _terms_refusal(self, command: Any, order: OrderRecord, price: Any, lots: Any) -> RejectReason | None:
        instrument, market = self._core.instruments[order.symbol], self._core.markets[order.symbol]
        moves = price != order.price_ticks or lots > order.remaining_lots
        if reason := phase_refusal(market, not (moves and order.is_waiting)):
            return reason
        if command.price_ticks is None and command.open_lots is None:
            return RejectReason.TERMS_INVALID
        if command.price_ticks is not None and order.order_type is not OrderType.LIMIT:
            return RejectReason.TERMS_INVALID
        if order.order_type is OrderType.LIMIT and not is_whole(price, 1):
            return RejectReason.PRICE_INVALID
        if not is_whole(lots, instrument.quantity_lots_min, instrument.quantity_lots_max - order.filled_lots):
            return RejectReason.QUANTITY_INVALID
        if order.reduce_only and lots > max(order.remaining_lots, reducible_of(self._core, order)):
            return RejectReason.NO_POSITION_TO_REDUCE
        name = command.new_client_order_id
        if name and name != order.client_order_id:
            reason = self._standing.seat_refusal(market, market.seats.get(order.account), order.account, name)
            return reason if reason is RejectReason.DUPLICATE_CLIENT_ORDER_ID else None
        return None

    def _move(self, command: AmendOrder, order: OrderRecord, price: int, open_lots: int) -> RejectReason | None:
        """Another price or more lots: back of the queue, after taking what it can."""
        core, market = self._core, self._core.markets[order.symbol]
        taker = taker_of(core, self._standing, market, market.seats.get(order.account), order, price, open_lots)
        if order.is_waiting:
            reason = waiting_refusal(core, self._standing, market, order, taker, order)
        else:
            reason = book_refusal(core, self._standing, market, order, taker, order)
        reason = reason or limit_refusal(core, self._standing, order, open_lots, order)
        if reason is not None:
            return self._refuse(command, reason)
        if order.slide and taker.limit_ticks is not None:
            price = taker.limit_ticks
        core.amend(order, price, open_lots, order.is_waiting, name=command.new_client_order_id)
        if not order.is_waiting:
            core.take_off(order)
            self._entry.work(order, taker, market)
        return None

    def _shrink(self, order: OrderRecord, open_lots: int, name: str = "") -> None:
        """The same price and no more lots: it keeps its place."""
        fewer = order.remaining_lots - open_lots
        self._core.amend(order, order.price_ticks, open_lots, True, name=name)
        market = self._core.markets[order.symbol]
        resting = market.book.orders.get(order.order_id)
        if fewer and resting is not None:
            market.reduce(resting, fewer)

    def _refuse(self, command: ReduceOrder | AmendOrder, reason: RejectReason) -> RejectReason:
        self._core.tell(
            AmendRejected(
                time_ns=self._core.time_ns,
                account=command.account,
                symbol=command.symbol,
                order_id=command.order_id,
                client_order_id=command.client_order_id,
                reason=reason,
            )
        )
        return reason
