"""USD-M requests about orders. Every one is signed, and checked before it comes here."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import msgspec

from common.exchange.commands import AmendOrder, CancelOrder, PlaceOrder, TriggerKind
from common.exchange.deadman.commands import CancelAllAfter
from common.exchange.events import (
    AmendRejected,
    CancelRejected,
    CommandRefused,
    Event,
    OrderExpired,
    OrderPlaced,
    OrderRejected,
    RejectReason,
)
from common.exchange.fills import Fill, fills_of
from common.exchange.record import OrderRecord, record_of
from common.model.errors import InvariantBroken
from common.model.order import Side, TimeInForce
from services.paper_exchange import refusals
from services.paper_exchange import usdm_refusals as errors
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.usdm_site import UsdmSite
from services.paper_exchange.usdm_terms import (
    ALGO_NAMES,
    ORDER_NAMES,
    OrderTerms,
    check_position_side,
    client_order_id,
    price,
    quantity,
)
from services.paper_exchange.usdm_wire import CONDITIONAL, ContractWire, UsdmType, is_liquidation, original_type
from services.paper_exchange.wire import NS_PER_MS, Json, WireSide

BATCH_ORDERS_MAX = 5
BATCH_CANCELS_MAX = 10
LATEST_MS = 10**14
DONE: Json = {"code": 200, "msg": "The operation of cancel all open order is done."}
RESPONSES = ("ACK", "RESULT")

_objects = msgspec.json.Decoder(list[dict[str, str | int | float | bool | None]])
_numbers = msgspec.json.Decoder(list[int | str])


class UsdmOrderApi:
    """What the owner of the key may ask for and do with orders. Every method raises VenueError."""

    def __init__(self, site: UsdmSite) -> None:
        self._site, self._ledger = site, site.exchange.ledger

    def place(self, parameters: Parameters) -> Json:
        """A new order of any type."""
        wire = self._wire(parameters)
        record, is_short = self._place(wire, parameters, OrderTerms(wire, parameters, ORDER_NAMES))
        return wire.order(_as_accepted(record) if is_short else record)

    def place_algo(self, parameters: Parameters) -> Json:
        """A new conditional order, at the door that Binance has had for them since 2025."""
        if parameters.text("algoType") != "CONDITIONAL":
            raise errors.invalid("algoType")
        wire = self._wire(parameters)
        terms = OrderTerms(wire, parameters, ALGO_NAMES)
        if terms.kind not in CONDITIONAL:
            raise errors.INVALID_TYPE()
        return wire.algo(self._place(wire, parameters, terms)[0])

    def test(self, parameters: Parameters) -> Json:
        """A new order that is only looked at: its parameters, not the account."""
        wire = self._wire(parameters)
        OrderTerms(wire, parameters, ORDER_NAMES).command(parameters.account, self._site.venue.now_ns())
        return {}

    def amend(self, parameters: Parameters) -> Json:
        """Another price and quantity for a limit order. As at Binance, it ends when that leaves nothing to trade."""
        wire, order = self._wire(parameters), self._open_order(parameters)
        side = parameters.choice("side", WireSide, None, errors.INVALID_SIDE)
        check_position_side(parameters)
        price_ticks, lots = price(wire, parameters, "price"), quantity(wire, parameters)
        if original_type(order) is not UsdmType.LIMIT:
            raise errors.LIMIT_ONLY()
        if side.value.lower() != order.side.value:
            raise errors.INVALID_SIDE()
        if (price_ticks, lots) == (order.price_ticks, order.quantity_lots):
            raise errors.NOTHING_TO_AMEND()
        if lots <= order.filled_lots:
            self._cancel(order)
            return wire.order(order)
        command = AmendOrder(
            time_ns=self._site.venue.now_ns(), account=order.account, symbol=order.symbol, order_id=order.order_id,
            price_ticks=price_ticks, open_lots=lots - order.filled_lots,
        )  # fmt: skip
        for event in self._site.venue.execute(command):
            if isinstance(event, AmendRejected) and event.order_id == order.order_id:
                if event.reason is not RejectReason.WOULD_TAKE:
                    raise self._refused(wire, event.reason, order.terms)
                self._cancel(order)
        return wire.order(order)

    def cancel(self, parameters: Parameters) -> Json:
        """Cancel one order."""
        wire = self._wire(parameters)
        order = self._open_order(parameters, refusals.unknown_order())
        self._cancel(order)
        return wire.order(order)

    def cancel_algo(self, parameters: Parameters) -> Json:
        """Cancel one conditional order, wherever it is traded."""
        order = self._algo(parameters)
        if not order.is_open:
            raise refusals.unknown_order()
        self._cancel(order)
        return {"algoId": order.order_id, "clientAlgoId": order.client_order_id, "code": "200", "msg": "success"}

    def cancel_all(self, parameters: Parameters) -> Json:
        """Cancel every open order of a market, conditional ones too."""
        for order in self._open(parameters.account, self._wire(parameters)):
            self._cancel(order)
        return DONE

    def cancel_all_algo(self, parameters: Parameters) -> Json:
        """Cancel every conditional order of a market that still waits."""
        for order in self._open(parameters.account, self._wire(parameters)):
            if order.is_waiting:
                self._cancel(order)
        return DONE

    def place_batch(self, parameters: Parameters) -> list[Json]:
        """Several new orders, each for itself."""
        return [self._answer(self.place, item) for item in self._items(parameters)]

    def amend_batch(self, parameters: Parameters) -> list[Json]:
        """Several amendments, each for itself."""
        return [self._answer(self.amend, item) for item in self._items(parameters)]

    def cancel_batch(self, parameters: Parameters) -> list[Json]:
        """Several cancels by number or by name, each for itself."""
        symbol = parameters.symbol()
        named = [("orderId", each) for each in _list(parameters, "orderIdList", "orderidlist")]
        named += [
            ("origClientOrderId", each) for each in _list(parameters, "origClientOrderIdList", "origclientorderidlist")
        ]
        if not named:
            raise errors.NO_NAME()
        if len(named) > BATCH_CANCELS_MAX:
            raise errors.TOO_MANY_CANCELS()
        account = parameters.account
        items = [Parameters({"symbol": symbol, name: str(value)}, account) for name, value in named]
        return [self._answer(self.cancel, item) for item in items]

    def order(self, parameters: Parameters) -> Json:
        """One order, open or ended."""
        return self._wire(parameters).order(self._named(parameters))

    def open_order(self, parameters: Parameters) -> Json:
        """One order while it is open."""
        return self._wire(parameters).order(self._open_order(parameters))

    def algo_order(self, parameters: Parameters) -> Json:
        """One conditional order, open or ended."""
        order = self._algo(parameters)
        return self._site.wires[order.symbol].algo(order)

    def open_orders(self, parameters: Parameters) -> list[Json]:
        """Open orders of one market, or of all."""
        return [wire.order(order) for wire in self._some(parameters) for order in self._open(parameters.account, wire)]

    def open_algo_orders(self, parameters: Parameters) -> list[Json]:
        """Conditional orders of one market, or of all, that still wait."""
        return [
            wire.algo(order)
            for wire in self._some(parameters)
            for order in self._open(parameters.account, wire)
            if order.is_waiting
        ]

    def all_orders(self, parameters: Parameters) -> list[Json]:
        """Orders of a market, oldest first: from `orderId` on, or the newest."""
        wire = self._wire(parameters)
        return [wire.order(order) for order in self._all(wire, parameters, "orderId", lambda order: True)]

    def all_algo_orders(self, parameters: Parameters) -> list[Json]:
        """Conditional orders of a market, oldest first: from `algoId` on, or the newest."""
        wire = self._wire(parameters)
        return [wire.algo(order) for order in self._all(wire, parameters, "algoId", lambda order: bool(order.trigger))]

    def force_orders(self, parameters: Parameters) -> list[Json]:
        """Orders with which the venue sold positions that lacked margin; deleveraging trades without orders."""
        kind = parameters.text("autoCloseType") if parameters.has("autoCloseType") else "LIQUIDATION"
        if kind not in ("LIQUIDATION", "ADL"):
            raise errors.invalid("autoCloseType")
        if kind == "ADL":
            return []
        return [
            wire.order(order)
            for wire in self._some(parameters)
            for order in self._all(wire, parameters, "orderId", is_liquidation)
        ]

    def user_trades(self, parameters: Parameters) -> list[Json]:
        """Our fills in a market, oldest first: from `fromId` on, or the newest."""
        wire = self._wire(parameters)
        first, order_id = parameters.integer("fromId", 0), parameters.integer("orderId", 0)
        limit, (since_ns, until_ns) = parameters.limit(500, 1_000), _period(parameters)
        owned = parameters.account, wire.instrument.symbol

        def wanted(fill: Fill) -> bool:
            mine = (fill.account, fill.symbol) == owned
            return mine and (not order_id or fill.order_id == order_id) and since_ns <= fill.time_ns < until_ns

        newest_first = list[Fill]()
        for trade in reversed(self._ledger.trades):
            if trade.trade_id < first or trade.time_ns < since_ns:
                break
            newest_first += filter(wanted, reversed(fills_of(trade)))
            if not (parameters.has("fromId") or since_ns) and len(newest_first) >= limit:
                break
        return [wire.fill(fill) for fill in newest_first[::-1][:limit]]

    def countdown(self, parameters: Parameters) -> Json:
        """Set or stop the dead-man's switch of a market."""
        wire, after_ms = self._wire(parameters), parameters.integer("countdownTime")
        command = CancelAllAfter(
            time_ns=self._site.venue.now_ns(), account=parameters.account, symbol=wire.instrument.symbol,
            after_ns=after_ms * NS_PER_MS,
        )  # fmt: skip
        if any(isinstance(event, CommandRefused) for event in self._site.venue.execute(command)):
            raise errors.invalid("countdownTime")
        return {"symbol": wire.name, "countdownTime": str(after_ms)}

    def _place(self, wire: ContractWire, parameters: Parameters, terms: OrderTerms) -> tuple[OrderRecord, bool]:
        """The order, and whether it is to be answered as it was accepted, whatever it did then."""
        command = terms.command(parameters.account, self._site.venue.now_ns())
        response = parameters.text("newOrderRespType") if parameters.has("newOrderRespType") else "ACK"
        if response not in RESPONSES:
            raise errors.INVALID_RESPONSE()
        self._look_at_trigger(command)
        self._site.limits.count_order(parameters.account)
        events = self._site.venue.execute(command)
        placed = _answer_to(command, events)
        if not isinstance(placed, OrderPlaced):
            raise self._refused(wire, placed.reason, command)
        if command.time_in_force is TimeInForce.FOK and _has_ended(events, placed.order_id):
            raise errors.UNFILLABLE()
        return self._ledger.orders[placed.order_id], response == "ACK"

    def _look_at_trigger(self, command: PlaceOrder) -> None:
        """What Binance refuses and the core, which knows other venues too, does not."""
        trigger = command.trigger
        if trigger is None:
            return
        facts = self._site.exchange.markets[command.symbol].facts
        reference = facts.watched(trigger.reference)
        if trigger.kind is TriggerKind.TRAILING and trigger.activation_ticks and reference:
            # A buy begins to follow once the price has fallen so far, a sell once it has risen so far.
            if (reference - trigger.activation_ticks) * (1 if command.side is Side.BUY else -1) <= 0:
                raise errors.WOULD_TRIGGER()
        if command.close_position:
            for order in self._ledger.open_of(command.account, command.symbol).values():
                other = order.trigger
                if order.terms.close_position and order.side is command.side and other and other.kind is trigger.kind:
                    raise errors.CLOSES_ALREADY()

    def _cancel(self, order: OrderRecord) -> None:
        command = CancelOrder(
            time_ns=self._site.venue.now_ns(), account=order.account, symbol=order.symbol, order_id=order.order_id
        )
        for event in self._site.venue.execute(command):
            if isinstance(event, CancelRejected) and event.order_id == order.order_id:
                raise errors.refused(event.reason)

    def _refused(self, wire: ContractWire, reason: RejectReason, command: PlaceOrder) -> refusals.VenueError:
        smallest, facts = f"{wire.instrument.notional_min:f}", self._site.exchange.markets[command.symbol].facts
        return errors.order_refused(reason, command, smallest, facts)

    def _wire(self, parameters: Parameters) -> ContractWire:
        return self._site.market(parameters.symbol())

    def _some(self, parameters: Parameters) -> Iterable[ContractWire]:
        return [self._wire(parameters)] if parameters.has("symbol") else self._site.wires.values()

    def _open(self, account: str, wire: ContractWire) -> list[OrderRecord]:
        return list(self._ledger.open_of(account, wire.instrument.symbol).values())

    def _named(self, parameters: Parameters) -> OrderRecord:
        """The order that a request names."""
        wire, names = self._wire(parameters), ("orderId", "origClientOrderId")
        if not any(parameters.has(name) for name in names):
            raise errors.NO_NAME()
        number, name = parameters.integer(names[0], 0), client_order_id(parameters, names[1])
        order = self._ledger.find(parameters.account, wire.instrument.symbol, number, name)
        if order is None:
            raise refusals.no_such_order()
        return order

    def _open_order(self, parameters: Parameters, otherwise: refusals.VenueError | None = None) -> OrderRecord:
        try:
            order = self._named(parameters)
        except refusals.VenueError as refusal:
            raise otherwise if otherwise and refusal.code == refusals.no_such_order().code else refusal from None
        if not order.is_open:
            raise otherwise or refusals.no_such_order()
        return order

    def _algo(self, parameters: Parameters) -> OrderRecord:
        """The conditional order that a request names; the market may be left out."""
        if not (parameters.has("algoId") or parameters.has("clientAlgoId")):
            raise errors.NO_NAME()
        number, name = parameters.integer("algoId", 0), client_order_id(parameters, "clientAlgoId")
        for wire in self._some(parameters):
            order = self._ledger.find(parameters.account, wire.instrument.symbol, number, name)
            if order is not None and order.trigger is not None:
                return order
        raise refusals.no_such_order()

    def _all(
        self, wire: ContractWire, parameters: Parameters, first_name: str, also: Callable[[OrderRecord], bool]
    ) -> list[OrderRecord]:
        first, limit, (since_ns, until_ns) = (
            parameters.integer(first_name, 0),
            parameters.limit(500, 1_000),
            _period(parameters),
        )

        def wanted(order: OrderRecord) -> bool:
            mine = (order.account, order.symbol) == (parameters.account, wire.instrument.symbol)
            return mine and since_ns <= order.placed_ns < until_ns and also(order)

        records = self._ledger.orders
        if first or since_ns:
            return list(islice((o for o in records.values() if o.order_id >= first and wanted(o)), limit))
        return list(islice((o for o in reversed(records.values()) if wanted(o)), limit))[::-1]

    def _items(self, parameters: Parameters) -> list[Parameters]:
        try:
            items = _objects.decode(parameters.text("batchOrders"))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise errors.invalid("batchOrders") from None
        if not 0 < len(items) <= BATCH_ORDERS_MAX:
            raise errors.INVALID_BATCH()
        account = parameters.account
        return [Parameters({name: _text(value) for name, value in item.items()}, account) for item in items]

    def _answer(self, handle: Callable[[Parameters], Any], parameters: Parameters) -> Any:
        try:
            return handle(parameters)
        except refusals.VenueError as refusal:
            return refusal.body


