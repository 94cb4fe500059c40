"""Binance USD-M's JSON, made from the exchange's values: prices and sizes with the market's decimals, money with 8.

One order stands behind both of Binance's doors for conditional orders: /fapi/v1/order, as it was until 2025, and
/fapi/v1/algoOrder; its number is the same there.
"""

from decimal import Decimal
from enum import StrEnum

from common.exchange.commands import LevelSizes, PriceReference, Trigger, TriggerKind
from common.exchange.events import RejectReason, TradeExecuted
from common.exchange.fills import Fill
from common.exchange.money import UNITS_PER_ASSET, Scale, units_text
from common.exchange.record import OrderRecord
from common.model.instrument import Instrument
from common.model.order import OrderState, OrderType, Side, TimeInForce
from common.venues.grid import Grid
from services.paper_exchange.wire import NS_PER_MS, Json, status_of

_REFUSED = frozenset(RejectReason)


class UsdmType(StrEnum):
    """The order types that this venue takes."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"


class UsdmTimeInForce(StrEnum):
    """USD-M's times in force: GTX is post-only, GTD is good till a date."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"


class UsdmSelfTradePrevention(StrEnum):
    """The modes that this venue takes."""

    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    NONE = "NONE"


class WorkingType(StrEnum):
    """The price that a trigger watches."""

    MARK_PRICE = "MARK_PRICE"
    CONTRACT_PRICE = "CONTRACT_PRICE"


CONDITIONAL = frozenset(UsdmType) - {UsdmType.LIMIT, UsdmType.MARKET}
LIMITS = frozenset({UsdmType.LIMIT, UsdmType.STOP, UsdmType.TAKE_PROFIT})
TYPES = {
    (TriggerKind.STOP_LOSS, OrderType.LIMIT): UsdmType.STOP,
    (TriggerKind.STOP_LOSS, OrderType.MARKET): UsdmType.STOP_MARKET,
    (TriggerKind.TAKE_PROFIT, OrderType.LIMIT): UsdmType.TAKE_PROFIT,
    (TriggerKind.TAKE_PROFIT, OrderType.MARKET): UsdmType.TAKE_PROFIT_MARKET,
    (TriggerKind.TRAILING, OrderType.MARKET): UsdmType.TRAILING_STOP_MARKET,
}
"""What is placed from outside; an order of an inner part of the exchange may combine more, and shows as STOP."""


def decimal_text(number: int, decimals: int) -> str:
    """An integer as a decimal with so many places after the point."""
    if not decimals:
        return str(number)
    whole, rest = divmod(abs(number), 10**decimals)
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{decimals}d}"


def original_type(order: OrderRecord) -> UsdmType:
    """Binance's word for what was ordered."""
    trigger = order.trigger
    if trigger is None:
        return UsdmType(order.order_type.value.upper())
    return TYPES.get((trigger.kind, order.order_type), UsdmType.STOP)


def is_liquidation(order: OrderRecord) -> bool:
    """True for an order with which the venue sells a position that lacks margin."""
    return order.client_order_id == f"liquidation-{order.order_id}"


def name_of(order: OrderRecord) -> str:
    """The owner's name for an order; Binance's own begin with "autoclose-" when they liquidate."""
    return f"autoclose-{order.order_id}" if is_liquidation(order) else order.client_order_id


def type_of(order: OrderRecord) -> UsdmType:
    """Binance's word for what an order is now: one that was triggered is what it was triggered to be."""
    return original_type(order) if order.is_waiting else UsdmType(order.order_type.value.upper())


def life_of(order: OrderRecord) -> UsdmTimeInForce:
    """Binance's word for how long an order lives."""
    if order.order_type is OrderType.MARKET:
        return UsdmTimeInForce.GTC
    if order.post_only:
        return UsdmTimeInForce.GTX
    if order.terms.expires_ns and order.time_in_force is TimeInForce.GTC:
        return UsdmTimeInForce.GTD
    return UsdmTimeInForce(order.time_in_force.value.upper())


def working_type(trigger: Trigger | None) -> WorkingType:
    """Binance's word for what a trigger watches; orders without one say the default."""
    is_mark = trigger is not None and trigger.reference is PriceReference.MARK
    return WorkingType.MARK_PRICE if is_mark else WorkingType.CONTRACT_PRICE


def algo_status_of(order: OrderRecord) -> str:
    """Binance's word for where a conditional order stands in its algo service."""
    if not order.is_waiting:
        refused_when_fired = order.state is OrderState.EXPIRED and order.reason in _REFUSED
        return "REJECTED" if refused_when_fired else "TRIGGERED" if order.is_open else "FINISHED"
    return {OrderState.CANCELED: "CANCELED", OrderState.EXPIRED: "EXPIRED"}.get(order.state, "NEW")


