"""Binance's executionReport: an order as it is right after something happened to it."""

from common.exchange.commands import TriggerKind
from common.exchange.events import SelfTradePrevented
from common.exchange.fills import Fill
from common.exchange.money import units_text
from common.exchange.record import OrderRecord
from services.paper_exchange.order_wire import (
    ordered_text,
    prevented_text,
    quote_quantity_text,
    stop_text,
    trailing_ms,
    working_ms,
)
from services.paper_exchange.wire import NS_PER_MS, ZERO, Json, MarketWire, status_of, type_of


def execution_report(wire: MarketWire, order: OrderRecord, kind: str, time_ns: int, number: int) -> Json:
    """What every report says. `kind` is what happened: NEW (placed, or triggered), TRADE, CANCELED, REPLACED, ..."""
    moment, terms = time_ns // NS_PER_MS, order.terms
    report: Json = {
        "e": "executionReport",
        "E": moment,
        "s": wire.name,
        "c": terms.client_order_id,
        "S": terms.side.value.upper(),
        "o": type_of(terms),
        "f": terms.time_in_force.value.upper(),
        "q": ordered_text(wire, order),
        "p": wire.price(order.price_ticks),
        "P": stop_text(wire, order),
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
        "I": number,
        "w": order.is_open and not order.is_waiting,
        "m": False,
        "M": False,
        "O": order.placed_ns // NS_PER_MS,
        "Z": units_text(order.quote_units),
        "Y": ZERO,
        "Q": quote_quantity_text(wire, order),
        "V": terms.self_trade_prevention.value.upper(),
    }
    if order.working_ns:
        report["W"] = working_ms(order)
    if terms.trigger is not None and terms.trigger.kind is TriggerKind.TRAILING:
        report["d"] = terms.trigger.offset_bps
        if order.following_ns:
            report["D"] = trailing_ms(order)
    return report


def fill_fields(wire: MarketWire, fill: Fill, quote_units: int) -> Json:
    """What a trade adds."""
    return {
        "l": wire.quantity(fill.quantity_lots),
        "L": wire.price(fill.price_ticks),
        "Y": units_text(quote_units),
        "n": units_text(fill.fee_units),
        "N": fill.fee_asset,
        "t": fill.trade_id,
        "m": fill.maker,
    }


def prevented_fields(
    wire: MarketWire, order: OrderRecord, match: SelfTradePrevented, lots: int, trade_group_id: int
) -> Json:
    """What a prevented match adds, of which an order lost `lots`."""
    is_taker = order.order_id == match.taker_order_id
    return {
        "v": match.match_id,
        "A": prevented_text(wire, order),
        "B": wire.quantity(lots),
        "u": trade_group_id,
        "U": match.maker_order_id if is_taker else match.taker_order_id,
        "Cs": wire.name,
        "pl": wire.quantity(match.lots),
        "pL": wire.price(match.price_ticks),
        "pY": units_text(wire.scale.quote_units(match.price_ticks, match.lots)),
    }
