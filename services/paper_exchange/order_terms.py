"""A new order's parameters: which of them each type takes, and the command that they make."""

import secrets
from collections.abc import Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from common.exchange.commands import PlaceOrder, PriceReference, Trigger, TriggerKind
from common.model.order import OrderType, Side, TimeInForce
from services.paper_exchange import refusals
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.wire import (
    TRAILING_BPS_MAX,
    TRAILING_BPS_MIN,
    MarketWire,
    WireSelfTradePrevention,
    WireSide,
    WireTimeInForce,
    WireType,
    self_trade_prevention,
    time_in_force,
)

_NO_SUCH_MODE = "This symbol does not allow the specified self-trade prevention mode."
INVALID_TYPE = partial(refusals.VenueError, -1116, "Invalid orderType.")
INVALID_SIDE = partial(refusals.VenueError, -1117, "Invalid side.")
INVALID_TIME_IN_FORCE = partial(refusals.VenueError, -1115, "Invalid timeInForce.")
INVALID_PREVENTION = partial(refusals.VenueError, -1013, _NO_SUCH_MODE)
NO_ICEBERGS = partial(refusals.VenueError, -1013, "Iceberg orders are not supported for this symbol.")
NO_LIQUIDITY = partial(refusals.VenueError, -2010, "Order book liquidity is less than symbol minimum quantity.")
RESPONSES = ("ACK", "RESULT", "FULL")

AffordableLots = Callable[[PlaceOrder], int]
"""Lots that a market order would trade now within its budget."""


class Shape(msgspec.Struct, frozen=True):
    """What an order type takes beside a quantity. `spends`: an amount of the quote asset may stand for the quantity."""

    is_limit: bool
    has_time_in_force: bool = False
    trigger: TriggerKind | None = None
    spends: bool = False

    @property
    def unwanted(self) -> tuple[str, ...]:
        """Parameters that it does not take."""
        names = {
            "price": self.is_limit,
            "timeInForce": self.has_time_in_force,
            "stopPrice": self.trigger is not None,
            "trailingDelta": self.trigger is not None,
            "quoteOrderQty": self.spends,
        }
        return tuple(name for name, wanted in names.items() if not wanted)


SHAPES = {
    WireType.LIMIT: Shape(True, has_time_in_force=True),
    WireType.LIMIT_MAKER: Shape(True),
    WireType.MARKET: Shape(False, spends=True),
    WireType.STOP_LOSS: Shape(False, trigger=TriggerKind.STOP_LOSS),
    WireType.STOP_LOSS_LIMIT: Shape(True, has_time_in_force=True, trigger=TriggerKind.STOP_LOSS),
    WireType.TAKE_PROFIT: Shape(False, trigger=TriggerKind.TAKE_PROFIT),
    WireType.TAKE_PROFIT_LIMIT: Shape(True, has_time_in_force=True, trigger=TriggerKind.TAKE_PROFIT),
}
_UNWANTED = {kind: shape.unwanted for kind, shape in SHAPES.items()}


def read_order(wire: MarketWire, parameters: Parameters, time_ns: int, affordable_lots: AffordableLots) -> PlaceOrder:
    """The command that places an order. Raises VenueError."""
    side = parameters.choice("side", WireSide, None, INVALID_SIDE)
    kind = parameters.choice("type", WireType, None, INVALID_TYPE)
    prevention = parameters.choice(
        "selfTradePreventionMode", WireSelfTradePrevention, WireSelfTradePrevention.EXPIRE_MAKER, INVALID_PREVENTION
    )
    shape = SHAPES[kind]
    if parameters.has("icebergQty"):
        raise NO_ICEBERGS()
    for name in _UNWANTED[kind]:
        if parameters.has(name):
            raise refusals.not_required(name)
    spends = shape.spends and _spends(parameters)
    order = PlaceOrder(
        time_ns=time_ns, account=parameters.account, symbol=wire.instrument.symbol,
        client_order_id=parameters.client_order_id("newClientOrderId") or secrets.token_hex(11),
        side=Side(side.value.lower()),
        quantity_lots=0 if spends else parameters.steps("quantity", wire.grid.lots, "LOT_SIZE"),
        price_ticks=parameters.steps("price", wire.grid.ticks, "PRICE_FILTER") if shape.is_limit else 0,
        order_type=OrderType.LIMIT if shape.is_limit else OrderType.MARKET,
        time_in_force=_time_in_force(parameters) if shape.has_time_in_force else TimeInForce.GTC,
        post_only=kind is WireType.LIMIT_MAKER,
        self_trade_prevention=self_trade_prevention(prevention),
        trigger=None if shape.trigger is None else _trigger(wire, parameters, shape.trigger),
    )  # fmt: skip
    return _spending(wire, parameters, order, affordable_lots) if spends else order


def response_kind(parameters: Parameters, order: PlaceOrder) -> str:
    """How much the answer is to tell. Orders that wait or only rest answer less by themselves."""
    kind = parameters.text("newOrderRespType") if parameters.has("newOrderRespType") else ""
    if kind and kind not in RESPONSES:
        raise refusals.mandatory("newOrderRespType")
    return kind or ("ACK" if order.post_only or order.trigger is not None else "FULL")


def _time_in_force(parameters: Parameters) -> TimeInForce:
    return time_in_force(parameters.choice("timeInForce", WireTimeInForce, None, INVALID_TIME_IN_FORCE))


def _trigger(wire: MarketWire, parameters: Parameters, kind: TriggerKind) -> Trigger:
    """Triggers watch the last price here. With a trailing delta the stop price is where following begins."""
    stop = parameters.steps("stopPrice", wire.grid.ticks, "PRICE_FILTER") if parameters.has("stopPrice") else 0
    if not parameters.has("trailingDelta"):
        if not parameters.has("stopPrice"):
            raise refusals.one_of("stopPrice", "trailingDelta")
        return Trigger(kind=kind, reference=PriceReference.LAST, price_ticks=stop)
    if parameters.has("stopPrice") and not stop:
        raise refusals.filter_failed("PRICE_FILTER")
    delta = parameters.integer("trailingDelta")
    if not TRAILING_BPS_MIN <= delta <= TRAILING_BPS_MAX:
        raise refusals.filter_failed("TRAILING_DELTA")
    return Trigger(
        kind=TriggerKind.TRAILING, reference=PriceReference.LAST, offset_bps=delta, activation_ticks=stop,
        activation=kind,
    )  # fmt: skip


def _spends(parameters: Parameters) -> bool:
    quantity, amount = parameters.has("quantity"), parameters.has("quoteOrderQty")
    if quantity and amount:
        raise refusals.not_required("quoteOrderQty")
    if not (quantity or amount):
        raise refusals.one_of("quantity", "quoteOrderQty")
    return amount


def _spending(
    wire: MarketWire, parameters: Parameters, order: PlaceOrder, affordable_lots: AffordableLots
) -> PlaceOrder:
    """A market order for an amount of the quote asset: for as many lots as that buys, or sells for, right now."""
    budget = parameters.units("quoteOrderQty") // wire.scale.tick_lot_units
    if not budget:
        raise refusals.filter_failed("NOTIONAL")
    most = replace(order, quantity_lots=wire.instrument.quantity_lots_max, budget=budget)
    lots = affordable_lots(most)
    if lots < wire.instrument.quantity_lots_min:
        raise refusals.filter_failed("NOTIONAL") if affordable_lots(replace(most, budget=None)) else NO_LIQUIDITY()
    return replace(most, quantity_lots=lots)