class ContractWire:
    """One perpetual's names and numbers on the wire."""

    def __init__(self, instrument: Instrument, scale: Scale) -> None:
        self.instrument, self.scale = instrument, scale
        self.name = instrument.venue_symbol
        self.grid = Grid(instrument)
        self.price_decimals, self._tick = _decimals(instrument.tick_size)
        self.quantity_decimals, self._lot = _decimals(instrument.lot_size)

    def price(self, ticks: int) -> str:
        """A price."""
        return decimal_text(ticks * self._tick, self.price_decimals)

    def quantity(self, lots: int) -> str:
        """A quantity."""
        return decimal_text(lots * self._lot, self.quantity_decimals)

    def average(self, quote_units: int, lots: int) -> str:
        """The price at which so many lots cost so much, with 8 decimals; 0 for no lots."""
        return units_text(quote_units * UNITS_PER_ASSET // (lots * self.scale.lot_units) if lots else 0)

    def levels(self, levels: LevelSizes) -> list[tuple[str, str]]:
        """Prices and sizes."""
        return [(self.price(price), self.quantity(lots)) for price, lots in levels]

    def order(self, order: OrderRecord) -> Json:
        """An order as every answer has it."""
        terms, trigger = order.terms, order.trigger
        shown = {
            "orderId": order.order_id,
            "symbol": self.name,
            "status": status_of(order),
            "clientOrderId": name_of(order),
            "price": self.price(order.price_ticks),
            "avgPrice": self.average(order.quote_units, order.filled_lots),
            "origQty": self.quantity(order.quantity_lots),
            "executedQty": self.quantity(order.filled_lots),
            "cumQty": self.quantity(order.filled_lots),
            "cumQuote": units_text(order.quote_units),
            "timeInForce": life_of(order),
            "type": type_of(order),
            "reduceOnly": order.reduce_only,
            "closePosition": terms.close_position,
            "side": order.side.value.upper(),
            "positionSide": "BOTH",
            "stopPrice": self.price(order.stop_ticks),
            "workingType": working_type(trigger),
            "priceProtect": False,
            "origType": original_type(order),
            "priceMatch": "NONE",
            "selfTradePreventionMode": order.self_trade_prevention.value.upper(),
            "goodTillDate": terms.expires_ns // NS_PER_MS,
            "time": order.placed_ns // NS_PER_MS,
            "updateTime": order.changed_ns // NS_PER_MS,
        }
        return shown | self._trailing(trigger, "activatePrice", "priceRate")

    def algo(self, order: OrderRecord) -> Json:
        """A conditional order as the algo service's answers have it."""
        terms, trigger = order.terms, order.trigger
        shown = {
            "algoId": order.order_id,
            "clientAlgoId": order.client_order_id,
            "algoType": "CONDITIONAL",
            "orderType": original_type(order),
            "symbol": self.name,
            "side": order.side.value.upper(),
            "positionSide": "BOTH",
            "timeInForce": life_of(order),
            "quantity": self.quantity(order.quantity_lots),
            "algoStatus": algo_status_of(order),
            "triggerPrice": self.price(order.stop_ticks),
            "price": self.price(order.price_ticks),
            "icebergQuantity": None,
            "selfTradePreventionMode": order.self_trade_prevention.value.upper(),
            "workingType": working_type(trigger),
            "priceMatch": "NONE",
            "closePosition": terms.close_position,
            "priceProtect": False,
            "reduceOnly": order.reduce_only,
            "actualOrderId": "" if order.is_waiting else str(order.order_id),
            "actualPrice": self.average(order.quote_units, order.filled_lots),
            "actualQty": self.quantity(order.filled_lots),
            "createTime": order.placed_ns // NS_PER_MS,
            "updateTime": order.changed_ns // NS_PER_MS,
            "triggerTime": 0 if order.is_waiting else order.changed_ns // NS_PER_MS,
            "goodTillDate": terms.expires_ns // NS_PER_MS,
        }
        return shown | self._trailing(trigger, "activatePrice", "callbackRate")

    def forced(self, order: OrderRecord, last_lots: int) -> Json:
        """A liquidation order as the public stream tells of it."""
        return {
            "s": self.name,
            "S": order.side.value.upper(),
            "o": order.order_type.value.upper(),
            "f": order.time_in_force.value.upper(),
            "q": self.quantity(order.quantity_lots),
            "p": self.price(order.price_ticks),
            "ap": self.average(order.quote_units, order.filled_lots),
            "X": status_of(order),
            "l": self.quantity(last_lots),
            "z": self.quantity(order.filled_lots),
            "T": order.changed_ns // NS_PER_MS,
        }

    def fill(self, fill: Fill) -> Json:
        """A trade of ours, as userTrades lists it."""
        return {
            "symbol": self.name,
            "id": fill.trade_id,
            "orderId": fill.order_id,
            "side": fill.side.value.upper(),
            "price": self.price(fill.price_ticks),
            "qty": self.quantity(fill.quantity_lots),
            "realizedPnl": units_text(fill.realised_units),
            "quoteQty": units_text(self.scale.quote_units(fill.price_ticks, fill.quantity_lots)),
            "commission": units_text(fill.fee_units),
            "commissionAsset": fill.fee_asset,
            "time": fill.time_ns // NS_PER_MS,
            "positionSide": "BOTH",
            "maker": fill.maker,
            "buyer": fill.side is Side.BUY,
        }

    def public_trade(self, trade: TradeExecuted) -> Json:
        """A trade, as trades lists it."""
        return {
            "id": trade.trade_id,
            "price": self.price(trade.price_ticks),
            "qty": self.quantity(trade.quantity_lots),
            "quoteQty": units_text(self.scale.quote_units(trade.price_ticks, trade.quantity_lots)),
            "time": trade.time_ns // NS_PER_MS,
            "isBuyerMaker": trade.aggressor is Side.SELL,
        }

    def _trailing(self, trigger: Trigger | None, activation: str, rate: str) -> Json:
        if trigger is None or trigger.kind is not TriggerKind.TRAILING:
            return {}
        return {activation: self.price(trigger.activation_ticks), rate: callback_text(trigger)}


def callback_text(trigger: Trigger) -> str:
    """A trailing order's offset in per cent."""
    return decimal_text(trigger.offset_bps, 2)


def _decimals(step: Decimal) -> tuple[int, int]:
    """How many decimals a step has, and the step in units of the last of them."""
    decimals = max(0, -int(step.normalize().as_tuple().exponent))
    return decimals, int(step.scaleb(decimals))
