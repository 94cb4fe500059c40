"""Binance spot's words, and its JSON of markets. Every decimal has eight places, as there."""

from enum import StrEnum
from typing import Any, Protocol

from common.exchange.commands import LevelSizes, PlaceOrder, SelfTradePrevention, TriggerKind
from common.exchange.events import SELF_TRADE, MarketPhase, TradeExecuted
from common.exchange.money import UNITS_PER_ASSET, Scale, units_text
from common.exchange.record import OrderRecord
from common.exchange.rules import BPS, MarketRules
from common.model.instrument import Instrument
from common.model.order import OrderState, OrderType, Side, TimeInForce
from common.venues.grid import Grid

Json = dict[str, Any]
ZERO = units_text(0)
NS_PER_MS = 1_000_000


class WireNumbers(Protocol):
    """How one market's name and numbers are written; spot's decimals have eight places, other venues' the market's."""

    name: str
    scale: Scale

    def price(self, ticks: int) -> str:
        """A price."""

    def quantity(self, lots: int) -> str:
        """A quantity."""


class WireSide(StrEnum):
    """Binance's sides."""

    BUY = "BUY"
    SELL = "SELL"


class WireType(StrEnum):
    """The order types that this venue takes."""

    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


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
    DECREMENT = "DECREMENT"
    NONE = "NONE"


TRAILING_BPS_MIN, TRAILING_BPS_MAX = 10, 2_000

_TRIGGERED = {
    (TriggerKind.STOP_LOSS, OrderType.MARKET): WireType.STOP_LOSS,
    (TriggerKind.STOP_LOSS, OrderType.LIMIT): WireType.STOP_LOSS_LIMIT,
    (TriggerKind.TAKE_PROFIT, OrderType.MARKET): WireType.TAKE_PROFIT,
    (TriggerKind.TAKE_PROFIT, OrderType.LIMIT): WireType.TAKE_PROFIT_LIMIT,
}
_PHASES = {MarketPhase.OPEN: "TRADING", MarketPhase.HALT: "HALT", MarketPhase.POST_ONLY: "PRE_TRADING"}
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


def type_of(terms: PlaceOrder) -> WireType:
    """Binance's word for what an order is. A trailing one is a stop-loss or a take-profit there."""
    trigger = terms.trigger
    if trigger is not None:
        kind = trigger.activation if trigger.kind is TriggerKind.TRAILING else trigger.kind
        return _TRIGGERED[kind, terms.order_type]
    if terms.order_type is OrderType.MARKET:
        return WireType.MARKET
    return WireType.LIMIT_MAKER if terms.post_only else WireType.LIMIT


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

    def exchange_info(self, phase: MarketPhase, rules: MarketRules) -> Json:
        """What exchangeInfo says of this market. While it takes only orders that rest, its status is PRE_TRADING."""
        instrument = self.instrument
        return {
            "symbol": self.name,
            "status": _PHASES[phase],
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
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": True,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": self._filters(rules),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": WireSelfTradePrevention.EXPIRE_MAKER,
            "allowedSelfTradePreventionModes": list(WireSelfTradePrevention),
        }

    def _filters(self, rules: MarketRules) -> list[Json]:
        instrument, band = self.instrument, rules.price_band_bps
        tick, smallest = self.price(1), self.quantity(instrument.quantity_lots_min)
        largest = self.quantity(instrument.quantity_lots_max)
        filters: list[Json] = [
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
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": TRAILING_BPS_MIN,
                "maxTrailingAboveDelta": TRAILING_BPS_MAX,
                "minTrailingBelowDelta": TRAILING_BPS_MIN,
                "maxTrailingBelowDelta": TRAILING_BPS_MAX,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.open_orders_max},
        ]
        if band:
            # No average: the band is around the last price.
            up, down = f"{(BPS + band) / BPS:.8f}", f"{(BPS - band) / BPS:.8f}"
            filters.append(
                {"filterType": "PERCENT_PRICE", "multiplierUp": up, "multiplierDown": down, "avgPriceMins": 0}
            )
        return filters


def time_in_force(word: WireTimeInForce) -> TimeInForce:
    """The exchange's value of a word."""
    return TimeInForce(word.value.lower())


def self_trade_prevention(word: WireSelfTradePrevention) -> SelfTradePrevention:
    """The exchange's value of a word."""
    return SelfTradePrevention(word.value.lower())
