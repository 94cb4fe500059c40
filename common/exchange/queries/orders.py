"""Orders and fills of one account."""

from collections.abc import Iterator
from itertools import islice

import msgspec

from common.exchange.commands import SelfTradePrevention, Trigger
from common.exchange.events import RejectReason
from common.exchange.exchange import Exchange
from common.exchange.fills import Fill, fills_of
from common.exchange.queries.bounds import check_limit
from common.exchange.record import OrderRecord
from common.exchange.refusal import Refused
from common.model.order import OrderState, OrderType, Side, TimeInForce


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is now.

    open_lots    lots that may still trade, 0 once it has ended; `reason` says why the venue ended it
    stop_ticks   where its trigger fires while `is_waiting`
    link         who inside of the exchange placed it
    quote_units  what its fills cost or brought, in 1e-8 of the quote asset
    """

    order_id: int
    client_order_id: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price_ticks: int
    quantity_lots: int
    filled_lots: int
    open_lots: int
    state: OrderState
    reason: str
    quote_units: int
    post_only: bool
    reduce_only: bool
    self_trade_prevention: SelfTradePrevention
    is_waiting: bool
    stop_ticks: int
    trigger: Trigger | None
    link: str
    placed_ns: int
    changed_ns: int


def orders(
    exchange: Exchange, account: str, symbol: str = "", ended: bool = False, limit: int = 100
) -> list[OrderView]:
    """Open orders of an account, or with `ended` those that have ended; newest first."""
    check_limit(limit)
    _check_market(exchange, symbol)
    return [_view(order) for order in islice(_found(exchange, account, symbol, ended), limit)]


def order(exchange: Exchange, account: str, symbol: str, order_id: int = 0, client_order_id: str = "") -> OrderView:
    """One order, open or ended, by its number or by its owner's name for it."""
    _check_market(exchange, symbol)
    found = exchange.ledger.find(account, symbol, order_id, client_order_id)
    if found is None:
        raise Refused(RejectReason.UNKNOWN_ORDER, f"{account} has no order {order_id or client_order_id!r} in {symbol}")
    return _view(found)


def fills(exchange: Exchange, account: str, symbol: str = "", limit: int = 100) -> list[Fill]:
    """Fills of an account, newest first."""
    check_limit(limit)
    _check_market(exchange, symbol)
    found = (
        fill
        for trade in reversed(exchange.ledger.trades)
        if not symbol or trade.symbol == symbol
        for fill in fills_of(trade)
        if fill.account == account
    )
    return list(islice(found, limit))


def _check_market(exchange: Exchange, symbol: str) -> None:
    if symbol and symbol not in exchange.markets:
        raise Refused(RejectReason.UNKNOWN_MARKET, symbol)


def _found(exchange: Exchange, account: str, symbol: str, ended: bool) -> Iterator[OrderRecord]:
    if ended:
        for order in reversed(exchange.ledger.orders.values()):
            if order.account == account and not order.is_open and symbol in ("", order.symbol):
                yield order
        return
    symbols = [symbol] if symbol else list(exchange.markets)
    for each in symbols:
        yield from reversed(exchange.ledger.open_of(account, each).values())


def _view(order: OrderRecord) -> OrderView:
    return OrderView(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        price_ticks=order.price_ticks,
        quantity_lots=order.quantity_lots,
        filled_lots=order.filled_lots,
        open_lots=order.remaining_lots if order.is_open else 0,
        state=order.state,
        reason=order.reason,
        quote_units=order.quote_units,
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        self_trade_prevention=order.self_trade_prevention,
        is_waiting=order.is_waiting and order.is_open,
        stop_ticks=order.stop_ticks,
        trigger=order.trigger,
        link=order.terms.link,
        placed_ns=order.placed_ns,
        changed_ns=order.changed_ns,
    )
