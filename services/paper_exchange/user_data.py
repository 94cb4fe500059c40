"""Private streams: executionReport and outboundAccountPosition, as the account's events make them."""

from collections.abc import Mapping

import msgspec

from common.exchange.events import (
    SELF_TRADE,
    Event,
    OrderCanceled,
    OrderExpired,
    OrderPlaced,
    TradeExecuted,
)
from common.exchange.fills import Fill, fills_of
from common.exchange.ledger import Ledger, OrderRecord, record_of
from common.exchange.money import units_text
from common.model.order import OrderState
from services.paper_exchange.broadcast import Connection
from services.paper_exchange.wire import NS_PER_MS, ZERO, Json, MarketWire, status_of, type_of

_encode = msgspec.json.Encoder().encode


class UserStreams:
    """Subscriptions to an account's events, each a number on its connection."""

    def __init__(self) -> None:
        self._subscriptions: dict[tuple[Connection, int], None] = {}

    def __len__(self) -> int:
        return len(self._subscriptions)

    def subscribe(self, connection: Connection) -> int:
        """Begin; returns the subscription's number."""
        number = max((taken + 1 for each, taken in self._subscriptions if each is connection), default=0)
        self._subscriptions[connection, number] = None
        return number

    def unsubscribe(self, connection: Connection) -> None:
        """End all subscriptions of a connection."""
        for key in [key for key in self._subscriptions if key[0] is connection]:
            del self._subscriptions[key]

    def publish(self, payload: bytes) -> None:
        """Send one encoded event to everybody."""
        for connection, number in self._subscriptions:
            connection.send(b'{"subscriptionId":%d,"event":%s}' % (number, payload))


class AccountReports:
    """Turns events into reports that show each order as it was right after that event.

    The ledger already stands after the whole command when its events arrive, so open orders are followed here too.
    """

    def __init__(self, account: str, ledger: Ledger, wires: Mapping[str, MarketWire]) -> None:
        self._account, self._ledger, self._wires = account, ledger, wires
        self._orders: dict[int, OrderRecord] = {}
        self._reports = 0

    def absorb(self, events: list[Event]) -> list[bytes]:
        """Reports of the events of one command."""
        reports, assets = list[Json](), dict[str, None]()
        for event in events:
            for report in self._report(event):
                reports.append(report)
                scale = self._wires[event.symbol].scale  # type: ignore[attr-defined]
                assets |= {scale.base: None, scale.quote: None}
        if reports:
            reports.append(self._position(list(assets), events[-1].time_ns))
        return [_encode(report) for report in reports]

    def _report(self, event: Event) -> list[Json]:
        if isinstance(event, OrderPlaced) and event.account == self._account:
            order = record_of(event.order_id, event.price_ticks, event.terms, event.time_ns)
            self._orders[event.order_id] = order
            return [self._execution(order, "NEW", event.time_ns)]
        if isinstance(event, OrderCanceled | OrderExpired) and event.order_id in self._orders:
            order = self._orders.pop(event.order_id)
            order.state, order.changed_ns = OrderState.CANCELED, event.time_ns
            if isinstance(event, OrderCanceled):
                names = {"c": event.cancel_id, "C": order.client_order_id}
                return [self._execution(order, "CANCELED", event.time_ns) | names]
            order.state, order.reason = OrderState.EXPIRED, event.reason
            kind = "TRADE_PREVENTION" if event.reason == SELF_TRADE else "EXPIRED"
            return [self._execution(order, kind, event.time_ns)]
        if isinstance(event, TradeExecuted):
            return [self._traded(fill) for fill in fills_of(event) if fill.account == self._account]
        return []

    def _traded(self, fill: Fill) -> Json:
        order, wire = self._orders[fill.order_id], self._wires[fill.symbol]
        quote_units = wire.scale.quote_units(fill.price_ticks, fill.quantity_lots)
        order.fill(fill.quantity_lots, quote_units, fill.time_ns)
        if not order.is_open:
            del self._orders[fill.order_id]
        return self._execution(order, "TRADE", fill.time_ns) | {
            "l": wire.quantity(fill.quantity_lots),
            "L": wire.price(fill.price_ticks),
            "Y": units_text(quote_units),
            "n": units_text(fill.fee_units),
            "N": fill.fee_asset,
            "t": fill.trade_id,
            "m": fill.maker,
        }

    def _execution(self, order: OrderRecord, kind: str, time_ns: int) -> Json:
        wire, moment, placed_ms = self._wires[order.symbol], time_ns // NS_PER_MS, order.placed_ns // NS_PER_MS
        self._reports += 1
        return {
            "e": "executionReport",
            "E": moment,
            "s": wire.name,
            "c": order.client_order_id,
            "S": order.side.value.upper(),
            "o": type_of(order),
            "f": order.time_in_force.value.upper(),
            "q": wire.quantity(order.quantity_lots),
            "p": wire.price(order.price_ticks),
            "P": ZERO,
            "F": ZERO,
            "g": -1,
            "C": "",
            "x": kind,
            "X": status_of(order),
            "r": "NONE",
            "i": order.order_id,
            "l": ZERO,
            "z": wire.quantity(order.filled_lots),
            "L": ZERO,
            "n": "0",
            "N": None,
            "T": moment,
            "t": -1,
            "I": self._reports,
            "w": order.is_open,
            "m": False,
            "M": False,
            "O": placed_ms,
            "Z": units_text(order.quote_units),
            "Y": ZERO,
            "Q": ZERO,
            "W": placed_ms,
            "V": order.self_trade_prevention.value.upper(),
        }

    def _position(self, assets: list[str], time_ns: int) -> Json:
        moment, accounts = time_ns // NS_PER_MS, self._ledger.accounts
        held = [(asset, accounts.balance(self._account, asset)) for asset in assets]
        return {
            "e": "outboundAccountPosition",
            "E": moment,
            "u": moment,
            "B": [{"a": asset, "f": units_text(each.free), "l": units_text(each.locked)} for asset, each in held],
        }
