"""Private events as Binance tells them: executionReport, outboundAccountPosition, balanceUpdate."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from common.exchange.events import (
    SELF_TRADE,
    Deposited,
    Event,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderPlaced,
    OrderTriggered,
    RejectReason,
    SelfTradePrevented,
    StopMoved,
    TradeExecuted,
    Withdrawn,
)
from common.exchange.fills import Fill, fills_of
from common.exchange.ledger import Ledger
from common.exchange.margin.events import CollateralMoved
from common.exchange.money import units_text
from common.exchange.record import OrderRecord, record_of
from common.model.order import OrderState
from services.paper_exchange.execution_report import execution_report, fill_fields, prevented_fields
from services.paper_exchange.order_wire import Amendment, ordered_text
from services.paper_exchange.wire import NS_PER_MS, Json, MarketWire

AMENDMENTS_KEPT = 10_000

_encode = msgspec.json.Encoder().encode
_REJECT_REASONS = {
    RejectReason.INSUFFICIENT_BALANCE: "INSUFFICIENT_BALANCES",
    RejectReason.WOULD_TAKE: "WOULD_MATCH_IMMEDIATELY",
}


class AccountReports:
    """Turns events into reports that show each order as it was right after that event.

    The ledger already stands after the whole command when its events arrive, so open orders are followed here too.
    Reports are numbered from `first_number` on. `amendments` are the owners' own, the newest last.
    """

    def __init__(
        self,
        accounts: Iterable[str],
        ledger: Ledger,
        wires: Mapping[str, MarketWire],
        trade_group_id: Callable[[str], int],
        first_number: int,
    ) -> None:
        self._accounts, self._ledger, self._wires = frozenset(accounts), ledger, wires
        self._trade_group_id, self._number = trade_group_id, first_number
        self._orders = {
            number: ledger.orders[number].copy()
            for number in ledger.open_order_ids()
            if self._is_ours(ledger.orders[number].account, ledger.orders[number].symbol)
        }
        self._match: SelfTradePrevented | None = None
        self.amendments: deque[Amendment] = deque(maxlen=AMENDMENTS_KEPT)
        self._tellers: dict[type[Event], Callable[[Any], list[tuple[str, Json]]]] = {
            OrderPlaced: self._placed,
            OrderTriggered: self._triggered,
            StopMoved: self._followed,
            OrderAmended: self._amended,
            OrderCanceled: self._canceled,
            OrderExpired: self._expired,
            SelfTradePrevented: self._met,
            TradeExecuted: self._traded,
            Deposited: self._moved,
            Withdrawn: self._moved,
            CollateralMoved: self._moved,
        }

    def absorb(self, events: list[Event]) -> list[tuple[str, bytes]]:
        """Reports of the events of one command, by account."""
        reports, assets = list[tuple[str, bytes]](), dict[str, dict[str, None]]()
        for event in events:
            tell = self._tellers.get(type(event))
            for account, report in tell(event) if tell is not None else ():
                reports.append((account, _encode(report)))
                assets.setdefault(account, {}).update(dict.fromkeys(self._assets(event)))
        for account, touched in assets.items():
            reports.append((account, _encode(self._position(account, list(touched), events[-1].time_ns))))
        return reports

    def _placed(self, event: OrderPlaced) -> list[tuple[str, Json]]:
        if not self._is_ours(event.account, event.symbol):
            return []
        order = self._orders[event.order_id] = record_of(
            event.order_id, event.terms, event.price_ticks, event.quantity_lots, event.time_ns
        )
        return self._told(order, "NEW", event.time_ns)

    def _triggered(self, event: OrderTriggered) -> list[tuple[str, Json]]:
        order = self._orders.get(event.order_id)
        if order is None:
            return []
        order.is_waiting, order.working_ns = False, event.time_ns
        return self._told(order, "NEW", event.time_ns)

    def _followed(self, event: StopMoved) -> list[tuple[str, Json]]:
        order = self._orders.get(event.order_id)
        if order is not None and not order.following_ns:
            order.following_ns = event.time_ns
        return []

    def _amended(self, event: OrderAmended) -> list[tuple[str, Json]]:
        order = self._orders.get(event.order_id)
        if order is None:
            return []
        wire, before = self._wires[order.symbol], (order.client_order_id, order.quantity_lots)
        quantity = ordered_text(wire, order)
        order.price_ticks, order.quantity_lots = event.price_ticks, event.quantity_lots
        if event.reason == SELF_TRADE:
            order.prevented_lots += before[1] - event.quantity_lots
            return self._prevented_trade(order, before[1] - event.quantity_lots, event.time_ns)
        names = {}
        if event.client_order_id:
            order.rename(event.client_order_id)
            names = {"C": before[0]}
        told = self._told(order, "REPLACED", event.time_ns, names)
        self.amendments.append(
            Amendment(
                order.order_id, self._number, (before[0], order.client_order_id),
                (quantity, ordered_text(wire, order)), event.time_ns // NS_PER_MS,
            )
        )  # fmt: skip
        return told

    def _canceled(self, event: OrderCanceled) -> list[tuple[str, Json]]:
        order = self._orders.pop(event.order_id, None)
        if order is None:
            return []
        order.state = OrderState.CANCELED
        # Who cancels through another door may have no name for it.
        names = {"c": event.cancel_id or order.client_order_id, "C": order.client_order_id}
        return self._told(order, "CANCELED", event.time_ns, names)

    def _expired(self, event: OrderExpired) -> list[tuple[str, Json]]:
        order = self._orders.pop(event.order_id, None)
        if order is None:
            return []
        order.state, order.reason = OrderState.EXPIRED, event.reason
        if event.reason == SELF_TRADE:
            return self._prevented_trade(order, order.remaining_lots, event.time_ns)
        reason = _REJECT_REASONS.get(event.reason)  # type: ignore[call-overload]
        return self._told(order, "EXPIRED", event.time_ns, {} if reason is None else {"r": reason})

    def _met(self, event: SelfTradePrevented) -> list[tuple[str, Json]]:
        # What becomes of both orders follows before anything else is prevented; it is told with this.
        self._match = event
        return []

    def _prevented_trade(self, order: OrderRecord, lots: int, time_ns: int) -> list[tuple[str, Json]]:
        match, wire = self._match, self._wires[order.symbol]
        assert match is not None  # the exchange tells of the match before what it does
        fields = prevented_fields(wire, order, match, lots, self._trade_group_id(order.account))
        return self._told(order, "TRADE_PREVENTION", time_ns, fields)

    def _traded(self, event: TradeExecuted) -> list[tuple[str, Json]]:
        return [report for fill in fills_of(event) for report in self._filled(fill)]

    def _filled(self, fill: Fill) -> list[tuple[str, Json]]:
        order = self._orders.get(fill.order_id)
        if order is None:
            return []
        wire = self._wires[fill.symbol]
        quote_units = wire.scale.quote_units(fill.price_ticks, fill.quantity_lots)
        order.fill(fill.quantity_lots, quote_units, fill.time_ns)
        if not order.is_open:
            del self._orders[fill.order_id]
        return self._told(order, "TRADE", fill.time_ns, fill_fields(wire, fill, quote_units))

    def _moved(self, event: Deposited | Withdrawn | CollateralMoved) -> list[tuple[str, Json]]:
        if event.account not in self._accounts:
            return []
        moment, units = event.time_ns // NS_PER_MS, event.units if isinstance(event, Deposited) else -event.units
        told = {"e": "balanceUpdate", "E": moment, "a": event.asset, "d": units_text(units), "T": moment}
        return [(event.account, told)]

    def _told(self, order: OrderRecord, kind: str, time_ns: int, fields: Json | None = None) -> list[tuple[str, Json]]:
        self._number += 1
        report = execution_report(self._wires[order.symbol], order, kind, time_ns, self._number)
        return [(order.account, report | fields if fields else report)]

    def _assets(self, event: Any) -> tuple[str, ...]:
        if isinstance(event, Deposited | Withdrawn | CollateralMoved):
            return (event.asset,)
        scale = self._wires[event.symbol].scale
        return scale.base, scale.quote

    def _position(self, account: str, assets: list[str], time_ns: int) -> Json:
        moment, held = time_ns // NS_PER_MS, self._ledger.accounts.balances(account)
        amounts = [(held[asset].free, held[asset].locked) if asset in held else (0, 0) for asset in assets]
        return {
            "e": "outboundAccountPosition",
            "E": moment,
            "u": moment,
            "B": [
                {"a": asset, "f": units_text(free), "l": units_text(locked)}
                for asset, (free, locked) in zip(assets, amounts, strict=True)
            ],
        }

    def _is_ours(self, account: str, symbol: str) -> bool:
        return account in self._accounts and symbol in self._wires
