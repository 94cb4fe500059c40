"""Binance spot's JSON, made from the exchange's values. Every decimal has eight places, as there."""

from enum import StrEnum
from typing import Any

from common.exchange.commands import LevelSizes, SelfTradePrevention
from common.exchange.events import SELF_TRADE, TradeExecuted, TradeParty
from common.exchange.exchange import OPEN_ORDERS_MAX
from common.exchange.fills import Fill
from common.exchange.ledger import OrderRecord
from common.exchange.money import UNITS_PER_ASSET, Scale, units_text
from common.model.instrument import Instrument
from common.model.order import OrderState, OrderType, Side, TimeInForce
from common.venues.grid import Grid

Json = dict[str, Any]
ZERO = units_text(0)
NS_PER_MS = 1_000_000


class WireSide(StrEnum):
    """Binance's sides."""

    BUY = "BUY"
    SELL = "SELL"


class WireType(StrEnum):
    """The order types that this venue takes."""

    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"


class WireTimeInForce(StrEnum):
    """Binance's times in force."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class WireSelfTradePrevention(StrEnum):
    """The modes that this venue takes."""

    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


_STATUS = {
    OrderState.OPEN: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELED: "CANCELED",
    OrderState.EXPIRED: "EXPIRED",
}


def status_of(order: OrderRecord) -> str:
    """Binance's word for where an order stands."""
    return "EXPIRED_IN_MATCH" if order.reason == SELF_TRADE else _STATUS[order.state]


def type_of(order: OrderRecord) -> str:
    """Binance's word for what an order is."""
    if order.order_type is OrderType.MARKET:
        return WireType.MARKET
    return WireType.LIMIT_MAKER if order.post_only else WireType.LIMIT


class MarketWire:
    """One market's names and numbers on the wire."""

    def __init__(self, instrument: Instrument, scale: Scale) -> None:
        self.instrument, self.scale = instrument, scale
        self.name = instrument.venue_symbol
        self.grid = Grid(instrument)
        self._tick_units = int(instrument.tick_size * UNITS_PER_ASSET)

    def price(self, ticks: int) -> str:
        """A price."""
        return units_text(ticks * self._tick_units)

    def quantity(self, lots: int) -> str:
        """A quantity."""
        return units_text(lots * self.scale.lot_units)

    def levels(self, levels: LevelSizes) -> list[tuple[str, str]]:
        """Prices and sizes."""
        return [(self.price(price), self.quantity(lots)) for price, lots in levels]

    def order(self, order: OrderRecord) -> Json:
        """An order as queries answer it."""
        placed_ms = order.placed_ns // NS_PER_MS
        return self._terms(order) | {
            "stopPrice": ZERO,
            "icebergQty": ZERO,
            "time": placed_ms,
            "updateTime": order.changed_ns // NS_PER_MS,
            "isWorking": True,
            "workingTime": placed_ms,
        }

    def placed(self, order: OrderRecord, trades: list[TradeExecuted], kind: str) -> Json:
        """The answer to a new order: ACK, RESULT or FULL."""
        moment = order.placed_ns // NS_PER_MS
        if kind == "ACK":
            names = ("symbol", "orderId", "orderListId", "clientOrderId")
            terms = self._terms(order)
            return {name: terms[name] for name in names} | {"transactTime": moment}
        answer = self._terms(order) | {"transactTime": moment, "workingTime": moment}
        if kind == "FULL":
            answer["fills"] = [self._taken(trade, trade.taker) for trade in trades]
        return answer

    def canceled(self, order: OrderRecord, cancel_id: str) -> Json:
        """The answer to a cancel: `clientOrderId` is the cancel's own name."""
        moment = order.changed_ns // NS_PER_MS
        names = {"origClientOrderId": order.client_order_id, "clientOrderId": cancel_id, "transactTime": moment}
        return self._terms(order) | names

    def fill(self, fill: Fill) -> Json:
        """A trade of ours, as myTrades lists it."""
        return {
            "symbol": self.name,
            "id": fill.trade_id,
            "orderId": fill.order_id,
            "orderListId": -1,
            "price": self.price(fill.price_ticks),
            "qty": self.quantity(fill.quantity_lots),
            "quoteQty": units_text(self.scale.quote_units(fill.price_ticks, fill.quantity_lots)),
            "commission": units_text(fill.fee_units),
            "commissionAsset": fill.fee_asset,
            "time": fill.time_ns // NS_PER_MS,
            "isBuyer": fill.side is Side.BUY,
            "isMaker": fill.maker,
            "isBestMatch": True,
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
            "isBestMatch": True,
        }

    def exchange_info(self) -> Json:
        """What exchangeInfo says of this market."""
        instrument = self.instrument
        return {
            "symbol": self.name,
            "status": "TRADING",
            "baseAsset": instrument.base,
            "baseAssetPrecision": 8,
            "quoteAsset": instrument.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(WireType),
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "quoteOrderQtyMarketAllowed": False,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": False,
            "amendAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self._filters(),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": WireSelfTradePrevention.EXPIRE_MAKER,
            "allowedSelfTradePreventionModes": list(WireSelfTradePrevention),
        }

    def _filters(self) -> list[Json]:
        instrument = self.instrument
        tick, smallest = self.price(1), self.quantity(instrument.quantity_lots_min)
        largest = self.quantity(instrument.quantity_lots_max)
        return [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": smallest, "maxQty": largest, "stepSize": self.quantity(1)},
            {
                "filterType": "NOTIONAL",
                "minNotional": f"{instrument.notional_min:.8f}",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": OPEN_ORDERS_MAX},
        ]

    def _terms(self, order: OrderRecord) -> Json:
        return {
            "symbol": self.name,
            "orderId": order.order_id,
            "orderListId": -1,
            "clientOrderId": order.client_order_id,
            "price": self.price(order.price_ticks),
            "origQty": self.quantity(order.quantity_lots),
            "executedQty": self.quantity(order.filled_lots),
            "origQuoteOrderQty": ZERO,
            "cummulativeQuoteQty": units_text(order.quote_units),
            "status": status_of(order),
            "timeInForce": order.time_in_force.value.upper(),
            "type": type_of(order),
            "side": order.side.value.upper(),
            "selfTradePreventionMode": order.self_trade_prevention.value.upper(),
        }

    def _taken(self, trade: TradeExecuted, party: TradeParty) -> Json:
        return {
            "price": self.price(trade.price_ticks),
            "qty": self.quantity(trade.quantity_lots),
            "commission": units_text(party.fee_units),
            "commissionAsset": party.fee_asset,
            "tradeId": trade.trade_id,
        }


def time_in_force(word: WireTimeInForce) -> TimeInForce:
    """The exchange's value of a word."""
    return TimeInForce(word.value.lower())


def self_trade_prevention(word: WireSelfTradePrevention) -> SelfTradePrevention:
    """The exchange's value of a word."""
    return SelfTradePrevention(word.value.lower())
