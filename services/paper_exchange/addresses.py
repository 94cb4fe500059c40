"""Which address does what: REST paths and WebSocket methods, with Binance's weights, on the same handlers."""

from collections.abc import Callable
from typing import Any

import msgspec

from services.paper_exchange.account_api import AccountApi
from services.paper_exchange.cancel_replace import CancelReplace
from services.paper_exchange.market_api import MarketApi
from services.paper_exchange.order_api import OrderApi
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.public_api import PublicApi
from services.paper_exchange.site import Site


class Address(msgspec.Struct, frozen=True):
    """One handler, its request weight, and whether its callers must sign. `orders`: answers tell the order counts.

    `keyed`: callers name their key without signing. `weigh`: the weight, where it depends on what is asked.
    """

    handle: Callable[[Parameters], Any]
    weight: int
    signed: bool = False
    orders: bool = False
    keyed: bool = False
    weigh: Callable[[Parameters], int] | None = None


def rest_addresses(site: Site) -> dict[tuple[str, str], Address]:
    """By method and path."""
    public, markets = PublicApi(site), MarketApi(site)
    none = Address(public.nothing, 1)
    api = {
        ("GET", "ping"): Address(public.ping, 1),
        ("GET", "time"): Address(public.time, 1),
        ("GET", "exchangeInfo"): Address(public.exchange_info, 20),
        ("GET", "depth"): Address(markets.depth, 5),
        ("GET", "trades"): Address(markets.trades, 25),
        ("GET", "aggTrades"): Address(markets.agg_trades, 4),
        ("GET", "klines"): Address(markets.klines, 2),
        ("GET", "avgPrice"): Address(markets.average_price, 2),
        ("GET", "ticker/24hr"): Address(markets.day_ticker, 2),
        ("GET", "ticker/price"): Address(markets.price_ticker, 2),
        ("GET", "ticker/bookTicker"): Address(markets.book_ticker, 2),
    } | _private_rest(site)
    return {(method, f"/api/v3/{path}"): address for (method, path), address in api.items()} | {
        ("GET", "/sapi/v1/asset/tradeFee"): Address(AccountApi(site).trade_fees, 1, True),
        ("GET", "/dapi/v1/exchangeInfo"): Address(public.no_markets, 1),
        ("GET", "/sapi/v1/capital/config/getall"): none,
        ("GET", "/sapi/v1/margin/allPairs"): none,
        ("GET", "/sapi/v1/margin/isolated/allPairs"): none,
    }


def _private_rest(site: Site) -> dict[tuple[str, str], Address]:
    orders, account = OrderApi(site), AccountApi(site)
    replace = CancelReplace(site, orders)
    return {
        ("GET", "account"): Address(account.account, 20, True),
        ("GET", "account/commission"): Address(account.commission, 20, True),
        ("GET", "rateLimit/order"): Address(account.order_limits, 40, True),
        ("GET", "myTrades"): Address(account.my_trades, 20, True),
        ("GET", "myPreventedMatches"): Address(account.prevented_matches, 20, True),
        ("POST", "order"): Address(orders.place, 1, True, True),
        ("POST", "order/test"): Address(orders.test, 1, True),
        ("POST", "order/cancelReplace"): Address(replace.run, 1, True, True),
        ("PUT", "order/amend/keepPriority"): Address(orders.amend, 4, True),
        ("GET", "order/amendments"): Address(orders.amendments, 4, True),
        ("DELETE", "order"): Address(orders.cancel, 1, True),
        ("GET", "order"): Address(orders.order, 4, True),
        ("GET", "openOrders"): Address(orders.open_orders, 6, True),
        ("DELETE", "openOrders"): Address(orders.cancel_all, 1, True),
        ("GET", "allOrders"): Address(orders.all_orders, 20, True),
    }


def call_addresses(site: Site) -> dict[str, Address]:
    """By method of the WebSocket API."""
    public, markets, orders, account = PublicApi(site), MarketApi(site), OrderApi(site), AccountApi(site)
    replace = CancelReplace(site, orders)
    return {
        "ping": Address(public.ping, 1),
        "time": Address(public.time, 1),
        "exchangeInfo": Address(public.exchange_info, 20),
        "depth": Address(markets.depth, 5),
        "trades.recent": Address(markets.trades, 25),
        "trades.aggregate": Address(markets.agg_trades, 4),
        "klines": Address(markets.klines, 2),
        "avgPrice": Address(markets.average_price, 2),
        "ticker.24hr": Address(markets.day_ticker, 2),
        "ticker.price": Address(markets.price_ticker, 2),
        "ticker.book": Address(markets.book_ticker, 2),
        "account.status": Address(account.account, 20, True),
        "account.commission": Address(account.commission, 20, True),
        "account.rateLimits.orders": Address(account.order_limits, 40, True),
        "myTrades": Address(account.my_trades, 20, True),
        "myPreventedMatches": Address(account.prevented_matches, 20, True),
        "order.place": Address(orders.place, 1, True, True),
        "order.test": Address(orders.test, 1, True),
        "order.cancelReplace": Address(replace.run, 1, True, True),
        "order.amend.keepPriority": Address(orders.amend, 4, True),
        "order.amendments": Address(orders.amendments, 4, True),
        "order.cancel": Address(orders.cancel, 1, True),
        "order.status": Address(orders.order, 4, True),
        "openOrders.status": Address(orders.open_orders, 6, True),
        "openOrders.cancelAll": Address(orders.cancel_all, 1, True),
        "allOrders": Address(orders.all_orders, 20, True),
    }


DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))
WEIGHTS_WITHOUT_SYMBOL = {
    "openOrders": 80, "openOrders.status": 80, "24hr": 80, "ticker.24hr": 80, "price": 4, "ticker.price": 4,
    "bookTicker": 4, "ticker.book": 4,
}  # fmt: skip


def weight_of(address: Address, path: str, parameters: Parameters) -> int:
    """The weight of one request: depth costs by its size, some others more for all markets."""
    if address.weigh is not None:
        return address.weigh(parameters)
    name = path.rpartition("/")[2]
    if name == "depth":
        limit = parameters.limit(100, 5_000)
        return next(weight for size, weight in DEPTH_WEIGHTS if limit <= size)
    if name in WEIGHTS_WITHOUT_SYMBOL and not (parameters.has("symbol") or parameters.has("symbols")):
        return WEIGHTS_WITHOUT_SYMBOL[name]
    return address.weight
