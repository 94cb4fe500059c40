"""Which USD-M address does what, with Binance's weights."""

from services.paper_exchange.addresses import Address
from services.paper_exchange.parameters import Parameters
from services.paper_exchange.usdm_account_api import UsdmAccountApi
from services.paper_exchange.usdm_order_api import UsdmOrderApi
from services.paper_exchange.usdm_public_api import UsdmPublicApi
from services.paper_exchange.usdm_site import UsdmSite
from services.paper_exchange.usdm_transfer_api import TransferApi

Addresses = dict[tuple[str, str], Address]

DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1_000, 20))
KLINE_WEIGHTS = ((99, 1), (499, 2), (1_000, 5), (1_500, 10))


def usdm_addresses(site: UsdmSite) -> Addresses:
    """By method and path."""
    return _public(UsdmPublicApi(site)) | _orders(UsdmOrderApi(site)) | _account(UsdmAccountApi(site)) | _wallet(site)


def usdm_call_addresses(site: UsdmSite) -> dict[str, Address]:
    """By method of USD-M's WebSocket API."""
    rest = usdm_addresses(site)
    return {
        method: rest[address]
        for method, address in {
            "ping": ("GET", "/fapi/v1/ping"),
            "time": ("GET", "/fapi/v1/time"),
            "depth": ("GET", "/fapi/v1/depth"),
            "ticker.price": ("GET", "/fapi/v1/ticker/price"),
            "ticker.book": ("GET", "/fapi/v1/ticker/bookTicker"),
            "order.place": ("POST", "/fapi/v1/order"),
            "order.modify": ("PUT", "/fapi/v1/order"),
            "order.cancel": ("DELETE", "/fapi/v1/order"),
            "order.status": ("GET", "/fapi/v1/order"),
            "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
            "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
            "account.status": ("GET", "/fapi/v3/account"),
            "v2/account.status": ("GET", "/fapi/v3/account"),
            "account.balance": ("GET", "/fapi/v3/balance"),
            "v2/account.balance": ("GET", "/fapi/v3/balance"),
            "account.position": ("GET", "/fapi/v2/positionRisk"),
            "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
            "userDataStream.start": ("POST", "/fapi/v1/listenKey"),
            "userDataStream.ping": ("PUT", "/fapi/v1/listenKey"),
            "userDataStream.stop": ("DELETE", "/fapi/v1/listenKey"),
        }.items()
    }


def _public(api: UsdmPublicApi) -> Addresses:
    return {
        ("GET", "/fapi/v1/ping"): Address(api.ping, 1),
        ("GET", "/fapi/v1/time"): Address(api.time, 1),
        ("GET", "/fapi/v1/exchangeInfo"): Address(api.exchange_info, 1),
        ("GET", "/fapi/v1/depth"): Address(api.depth, 20, weigh=lambda asked: _by_limit(asked, 500, DEPTH_WEIGHTS)),
        ("GET", "/fapi/v1/trades"): Address(api.trades, 5),
        ("GET", "/fapi/v1/historicalTrades"): Address(api.trades, 20, keyed=True),
        ("GET", "/fapi/v1/aggTrades"): Address(api.agg_trades, 20),
        ("GET", "/fapi/v1/klines"): Address(api.klines, 10, weigh=lambda asked: _by_limit(asked, 500, KLINE_WEIGHTS)),
        ("GET", "/fapi/v1/ticker/24hr"): Address(api.day, 1, weigh=_all_cost(1, 40)),
        ("GET", "/fapi/v1/ticker/price"): Address(api.price, 1, weigh=_all_cost(1, 2)),
        ("GET", "/fapi/v2/ticker/price"): Address(api.price, 1, weigh=_all_cost(1, 2)),
        ("GET", "/fapi/v1/ticker/bookTicker"): Address(api.book_ticker, 2, weigh=_all_cost(2, 5)),
        ("GET", "/fapi/v1/premiumIndex"): Address(api.premium_index, 1, weigh=_all_cost(1, 10)),
        ("GET", "/fapi/v1/fundingRate"): Address(api.funding_rate, 1),
        ("GET", "/fapi/v1/fundingInfo"): Address(api.funding_info, 1),
        ("GET", "/fapi/v1/openInterest"): Address(api.open_interest, 1),
    }