def _answer_to(command: PlaceOrder, events: list[Event]) -> OrderPlaced | OrderRejected | CommandRefused:
    """What became of an order among all that its command brought about: time and triggers may have placed others."""
    for event in events:
        if isinstance(event, OrderPlaced | OrderRejected):
            named = event.account, event.symbol, event.client_order_id
            if named == (command.account, command.symbol, command.client_order_id):
                return event
        elif isinstance(event, CommandRefused) and event.command == type(command).__name__:
            return event
    raise InvariantBroken(f"nothing was said of order {command.client_order_id}")


def _as_accepted(order: OrderRecord) -> OrderRecord:
    terms = order.terms
    return record_of(order.order_id, terms, terms.price_ticks, terms.quantity_lots, order.placed_ns)


def _has_ended(events: list[Event], order_id: int) -> bool:
    return any(isinstance(event, OrderExpired) and event.order_id == order_id for event in events)


def _period(parameters: Parameters) -> tuple[int, int]:
    since_ms, until_ms = parameters.integer("startTime", 0), parameters.integer("endTime", LATEST_MS)
    return since_ms * NS_PER_MS, (until_ms + 1) * NS_PER_MS


def _list(parameters: Parameters, *names: str) -> list[int | str]:
    for name in names:
        if parameters.has(name):
            try:
                return _numbers.decode(parameters.text(name))
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                raise errors.invalid(name) from None
    return []


def _text(value: str | int | float | bool | None) -> str:
    """A JSON value as the text that a form would have."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
