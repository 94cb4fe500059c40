"""Binance spot's JSON of orders and of what became of them."""

import msgspec

from common.exchange.commands import TriggerKind
from common.exchange.events import SELF_TRADE, SelfTradePrevented, TradeExecuted, TradeParty
from common.exchange.fills import Fill
from common.exchange.money import units_text
from common.exchange.record import OrderRecord
from common.model.order import Side
from services.paper_exchange.wire import NS_PER_MS, ZERO, Json, MarketWire, status_of, type_of

NOT_WORKING = -1
"""The time at which an order that waits came to the book."""


class Amendment(msgspec.Struct, frozen=True):
    """One order became smaller, and was renamed. Quantities as texts of the wire."""

    order_id: int
    execution_id: int
    names: tuple[str, str]
    quantities: tuple[str, str]
    time_ms: int

    def json(self, wire: MarketWire) -> Json:
        """As amendments lists it."""
        return {
            "symbol": wire.name,
            "orderId": self.order_id,
            "executionId": self.execution_id,
            "origClientOrderId": self.names[0],
            "newClientOrderId": self.names[1],
            "origQty": self.quantities[0],
            "newQty": self.quantities[1],
            "time": self.time_ms,
        }


def order_json(wire: MarketWire, order: OrderRecord) -> Json:
    """An order as queries answer it."""
    terms = _terms(wire, order) | _conditional(wire, order)
    return {"stopPrice": ZERO} | terms | {
        "icebergQty": ZERO,
        "time": order.placed_ns // NS_PER_MS,
        "updateTime": order.changed_ns // NS_PER_MS,
        "isWorking": not order.is_waiting,
        "workingTime": working_ms(order),
    }  # fmt: skip


def placed_json(
    wire: MarketWire, order: OrderRecord, trades: list[TradeExecuted], prevented: list[SelfTradePrevented], kind: str
) -> Json:
    """The answer to a new order: ACK, RESULT or FULL. `trades` and `prevented` are what it met as a taker."""
    moment = order.placed_ns // NS_PER_MS
    terms = _terms(wire, order)
    if kind == "ACK":
        names = ("symbol", "orderId", "orderListId", "clientOrderId")
        return {name: terms[name] for name in names} | {"transactTime": moment}
    answer = terms | {"transactTime": moment, "workingTime": working_ms(order)}
    if order.trigger is not None or order.prevented_id:
        answer |= _conditional(wire, order)
    if kind == "FULL":
        answer["fills"] = [_taken(wire, trade, trade.taker) for trade in trades]
    if prevented:
        answer["preventedMatches"] = [_met(wire, each) for each in prevented]
    return answer


def canceled_json(wire: MarketWire, order: OrderRecord, cancel_id: str) -> Json:
    """The answer to a cancel: `clientOrderId` is the cancel's own name."""
    moment = order.changed_ns // NS_PER_MS
    names = {"origClientOrderId": order.client_order_id, "clientOrderId": cancel_id, "transactTime": moment}
    return _terms(wire, order) | _conditional(wire, order) | names


def amended_json(wire: MarketWire, order: OrderRecord, before: str, execution_id: int) -> Json:
    """The answer to an amendment of an order whose client order id was `before`."""
    terms = _terms(wire, order)
    renamed = {"qty": "origQty", "quoteOrderQty": "origQuoteOrderQty", "cumulativeQuoteQty": "cummulativeQuoteQty"}
    amended = {name: value for name, value in terms.items() if name not in renamed.values()}
    amended |= {new: terms[old] for new, old in renamed.items()} | _conditional(wire, order)
    amended.pop("preventedQuantity", None)
    own = {"origClientOrderId": before, "preventedQty": prevented_text(wire, order), "workingTime": working_ms(order)}
    moment = order.changed_ns // NS_PER_MS
    return {"transactTime": moment, "executionId": execution_id, "amendedOrder": amended | own}