def _orders(api: UsdmOrderApi) -> Addresses:
    return {
        ("POST", "/fapi/v1/order"): Address(api.place, 1, True, True),
        ("PUT", "/fapi/v1/order"): Address(api.amend, 1, True, True),
        ("DELETE", "/fapi/v1/order"): Address(api.cancel, 1, True),
        ("GET", "/fapi/v1/order"): Address(api.order, 1, True),
        ("POST", "/fapi/v1/order/test"): Address(api.test, 1, True),
        ("GET", "/fapi/v1/openOrder"): Address(api.open_order, 1, True),
        ("GET", "/fapi/v1/openOrders"): Address(api.open_orders, 1, True, weigh=_all_cost(1, 40)),
        ("DELETE", "/fapi/v1/allOpenOrders"): Address(api.cancel_all, 1, True),
        ("GET", "/fapi/v1/allOrders"): Address(api.all_orders, 5, True),
        ("POST", "/fapi/v1/batchOrders"): Address(api.place_batch, 5, True, True),
        ("PUT", "/fapi/v1/batchOrders"): Address(api.amend_batch, 5, True, True),
        ("DELETE", "/fapi/v1/batchOrders"): Address(api.cancel_batch, 1, True),
        ("POST", "/fapi/v1/algoOrder"): Address(api.place_algo, 1, True, True),
        ("DELETE", "/fapi/v1/algoOrder"): Address(api.cancel_algo, 1, True),
        ("GET", "/fapi/v1/algoOrder"): Address(api.algo_order, 1, True),
        ("GET", "/fapi/v1/openAlgoOrders"): Address(api.open_algo_orders, 1, True, weigh=_all_cost(1, 40)),
        ("DELETE", "/fapi/v1/algoOpenOrders"): Address(api.cancel_all_algo, 1, True),
        ("GET", "/fapi/v1/allAlgoOrders"): Address(api.all_algo_orders, 5, True),
        ("GET", "/fapi/v1/forceOrders"): Address(api.force_orders, 20, True, weigh=_all_cost(20, 50)),
        ("GET", "/fapi/v1/userTrades"): Address(api.user_trades, 5, True),
        ("POST", "/fapi/v1/countdownCancelAll"): Address(api.countdown, 10, True),
    }


def _account(api: UsdmAccountApi) -> Addresses:
    return {
        ("GET", "/fapi/v1/account"): Address(api.account, 5, True),
        ("GET", "/fapi/v2/account"): Address(api.account, 5, True),
        ("GET", "/fapi/v3/account"): Address(api.account_in_use, 5, True),
        ("GET", "/fapi/v1/balance"): Address(api.balance, 5, True),
        ("GET", "/fapi/v2/balance"): Address(api.balance, 5, True),
        ("GET", "/fapi/v3/balance"): Address(api.balance, 5, True),
        ("GET", "/fapi/v1/positionRisk"): Address(api.position_risk, 5, True),
        ("GET", "/fapi/v2/positionRisk"): Address(api.position_risk, 5, True),
        ("GET", "/fapi/v3/positionRisk"): Address(api.position_risk_in_use, 5, True),
        ("GET", "/fapi/v1/leverageBracket"): Address(api.leverage_bracket, 1, True),
        ("GET", "/fapi/v1/adlQuantile"): Address(api.adl_quantile, 5, True),
        ("GET", "/fapi/v1/commissionRate"): Address(api.commission_rate, 20, True),
        ("POST", "/fapi/v1/leverage"): Address(api.set_leverage, 1, True),
        ("POST", "/fapi/v1/marginType"): Address(api.set_margin_type, 1, True),
        ("POST", "/fapi/v1/positionMargin"): Address(api.move_margin, 1, True),
        ("GET", "/fapi/v1/symbolConfig"): Address(api.symbol_config, 5, True),
        ("GET", "/fapi/v1/accountConfig"): Address(api.account_config, 5, True),
        ("GET", "/fapi/v1/positionSide/dual"): Address(api.position_side, 30, True),
        ("POST", "/fapi/v1/positionSide/dual"): Address(api.set_position_side, 1, True),
        ("GET", "/fapi/v1/multiAssetsMargin"): Address(api.asset_mode, 30, True),
        ("POST", "/fapi/v1/multiAssetsMargin"): Address(api.set_asset_mode, 1, True),
        ("GET", "/fapi/v1/rateLimit/order"): Address(api.order_limits, 1, True),
        ("GET", "/fapi/v1/income"): Address(api.income, 30, True),
        ("POST", "/fapi/v1/listenKey"): Address(api.make_listen_key, 1, keyed=True),
        ("PUT", "/fapi/v1/listenKey"): Address(api.keep_listen_key, 1, keyed=True),
        ("DELETE", "/fapi/v1/listenKey"): Address(api.drop_listen_key, 1, keyed=True),
    }


def _wallet(site: UsdmSite) -> Addresses:
    api = TransferApi(site)
    return {
        ("POST", "/sapi/v1/asset/transfer"): Address(api.transfer, 1, True),
        ("GET", "/sapi/v1/asset/transfer"): Address(api.transfers, 1, True),
        ("POST", "/sapi/v1/futures/transfer"): Address(api.transfer_by_number, 1, True),
    }


def _by_limit(parameters: Parameters, otherwise: int, weights: tuple[tuple[int, int], ...]) -> int:
    limit = parameters.integer("limit", otherwise)
    return next((weight for size, weight in weights if limit <= size), weights[-1][1])


def _all_cost(one: int, everything: int):  # type: ignore[no-untyped-def]
    """The weight of a request for one market, and without one for all."""
    return lambda parameters: one if parameters.has("symbol") else everything
