"""The exchange core: commands in, events out. Deterministic, without clock, input, output or randomness."""

from collections.abc import Callable, Iterable
from typing import Any

from common.exchange.book import RestingOrder
from common.exchange.commands import (
    CancelOrder,
    Command,
    Deposit,
    ExpireOpenOrders,
    PlaceOrder,
    PrintTrade,
    SetLevels,
    SetTouch,
    TakeLiquidity,
)
from common.exchange.events import (
    EXTERNAL_ACCOUNT,
    SELF_TRADE,
    UNFILLED,
    CancelRejected,
    Deposited,
    Event,
    LevelChanged,
    OrderCanceled,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
    RejectReason,
    TradeExecuted,
    TradeParty,
)
from common.exchange.ledger import Ledger, OrderRecord, is_customer
from common.exchange.matching import Market, Taker
from common.exchange.money import FeeRates, Scale, fee_units
from common.model.errors import InputInvalid
from common.model.instrument import Instrument
from common.model.order import OrderType, Side, TimeInForce

OPEN_ORDERS_MAX = 200
"""Open orders of one account in one market, as Binance's MAX_NUM_ORDERS."""


class Exchange:
    """Spot markets that share accounts.

    `execute` decides, changes the books and the ledger, and returns what happened; who journals the durable events
    of it before telling anybody loses nothing. `restore` takes such a journal, before the first command.
    """

    def __init__(self, instruments: Iterable[Instrument], fees: FeeRates, first_trade_id: int = 1) -> None:
        self.instruments = {each.symbol: each for each in instruments}
        self.ledger = Ledger({symbol: Scale(each) for symbol, each in self.instruments.items()})
        self.markets = {symbol: Market(self._trade, self._expire_maker) for symbol in self.instruments}
        self.fees = fees
        self.time_ns = 0
        self._next_trade_id = first_trade_id
        self._resting: dict[int, RestingOrder] = {}
        self._symbol = ""
        self._events: list[Event] = []
        self._handlers: dict[type[Command], Callable[[Any], None]] = {
            Deposit: self._deposit,
            PlaceOrder: self._place,
            CancelOrder: self._cancel,
            ExpireOpenOrders: self._expire_open,
            SetLevels: self._set_levels,
            SetTouch: self._set_touch,
            PrintTrade: self._print_trade,
            TakeLiquidity: self._take_liquidity,
        }

    def restore(self, events: Iterable[Event]) -> None:
        """Take the events of an earlier life. Books start empty: end its open orders with `ExpireOpenOrders`."""
        for event in events:
            self.ledger.apply(event)
            self.time_ns = max(self.time_ns, event.time_ns)

    def execute(self, command: Command) -> list[Event]:
        """Carry out one command. Raises InputInvalid for a market that does not exist; refusals are events."""
        symbol: str = getattr(command, "symbol", "")
        if symbol and symbol not in self.markets:
            raise InputInvalid("symbol", type(command).__name__, f"one of {', '.join(self.markets)}", symbol)
        self.time_ns = max(self.time_ns, command.time_ns)
        self._symbol, self._events = symbol, []
        self._handlers[type(command)](command)
        if symbol:
            self._report_levels(symbol)
        return self._events

    def _emit(self, event: Event) -> None:
        self.ledger.apply(event)
        self._events.append(event)

    def _report_levels(self, symbol: str) -> None:
        market = self.markets[symbol]
        for side, price in market.take_touched():
            self._events.append(
                LevelChanged(
                    time_ns=self.time_ns,
                    symbol=symbol,
                    side=side,
                    price_ticks=price,
                    quantity_lots=market.book.side(side).quantity(price),
                )
            )

    def _deposit(self, command: Deposit) -> None:
        if command.units < 0:
            raise InputInvalid("units", "Deposit", "at least 0", command.units)
        self._emit(Deposited(time_ns=self.time_ns, account=command.account, asset=command.asset, units=command.units))

    def _place(self, command: PlaceOrder) -> None:
        if not is_customer(command.account):
            raise InputInvalid("account", "PlaceOrder", "a customer's account", command.account)
        limit = command.price_ticks if command.order_type is OrderType.LIMIT else None
        order_id = self.ledger.last_order_id + 1
        taker = Taker(
            command.account,
            command.side,
            limit,
            command.quantity_lots,
            order_id,
            command.client_order_id,
            command.self_trade_prevention,
        )
        if reason := self._refusal(command, taker):
            self._events.append(
                OrderRejected(
                    time_ns=self.time_ns,
                    account=command.account,
                    symbol=command.symbol,
                    client_order_id=command.client_order_id,
                    reason=reason,
                )
            )
            return
        self._accept(command, order_id)
        if command.time_in_force is not TimeInForce.FOK or self._fills_whole(taker):
            self.markets[command.symbol].match(taker)
        if taker.lots:
            self._settle_rest(command, taker)

    def _accept(self, command: PlaceOrder, order_id: int) -> None:
        self._emit(
            OrderPlaced(
                time_ns=self.time_ns,
                order_id=order_id,
                account=command.account,
                symbol=command.symbol,
                client_order_id=command.client_order_id,
                side=command.side,
                order_type=command.order_type,
                time_in_force=command.time_in_force,
                post_only=command.post_only,
                price_ticks=command.price_ticks if command.order_type is OrderType.LIMIT else 0,
                quantity_lots=command.quantity_lots,
                self_trade_prevention=command.self_trade_prevention,
            )
        )

    def _settle_rest(self, command: PlaceOrder, taker: Taker) -> None:
        rests = command.order_type is OrderType.LIMIT and command.time_in_force is TimeInForce.GTC
        if rests and not taker.stopped:
            order = RestingOrder(command.account, taker.order_id, command.client_order_id, taker.lots)
            self._resting[taker.order_id] = order
            self.markets[command.symbol].rest(command.side, command.price_ticks, order)
        else:
            self._expire(self.ledger.orders[taker.order_id], SELF_TRADE if taker.stopped else UNFILLED)

    def _refusal(self, command: PlaceOrder, taker: Taker) -> RejectReason | None:
        instrument = self.instruments[command.symbol]
        is_limit = command.order_type is OrderType.LIMIT
        if not instrument.quantity_lots_min <= command.quantity_lots <= instrument.quantity_lots_max:
            return RejectReason.QUANTITY_INVALID
        if is_limit and command.price_ticks <= 0:
            return RejectReason.PRICE_INVALID
        if command.post_only and (not is_limit or command.time_in_force is not TimeInForce.GTC):
            return RejectReason.TERMS_INVALID
        open_orders = self.ledger.open_of(command.account, command.symbol)
        if any(order.client_order_id == command.client_order_id for order in open_orders.values()):
            return RejectReason.DUPLICATE_CLIENT_ORDER_ID
        if len(open_orders) >= OPEN_ORDERS_MAX:
            return RejectReason.TOO_MANY_OPEN_ORDERS
        return self._price_refusal(command, taker)

    def _price_refusal(self, command: PlaceOrder, taker: Taker) -> RejectReason | None:
        market, instrument = self.markets[command.symbol], self.instruments[command.symbol]
        prices = [(command.price_ticks, command.quantity_lots)]
        if command.order_type is OrderType.MARKET:
            # What a market order will trade is known exactly: nothing moves between this look and the matching.
            prices = market.reachable(taker)
        best = market.book.side(command.side.opposite).best()
        if command.post_only and best is not None and taker.side.sign * (command.price_ticks - best.price) >= 0:
            return RejectReason.WOULD_TAKE
        if prices and sum(instrument.notional(*each) for each in prices) < instrument.notional_min:
            return RejectReason.NOTIONAL_TOO_SMALL
        asset = self.ledger.lockable(command.symbol, command.side)
        cost = sum(self.ledger.cost_units(command.symbol, command.side, *each) for each in prices)
        if cost > self.ledger.accounts.balance(command.account, asset).free:
            return RejectReason.INSUFFICIENT_BALANCE
        return None

    def _fills_whole(self, taker: Taker) -> bool:
        return sum(lots for _price, lots in self.markets[self._symbol].reachable(taker)) == taker.lots

    def _cancel(self, command: CancelOrder) -> None:
        order = self.ledger.find(command.account, command.symbol, command.order_id, command.client_order_id)
        if order is None or not order.is_open:
            self._events.append(
                CancelRejected(
                    time_ns=self.time_ns,
                    account=command.account,
                    symbol=command.symbol,
                    order_id=command.order_id,
                    client_order_id=command.client_order_id,
                    reason=RejectReason.UNKNOWN_ORDER,
                )
            )
            return
        self._take_off(order)
        self._emit(
            OrderCanceled(
                time_ns=self.time_ns,
                order_id=order.order_id,
                account=order.account,
                symbol=order.symbol,
                cancel_id=command.cancel_id,
            )
        )

    def _expire_open(self, command: ExpireOpenOrders) -> None:
        for orders in list(self.ledger.open_orders.values()):
            for order in list(orders.values()):
                self._take_off(order)
                self._expire(order, command.reason)
        for symbol in self.markets:
            self._report_levels(symbol)

    def _take_off(self, order: OrderRecord) -> None:
        # An order restored from a journal is open in the ledger but rests in no book.
        resting = self._resting.pop(order.order_id, None)
        if resting is not None:
            self.markets[order.symbol].remove(order.side, resting)

    def _set_levels(self, command: SetLevels) -> None:
        self.markets[command.symbol].set_external(command.bids, command.asks)

    def _set_touch(self, command: SetTouch) -> None:
        market = self.markets[command.symbol]
        market.drop_external_better(Side.BUY, command.bid[0])
        market.drop_external_better(Side.SELL, command.ask[0])
        market.set_external([command.bid], [command.ask])

    def _print_trade(self, command: PrintTrade) -> None:
        market, makers = self.markets[command.symbol], command.aggressor.opposite
        market.drop_external_better(makers, command.price_ticks)
        market.top_up_external(makers, command.price_ticks, command.quantity_lots)
        market.match(Taker(EXTERNAL_ACCOUNT, command.aggressor, command.price_ticks, command.quantity_lots))

    def _take_liquidity(self, command: TakeLiquidity) -> None:
        taker = Taker(EXTERNAL_ACCOUNT, command.side, command.price_ticks, command.quantity_lots)
        self.markets[command.symbol].match(taker)

    def _trade(self, taker: Taker, maker: RestingOrder, price: int, lots: int) -> None:
        scale = self.ledger.scales[self._symbol]
        received = {Side.BUY: scale.base_units(lots), Side.SELL: scale.quote_units(price, lots)}
        assets = {Side.BUY: scale.base, Side.SELL: scale.quote}
        sides = ((maker, taker.side.opposite, self.fees.maker), (taker, taker.side, self.fees.taker))
        parties = [
            TradeParty(
                account=each.account,
                order_id=each.order_id,
                client_order_id=each.client_order_id,
                fee_units=0 if each.account == EXTERNAL_ACCOUNT else fee_units(received[side], rate),
                fee_asset=assets[side],
            )
            for each, side, rate in sides
        ]
        self._next_trade_id = max(self._next_trade_id, self.ledger.last_trade_id + 1)
        self._emit(
            TradeExecuted(
                time_ns=self.time_ns,
                trade_id=self._next_trade_id,
                symbol=self._symbol,
                price_ticks=price,
                quantity_lots=lots,
                aggressor=taker.side,
                maker=parties[0],
                taker=parties[1],
            )
        )
        if lots == maker.quantity:
            self._resting.pop(maker.order_id, None)

    def _expire_maker(self, maker: RestingOrder) -> None:
        self._resting.pop(maker.order_id, None)
        self._expire(self.ledger.orders[maker.order_id], SELF_TRADE)

    def _expire(self, order: OrderRecord, reason: str) -> None:
        self._emit(
            OrderExpired(
                time_ns=self.time_ns,
                order_id=order.order_id,
                account=order.account,
                symbol=order.symbol,
                reason=reason,
            )
        )