def fill_json(wire: MarketWire, fill: Fill) -> Json:
    """A trade of ours, as myTrades lists it."""
    return {
        "symbol": wire.name,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1,
        "price": wire.price(fill.price_ticks),
        "qty": wire.quantity(fill.quantity_lots),
        "quoteQty": units_text(wire.scale.quote_units(fill.price_ticks, fill.quantity_lots)),
        "commission": units_text(fill.fee_units),
        "commissionAsset": fill.fee_asset,
        "time": fill.time_ns // NS_PER_MS,
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def prevented_json(wire: MarketWire, match: SelfTradePrevented, trade_group_id: int) -> Json:
    """A prevented match, as myPreventedMatches lists it."""
    return {
        "symbol": wire.name,
        "preventedMatchId": match.match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": wire.name,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": trade_group_id,
        "selfTradePreventionMode": match.mode.value.upper(),
        "price": wire.price(match.price_ticks),
        "transactTime": match.time_ns // NS_PER_MS,
    } | _lost(wire, match)


def working_ms(order: OrderRecord) -> int:
    """When an order came to the book, or NOT_WORKING."""
    return order.working_ns // NS_PER_MS if order.working_ns else NOT_WORKING


def trailing_ms(order: OrderRecord) -> int:
    """When a trailing order began to follow, or NOT_WORKING."""
    return order.following_ns // NS_PER_MS if order.following_ns else NOT_WORKING


def ordered_text(wire: MarketWire, order: OrderRecord) -> str:
    """The quantity of an order: what self-trade prevention took of it while it stayed open is still counted."""
    return wire.quantity(order.quantity_lots + order.prevented_lots)


def prevented_text(wire: MarketWire, order: OrderRecord) -> str:
    """All that self-trade prevention took of an order, with its end too."""
    ended_with = order.remaining_lots if order.reason == SELF_TRADE else 0
    return wire.quantity(order.prevented_lots + ended_with)


def stop_text(wire: MarketWire, order: OrderRecord) -> str:
    """The stop price that was ordered; of a trailing order the price from which on it follows."""
    trigger = order.trigger
    if trigger is None:
        return ZERO
    return wire.price(trigger.activation_ticks if trigger.kind is TriggerKind.TRAILING else trigger.price_ticks)


def quote_quantity_text(wire: MarketWire, order: OrderRecord) -> str:
    """What a market order was to cost or bring; zero for one with a quantity."""
    budget = order.terms.budget
    return ZERO if budget is None else units_text(budget * wire.scale.tick_lot_units)


def _terms(wire: MarketWire, order: OrderRecord) -> Json:
    terms = order.terms
    return {
        "symbol": wire.name,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": terms.client_order_id,
        "price": wire.price(order.price_ticks),
        "origQty": ordered_text(wire, order),
        "executedQty": wire.quantity(order.filled_lots),
        "origQuoteOrderQty": quote_quantity_text(wire, order),
        "cummulativeQuoteQty": units_text(order.quote_units),
        "status": status_of(order),
        "timeInForce": terms.time_in_force.value.upper(),
        "type": type_of(terms),
        "side": terms.side.value.upper(),
        "selfTradePreventionMode": terms.self_trade_prevention.value.upper(),
    }


def _conditional(wire: MarketWire, order: OrderRecord) -> Json:
    """Fields that only some orders have."""
    fields, trigger = Json(), order.trigger
    if trigger is not None:
        fields["stopPrice"] = stop_text(wire, order)
        if trigger.kind is TriggerKind.TRAILING:
            fields |= {"trailingDelta": trigger.offset_bps, "trailingTime": trailing_ms(order)}
    if order.prevented_id:
        fields |= {"preventedMatchId": order.prevented_id, "preventedQuantity": prevented_text(wire, order)}
    return fields


def _met(wire: MarketWire, match: SelfTradePrevented) -> Json:
    return {
        "preventedMatchId": match.match_id,
        "makerSymbol": wire.name,
        "makerOrderId": match.maker_order_id,
        "price": wire.price(match.price_ticks),
    } | _lost(wire, match)


def _lost(wire: MarketWire, match: SelfTradePrevented) -> Json:
    sides = (("takerPreventedQuantity", match.taker_lots), ("makerPreventedQuantity", match.maker_lots))
    return {name: wire.quantity(lots) for name, lots in sides if lots}


def _taken(wire: MarketWire, trade: TradeExecuted, party: TradeParty) -> Json:
    return {
        "price": wire.price(trade.price_ticks),
        "qty": wire.quantity(trade.quantity_lots),
        "commission": units_text(party.fee_units),
        "commissionAsset": party.fee_asset,
        "tradeId": trade.trade_id,
    }
