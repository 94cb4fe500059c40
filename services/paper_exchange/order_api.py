"""Requests about orders: new ones, changes, queries. Every one is signed, and checked before it comes here."""

import secrets
from enum import StrEnum
from functools import partial
from itertools import islice

from common.exchange.commands import AmendOrder, CancelOrder, PlaceOrder
from common.exchange.events import Event, OrderPlaced, SelfTradePrevented, TradeExecuted
from common.exchange.intake import refusal_of
from common.exchange.record import OrderRecord
from services.paper_exchange import refusals
from services.paper_exchange.commissions import commission_for_order
from services.paper_exchange.order_terms import read_order, response_kind
from services.paper_exchange.order_wire import amended_json, canceled_json, order_json, placed_json
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.site import Site
from services.paper_exchange.wire import Json, MarketWire

INVALID_RESTRICTIONS = partial(refusals.VenueError, -1145, "Invalid cancelRestrictions")
NO_CHANGE = partial(refusals.amend_refused, "The requested action would change no state; rejecting.")
NO_INCREASE = partial(refusals.amend_refused, "Order amend (quantity increase) is not supported.")


class CancelRestrictions(StrEnum):
    """Which orders a cancel may take off."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


class OrderApi:
    """What the owner of a key may do with orders. Every method raises VenueError."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def place(self, parameters: Parameters) -> Json:
        """A new order."""
        wire = self._site.market(parameters.symbol())
        order = self.read(wire, parameters)
        response = response_kind(parameters, order)
        self._site.limits.count_order(parameters.account)
        return self.carry_out(wire, order, response)

    def test(self, parameters: Parameters) -> Json:
        """Whether a new order would come through to matching; nothing is placed, and money does not count."""
        wire = self._site.market(parameters.symbol())
        order = self.read(wire, parameters)
        response_kind(parameters, order)
        self.check_filters(order)
        if parameters.flag("computeCommissionRates"):
            return commission_for_order(self._site.exchange.fee_standing(parameters.account))
        return {}

    def cancel(self, parameters: Parameters) -> Json:
        """Cancel one order."""
        wire = self._site.market(parameters.symbol())
        order, wanted = self.named(wire, parameters), self.restrictions(parameters)
        cancel_id = parameters.client_order_id("newClientOrderId")
        return self.withdraw(wire, parameters.account, order, cancel_id, wanted)

    def cancel_all(self, parameters: Parameters) -> list[Json]:
        """Cancel every open order of a market."""
        wire = self._site.market(parameters.symbol())
        open_orders = list(self._site.exchange.ledger.open_of(parameters.account, wire.instrument.symbol).values())
        if not open_orders:
            raise refusals.unknown_order()
        return [self.withdraw(wire, parameters.account, order) for order in open_orders]

    def amend(self, parameters: Parameters) -> Json:
        """Make an open order smaller; it keeps its place and gets another client order id."""
        site, wire = self._site, self._site.market(parameters.symbol())
        order = self.named(wire, parameters)
        lots = parameters.steps("newQty", wire.grid.lots, "LOT_SIZE")
        name = parameters.client_order_id("newClientOrderId") or secrets.token_hex(11)
        if order is None or not order.is_open:
            raise refusals.no_such_order()
        ordered = order.quantity_lots + order.prevented_lots
        if lots >= ordered:
            raise NO_CHANGE() if lots == ordered else NO_INCREASE()
        left = lots - order.prevented_lots - order.filled_lots
        if left < 1:
            raise refusals.filter_failed("LOT_SIZE")
        if 0 < wire.scale.quote_units(order.price_ticks, lots) < wire.scale.notional_units_min:
            raise refusals.filter_failed("NOTIONAL")
        before = order.client_order_id
        command = AmendOrder(
            time_ns=site.venue.now_ns(), account=parameters.account, symbol=wire.instrument.symbol,
            order_id=order.order_id, open_lots=left, new_client_order_id=name,
        )  # fmt: skip
        _check(command, site.venue.execute(command))
        amendment = next(each for each in reversed(site.reports.amendments) if each.order_id == order.order_id)
        return amended_json(wire, order, before, amendment.execution_id)

    def amendments(self, parameters: Parameters) -> list[Json]:
        """Amendments of one order since the venue was started, oldest first."""
        wire = self._site.market(parameters.symbol())
        order_id, first = parameters.integer("orderId"), parameters.integer("fromExecutionId", 0)
        if self._site.exchange.ledger.find(parameters.account, wire.instrument.symbol, order_id, "") is None:
            raise refusals.no_such_order()
        found = (
            each.json(wire)
            for each in self._site.reports.amendments
            if each.order_id == order_id and each.execution_id >= first
        )
        return list(islice(found, parameters.limit(500, 1_000)))

    def order(self, parameters: Parameters) -> Json:
        """One order, open or ended."""
        wire = self._site.market(parameters.symbol())
        order = self.named(wire, parameters)
        if order is None:
            raise refusals.no_such_order()
        return order_json(wire, order)

    def open_orders(self, parameters: Parameters) -> list[Json]:
        """Open orders of one market, or of all."""
        site = self._site
        wires = [site.market(parameters.symbol())] if parameters.has("symbol") else site.wires.values()
        return [
            order_json(wire, order)
            for wire in wires
            for order in site.exchange.ledger.open_of(parameters.account, wire.instrument.symbol).values()
        ]

    def all_orders(self, parameters: Parameters) -> list[Json]:
        """Orders of a market, oldest first: from `orderId` on, or the newest."""
        wire = self._site.market(parameters.symbol())
        first, limit = parameters.integer("orderId", 0), parameters.limit(500, 1_000)
        since_ns, until_ns = parameters.period()
        owned = parameters.account, wire.instrument.symbol

        def wanted(order: OrderRecord) -> bool:
            return (order.account, order.symbol) == owned and since_ns <= order.placed_ns < until_ns

        records = self._site.exchange.ledger.orders
        if first or since_ns:
            found = list(islice((o for o in records.values() if o.order_id >= first and wanted(o)), limit))
        else:
            found = list(islice((o for o in reversed(records.values()) if wanted(o)), limit))[::-1]
        return [order_json(wire, order) for order in found]

    def read(self, wire: MarketWire, parameters: Parameters) -> PlaceOrder:
        """The command of a new order's parameters."""
        site = self._site
        return read_order(wire, parameters, site.venue.now_ns(), site.exchange.affordable_lots)

    def check_filters(self, order: PlaceOrder) -> None:
        """What Binance refuses before an order reaches its matching engine."""
        reason = self._site.exchange.refusal_of(order)
        if reason is not None and refusals.is_filter(reason):
            raise refusals.refused(reason)

    def carry_out(self, wire: MarketWire, order: PlaceOrder, response: str) -> Json:
        """Place an order and tell what it met."""
        events = self._site.venue.execute(order)
        _check(order, events)
        number = next(each.order_id for each in events if isinstance(each, OrderPlaced) and each.terms is order)
        record = self._site.exchange.ledger.orders[number]
        trades = [each for each in events if isinstance(each, TradeExecuted) and each.taker.order_id == number]
        prevented = [each for each in events if isinstance(each, SelfTradePrevented) and each.taker_order_id == number]
        return placed_json(wire, record, trades, prevented, response)

    def named(
        self, wire: MarketWire, parameters: Parameters, order_id: str = "orderId", name: str = "origClientOrderId"
    ) -> OrderRecord | None:
        """The order that two parameters name, by number or by client order id; None when there is none."""
        if not (parameters.has(order_id) or parameters.has(name)):
            raise refusals.one_of(name, order_id)
        number, client_order_id = parameters.integer(order_id, 0), parameters.client_order_id(name)
        ledger = self._site.exchange.ledger
        order = ledger.find(parameters.account, wire.instrument.symbol, number, client_order_id)
        if order is not None and number and client_order_id not in ("", order.client_order_id):
            raise refusals.other_order()
        return order

    def restrictions(self, parameters: Parameters) -> CancelRestrictions | None:
        """Which orders a cancel may take off; None = any."""
        name = "cancelRestrictions"
        return parameters.choice(name, CancelRestrictions, None, INVALID_RESTRICTIONS) if parameters.has(name) else None

    def withdraw(
        self,
        wire: MarketWire,
        account: str,
        order: OrderRecord | None,
        cancel_id: str = "",
        wanted: CancelRestrictions | None = None,
    ) -> Json:
        """Cancel an order, if it is open and in a state in which its owner wants that."""
        if order is None or not order.is_open:
            raise refusals.unknown_order()
        if wanted is not None and bool(order.filled_lots) is (wanted is CancelRestrictions.ONLY_NEW):
            raise refusals.restricted_cancel()
        cancel_id = cancel_id or secrets.token_hex(11)
        command = CancelOrder(
            time_ns=self._site.venue.now_ns(), account=account, symbol=wire.instrument.symbol,
            order_id=order.order_id, cancel_id=cancel_id,
        )  # fmt: skip
        _check(command, self._site.venue.execute(command))
        return canceled_json(wire, order, cancel_id)


def _check(command: PlaceOrder | CancelOrder | AmendOrder, events: list[Event]) -> None:
    """Raise VenueError if a command was refused."""
    if refusal := refusal_of(command, events):
        raise refusals.refused(refusal.reason)
