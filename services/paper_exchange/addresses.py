"""Which address does what: REST paths and WebSocket methods, with Binance's weights, on the same handlers."""

from collections.abc import Callable
from typing import Any

import msgspec

from services.paper_exchange.account_api import AccountApi
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
    public, account = PublicApi(site), AccountApi(site)
    none = Address(public.nothing, 1)
    return {
        ("GET", "/api/v3/ping"): Address(public.ping, 1),
        ("GET", "/api/v3/time"): Address(public.time, 1),
        ("GET", "/api/v3/exchangeInfo"): Address(public.exchange_info, 20),
        ("GET", "/api/v3/depth"): Address(public.depth, 5),
        ("GET", "/api/v3/trades"): Address(public.trades, 25),
        ("GET", "/api/v3/ticker/bookTicker"): Address(public.book_ticker, 2),
        ("GET", "/api/v3/account"): Address(account.account, 20, True),
        ("POST", "/api/v3/order"): Address(account.place, 1, True, True),
        ("DELETE", "/api/v3/order"): Address(account.cancel, 1, True),
        ("GET", "/api/v3/order"): Address(account.order, 4, True),
        ("GET", "/api/v3/openOrders"): Address(account.open_orders, 6, True),
        ("DELETE", "/api/v3/openOrders"): Address(account.cancel_all, 1, True),
        ("GET", "/api/v3/allOrders"): Address(account.all_orders, 20, True),
        ("GET", "/api/v3/myTrades"): Address(account.my_trades, 20, True),
        ("GET", "/dapi/v1/exchangeInfo"): Address(public.no_markets, 1),
        ("GET", "/sapi/v1/capital/config/getall"): none,
        ("GET", "/sapi/v1/margin/allPairs"): none,
        ("GET", "/sapi/v1/margin/isolated/allPairs"): none,
    }


def call_addresses(site: Site) -> dict[str, Address]:
    """By method of the WebSocket API."""
    public, account = PublicApi(site), AccountApi(site)
    return {
        "ping": Address(public.ping, 1),
        "time": Address(public.time, 1),
        "exchangeInfo": Address(public.exchange_info, 20),
        "depth": Address(public.depth, 5),
        "account.status": Address(account.account, 20, True),
        "order.place": Address(account.place, 1, True, True),
        "order.cancel": Address(account.cancel, 1, True),
        "order.status": Address(account.order, 4, True),
        "openOrders.status": Address(account.open_orders, 6, True),
        "openOrders.cancelAll": Address(account.cancel_all, 1, True),
        "myTrades": Address(account.my_trades, 20, True),
    }


DEPTH_WEIGHTS = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))


def weight_of(address: Address, path: str, parameters: Parameters) -> int:
    """The weight of one request: depth costs by its size, open orders more without a market."""
    if address.weigh is not None:
        return address.weigh(parameters)
    if path.endswith("depth"):
        limit = parameters.limit(100, 5_000)
        return next(weight for size, weight in DEPTH_WEIGHTS if limit <= size)
    if path.endswith(("openOrders", "openOrders.status")) and not parameters.has("symbol"):
        return 80
    return address.weight
