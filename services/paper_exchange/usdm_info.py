"""What USD-M says of its markets and of itself."""

from common.exchange.margin.rules import Bracket
from common.exchange.money import RATE_SCALE, UNITS_PER_ASSET
from services.paper_exchange.usdm_site import UsdmSite
from services.paper_exchange.usdm_wire import (
    ContractWire,
    UsdmSelfTradePrevention,
    UsdmTimeInForce,
    UsdmType,
    decimal_text,
)
from services.paper_exchange.wire import Json

PRICE_MAX = "1000000"
DELIVERY_MS = 4_133_404_800_000
"""The year 2100: Binance's way to say never."""


def exchange_info(site: UsdmSite) -> Json:
    """Limits, assets and markets."""
    weight = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
    return {
        "timezone": "UTC",
        "serverTime": site.now_ms(),
        "futuresType": "U_MARGINED",
        "rateLimits": [weight | {"limit": site.limits.weight.limit}, *site.limits.order_rows()],
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in site.positions.assets
        ],
        "symbols": [_market(site, wire) for wire in site.wires.values()],
    }


def brackets(site: UsdmSite, wire: ContractWire) -> Json:
    """Margin by size of the position."""
    table = site.exchange.margin.markets[wire.instrument.symbol].table
    return {
        "symbol": wire.name,
        "notionalCoef": 1.0,
        "brackets": [_bracket(number, each) for number, each in enumerate(table.brackets, 1)],
    }


def _bracket(number: int, bracket: Bracket) -> Json:
    return {
        "bracket": number,
        "initialLeverage": bracket.leverage_max,
        "notionalCap": bracket.notional_units_max // UNITS_PER_ASSET,
        "notionalFloor": bracket.notional_units_min // UNITS_PER_ASSET,
        "maintMarginRatio": bracket.maintenance_rate / RATE_SCALE,
        "cum": bracket.deduction_units / UNITS_PER_ASSET,
    }


def _market(site: UsdmSite, wire: ContractWire) -> Json:
    instrument, symbol = wire.instrument, wire.instrument.symbol
    first = site.exchange.margin.markets[symbol].table.brackets[0]
    return {
        "symbol": wire.name,
        "pair": wire.name,
        "contractType": "PERPETUAL",
        "deliveryDate": DELIVERY_MS,
        "onboardDate": 0,
        "status": "TRADING",
        "maintMarginPercent": _percent(first.maintenance_rate),
        "requiredMarginPercent": _percent(RATE_SCALE // first.leverage_max),
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.quote,
        "pricePrecision": wire.price_decimals,
        "quantityPrecision": wire.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0000",
        "liquidationFee": "0.000000",
        "marketTakeBound": _band(site, symbol),
        "maxMoveOrderLimit": 10_000,
        "filters": _filters(site, wire),
        "orderTypes": list(UsdmType),
        "timeInForce": list(UsdmTimeInForce),
        "permissionSets": [],
        "allowedSelfTradePreventionModes": list(UsdmSelfTradePrevention),
    }


def _filters(site: UsdmSite, wire: ContractWire) -> list[Json]:
    instrument, rules = wire.instrument, site.exchange.markets[wire.instrument.symbol].facts.rules
    step, smallest = wire.quantity(1), wire.quantity(instrument.quantity_lots_min)
    sizes = {"minQty": smallest, "maxQty": wire.quantity(instrument.quantity_lots_max), "stepSize": step}
    found: list[Json] = [
        {"filterType": "PRICE_FILTER", "minPrice": wire.price(1), "maxPrice": PRICE_MAX, "tickSize": wire.price(1)},
        {"filterType": "LOT_SIZE"} | sizes,
        {"filterType": "MARKET_LOT_SIZE"} | sizes,
        {"filterType": "MAX_NUM_ORDERS", "limit": rules.open_orders_max},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": rules.open_orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": f"{instrument.notional_min:f}"},
    ]
    if width := rules.price_band_bps:
        up, down = decimal_text(10_000 + width, 4), decimal_text(10_000 - width, 4)
        found.append(
            {"filterType": "PERCENT_PRICE", "multiplierUp": up, "multiplierDown": down, "multiplierDecimal": "4"}
        )
    return found


def _band(site: UsdmSite, symbol: str) -> str:
    rules = site.exchange.markets[symbol].facts.rules
    return decimal_text(rules.price_band_bps or rules.market_slippage_bps, 4)


def _percent(rate: int) -> str:
    """A rate at 1e-9 in per cent with four decimals."""
    return decimal_text(rate * 100 * 10_000 // RATE_SCALE, 4)
