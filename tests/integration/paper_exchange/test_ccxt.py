"""Unmodified ccxt and ccxt.pro against the venue, with only their addresses changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from common.model.order import Side
from services.paper_exchange.config import AccountConfig
from tests.integration.paper_exchange.world import (
    ED25519_KEY,
    ED25519_PEM,
    KEY,
    SECRET,
    World,
    key_of,
    levels,
    printed,
    venue,
)

SYMBOL = "ETH/USDT"


def readdressed(urls: Any, rest: str, stream: str) -> Any:
    """ccxt's address table with another host; the stream path keeps `/stream`, by which ccxt knows spot."""
    if isinstance(urls, dict):
        return {name: readdressed(value, rest, stream) for name, value in urls.items()}
    if urls.startswith("wss://"):
        return f"{stream}/ws-api/v3" if "ws-api" in urls else f"{stream}/stream/ws"
    _host, slash, path = urls.removeprefix("https://").partition("/")
    return rest + slash + path


@asynccontextmanager
async def client(world: World, key: str = KEY, secret: str = SECRET) -> AsyncIterator[Any]:
    """ccxt.pro's Binance with our addresses and a key."""
    exchange = ccxt.pro.binance({"apiKey": key, "secret": secret, "enableRateLimit": False})
    exchange.urls["api"] = readdressed(exchange.urls["api"], world.rest, world.stream)
    try:
        yield exchange
    finally:
        await exchange.close()


def test_markets_book_and_balance(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path, flow=True) as world, client(world) as exchange:
            markets = await exchange.load_markets()
            market = markets[SYMBOL]
            assert market["spot"] and (market["precision"]["amount"], market["precision"]["price"]) == (1e-4, 1e-2)
            assert markets[SYMBOL]["limits"]["cost"]["min"] == 5.0
            await until_book(world)
            book = await exchange.fetch_order_book(SYMBOL, 20)
            assert len(book["bids"]) == len(book["asks"]) == 20 and book["bids"][0][0] < book["asks"][0][0]
            balance = await exchange.fetch_balance()
            assert balance["ETH"] == {"free": 100.0, "used": 0.0, "total": 100.0}

    asyncio.run(scenario())


def test_watch_order_book_follows_the_venue_without_a_checksum_error(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path, flow=True) as world, client(world) as exchange:
            await exchange.load_markets()
            await until_book(world)
            own = world.site.exchange.markets["ETH-USDT"].book
            agreed = 0
            for _ in range(30):
                book = await asyncio.wait_for(exchange.watch_order_book(SYMBOL), 10)
                assert book["bids"][0][0] < book["asks"][0][0]
                # The client lags by at most one diff, so agreement is usual, never every time.
                agreed += book["bids"][0][0] == own.bids.best().price / 100
            assert agreed >= 3 and exchange.orderbooks[SYMBOL]["nonce"] <= world.site.market_data["ETH-USDT"].update_id

    asyncio.run(scenario())


def test_watch_trades(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path, flow=True) as world, client(world) as exchange:
            await exchange.load_markets()
            seen = {}
            while len(seen) < 10:
                for trade in await asyncio.wait_for(exchange.watch_trades(SYMBOL), 20):
                    seen[trade["id"]] = trade
            public = {str(trade.trade_id): trade for trade in world.site.market_data["ETH-USDT"].trades}
            for name, trade in seen.items():
                assert trade["price"] == public[name].price_ticks / 100
                assert trade["side"] == public[name].aggressor.value

    asyncio.run(scenario())


def test_orders_from_limit_to_cancel(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path, flow=True) as world, client(world) as exchange:
            await exchange.load_markets()
            await until_book(world)
            limit = await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 2000.0, {"clientOrderId": "cw-a-1"})
            assert (limit["status"], limit["clientOrderId"], limit["remaining"]) == ("open", "cw-a-1", 0.5)
            maker = await exchange.create_order(SYMBOL, "limit", "sell", 0.5, 3400.0, {"postOnly": True})
            maker = await exchange.fetch_order(maker["id"], SYMBOL)
            assert maker["postOnly"] and maker["status"] == "open"
            with pytest.raises(ccxt.pro.OrderImmediatelyFillable):
                await exchange.create_order(SYMBOL, "limit", "sell", 0.5, 2000.0, {"postOnly": True})
            with pytest.raises(ccxt.pro.InvalidOrder):
                await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 1999.0, {"clientOrderId": "cw-a-1"})
            taken = await exchange.create_order(SYMBOL, "limit", "sell", 0.2, 2500.0, {"timeInForce": "IOC"})
            assert taken["status"] == "closed" and taken["filled"] == 0.2 and taken["fees"][0]["currency"] == "USDT"
            market = await exchange.create_order(SYMBOL, "market", "buy", 0.1)
            assert market["status"] == "closed" and market["filled"] == 0.1
            opened = await exchange.fetch_open_orders(SYMBOL)
            assert {order["id"] for order in opened} == {limit["id"], maker["id"]}
            balance = await exchange.fetch_balance()
            assert balance["ETH"]["used"] == 0.5 and balance["USDT"]["used"] == 1000.0
            canceled = await exchange.cancel_order(limit["id"], SYMBOL)
            assert canceled["status"] == "canceled"
            with pytest.raises(ccxt.pro.OrderNotFound):
                await exchange.cancel_order(limit["id"], SYMBOL)
            await exchange.cancel_all_orders(SYMBOL)
            assert await exchange.fetch_open_orders(SYMBOL) == []
            trades = await exchange.fetch_my_trades(SYMBOL)
            assert {trade["order"] for trade in trades} == {taken["id"], market["id"]}
            orders = await exchange.fetch_orders(SYMBOL)
            assert [order["status"] for order in orders] == ["canceled", "canceled", "closed", "closed"]

    asyncio.run(scenario())


def test_watch_orders_sees_an_order_from_birth_to_cancel(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path) as world, client(world) as exchange:
            await exchange.load_markets()
            watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
            while not len(world.site.users):
                await asyncio.sleep(0.01)
            order = await exchange.create_order(SYMBOL, "limit", "buy", 1.0, 2000.0, {"clientOrderId": "cw-w-1"})
            (seen,) = await asyncio.wait_for(watching, 10)
            assert (seen["id"], seen["status"], seen["clientOrderId"]) == (order["id"], "open", "cw-w-1")
            watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
            printed(world, Side.SELL, 200_000, 4_000)
            (seen,) = await asyncio.wait_for(watching, 10)
            assert (seen["status"], seen["filled"], seen["remaining"]) == ("open", 0.4, 0.6)
            watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
            await exchange.cancel_order(order["id"], SYMBOL)
            (seen,) = await asyncio.wait_for(watching, 10)
            assert (seen["id"], seen["status"], seen["clientOrderId"]) == (order["id"], "canceled", "cw-w-1")
            balance = await exchange.fetch_balance()
            assert balance["ETH"]["total"] == 100.4 and balance["USDT"]["used"] == 0

    asyncio.run(scenario())


def test_stop_loss_and_take_profit_orders(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path) as world, client(world) as exchange:
            await exchange.load_markets()
            levels(world, [(199_900, 10_000), (197_000, 10_000)], [(200_100, 10_000)])
            printed(world, Side.SELL, 199_900, 1)
            stop = await exchange.create_order(SYMBOL, "market", "sell", 0.5, None, {"stopLossPrice": 1980})
            limit = await exchange.create_order(SYMBOL, "limit", "sell", 0.5, 2100, {"takeProfitPrice": 2090})
            assert (stop["status"], stop["type"], stop["triggerPrice"]) == ("open", "market", 1980.0)
            assert (limit["status"], limit["price"], limit["triggerPrice"]) == ("open", 2100.0, 2090.0)
            with pytest.raises(ccxt.pro.OrderImmediatelyFillable):
                await exchange.create_order(SYMBOL, "market", "sell", 0.5, None, {"stopLossPrice": 2050})
            with pytest.raises(ccxt.pro.BadRequest, match="TRAILING_DELTA"):
                terms = {"trailingPercent": 50, "stopLossOrTakeProfit": "stopLoss"}
                await exchange.create_order(SYMBOL, "market", "sell", 0.5, None, terms)
            watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
            while not len(world.site.users):
                await asyncio.sleep(0.01)
            printed(world, Side.SELL, 198_000, 1)
            (*_, seen) = await asyncio.wait_for(watching, 10)
            assert seen["id"] == stop["id"] and seen["triggerPrice"] == 1980.0
            # It was triggered, then filled; ccxt wakes once for what comes at once, and remembers all of it.
            while not exchange.orders or exchange.orders[-1]["status"] != "closed":
                await asyncio.sleep(0.01)
            assert (exchange.orders[-1]["id"], exchange.orders[-1]["filled"]) == (stop["id"], 0.5)
            order = await exchange.fetch_order(stop["id"], SYMBOL)
            assert (order["status"], order["filled"], order["average"]) == ("closed", 0.5, 1970.0)
            opened = await exchange.fetch_open_orders(SYMBOL)
            assert [(each["id"], each["info"]["isWorking"]) for each in opened] == [(limit["id"], False)]
            await exchange.cancel_all_orders(SYMBOL)

    asyncio.run(scenario())


def test_trailing_stops(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path) as world, client(world) as exchange:
            await exchange.load_markets()
            levels(world, [(150_000, 90_000)], [(400_000, 90_000)])
            printed(world, Side.SELL, 200_000, 1)
            terms = {"trailingPercent": 1.5, "stopLossOrTakeProfit": "stopLoss"}
            order = await exchange.create_order(SYMBOL, "market", "sell", 0.5, None, terms)
            assert order["status"] == "open" and order["info"]["trailingDelta"] == "150"
            later = await exchange.create_order(
                SYMBOL,
                "limit",
                "sell",
                0.5,
                1900,
                terms | {"trailingTriggerPrice": 2200, "stopLossOrTakeProfit": "takeProfit"},
            )
            assert later["info"]["trailingTime"] == "-1"
            for price in (210_000, 206_851):
                printed(world, Side.BUY, price, 1)
                assert (await exchange.fetch_order(order["id"], SYMBOL))["status"] == "open"
            printed(world, Side.SELL, 206_850, 1)  # 1.5 % below 2100
            assert (await exchange.fetch_order(order["id"], SYMBOL))["filled"] == 0.5
            assert (await exchange.fetch_order(later["id"], SYMBOL))["status"] == "open"

    asyncio.run(scenario())


def test_edit_order_replaces_it(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path) as world, client(world) as exchange:
            await exchange.load_markets()
            levels(world, [(199_900, 10_000)], [(200_100, 10_000)])
            order = await exchange.create_order(SYMBOL, "limit", "buy", 1, 1990)
            edited = await exchange.edit_order(order["id"], SYMBOL, "limit", "buy", 2, 1980)
            assert edited["id"] != order["id"] and (edited["price"], edited["amount"]) == (1980.0, 2.0)
            assert [each["id"] for each in await exchange.fetch_open_orders(SYMBOL)] == [edited["id"]]
            again = await exchange.edit_order_ws(edited["id"], SYMBOL, "limit", "buy", 1, 1985)
            assert [each["id"] for each in await exchange.fetch_open_orders(SYMBOL)] == [again["id"]]
            with pytest.raises(ccxt.pro.ExchangeError, match="-2022"):
                await exchange.edit_order(order["id"], SYMBOL, "limit", "buy", 2, 1980)
            with pytest.raises(ccxt.pro.ExchangeError, match="-2021"):
                await exchange.edit_order(again["id"], SYMBOL, "limit", "buy", 2, 2500, {"postOnly": True})
            assert await exchange.fetch_open_orders(SYMBOL) == []

    asyncio.run(scenario())


def test_orders_over_the_websocket_api(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path) as world, client(world) as exchange:
            await exchange.load_markets()
            levels(world, [(199_900, 10_000)], [(200_100, 10_000)])
            order = await exchange.create_order_ws(SYMBOL, "limit", "buy", 1, 1990)
            assert (await exchange.fetch_order_ws(order["id"], SYMBOL))["status"] == "open"
            assert len(await exchange.fetch_open_orders_ws(SYMBOL)) == 1
            assert (await exchange.cancel_order_ws(order["id"], SYMBOL))["status"] == "canceled"
            taken = await exchange.create_order_ws(SYMBOL, "market", "buy", 0.5)
            assert taken["status"] == "closed"
            assert [each["order"] for each in await exchange.fetch_my_trades_ws(SYMBOL)] == [taken["id"]]
            balance = await exchange.fetch_balance_ws()
            assert balance["info"]["balances"][0]["free"] == "100.49975000"  # ccxt reads only futures' balances here
            assert len(await exchange.fetch_orders_ws(SYMBOL)) == 2
            assert len(await exchange.fetch_ohlcv_ws(SYMBOL, "1m")) == 1

    asyncio.run(scenario())


def test_market_orders_with_a_cost(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path) as world, client(world) as exchange:
            await exchange.load_markets()
            levels(world, [(199_900, 10_000)], [(200_100, 10_000)])
            bought = await exchange.create_market_buy_order_with_cost(SYMBOL, 1000)
            assert bought["status"] == "closed" and 999.7 < bought["cost"] <= 1000
            sold = await exchange.create_market_sell_order_with_cost(SYMBOL, 1000)
            assert sold["status"] == "closed" and 999.7 < sold["cost"] <= 1000

    asyncio.run(scenario())


def test_an_ed25519_key(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path) as world, client(world, ED25519_KEY, ED25519_PEM) as exchange:
            await exchange.load_markets()
            watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
            while not len(world.site.users):
                await asyncio.sleep(0.01)
            order = await exchange.create_order(SYMBOL, "limit", "buy", 1.0, 2000.0)
            (seen,) = await asyncio.wait_for(watching, 10)
            assert seen["id"] == order["id"]
            assert (await exchange.cancel_order(order["id"], SYMBOL))["status"] == "canceled"

    asyncio.run(scenario())


def test_two_accounts_trade_with_each_other(tmp_path: Path):
    async def scenario():
        accounts = {"alice": AccountConfig(balances={"ETH": Decimal(5)})}
        async with venue(tmp_path, accounts=accounts) as world, client(world) as paper:
            async with client(world, *key_of("alice")) as alice:
                for exchange in (paper, alice):
                    await exchange.load_markets()
                await alice.create_order(SYMBOL, "limit", "sell", 1, 2000)
                bought = await paper.create_order(SYMBOL, "market", "buy", 1)
                assert bought["status"] == "closed"
                assert (await alice.fetch_balance())["USDT"]["total"] == 2000
                assert (await paper.fetch_balance())["ETH"]["total"] == 100.9995
                assert (await alice.fetch_trading_fee(SYMBOL))["taker"] == 0.0005

    asyncio.run(scenario())


def test_candles_and_tickers(tmp_path: Path):
    async def scenario():
        async with venue(tmp_path, flow=True) as world, client(world) as exchange:
            await exchange.load_markets()
            await until_book(world)
            while not world.site.market_data["ETH-USDT"].trades:
                await asyncio.sleep(0.01)
            (*_, candle) = await asyncio.wait_for(exchange.watch_ohlcv(SYMBOL, "1m"), 10)
            (*_, fetched) = await exchange.fetch_ohlcv(SYMBOL, "1m")
            assert candle[0] % 60_000 == 0 and candle[3] <= candle[4] <= candle[2] and candle[5] > 0
            assert fetched[0] >= candle[0] and len(fetched) == 6
            ticker = await asyncio.wait_for(exchange.watch_ticker(SYMBOL), 10)
            assert ticker["low"] <= ticker["last"] <= ticker["high"] and 0 < ticker["bid"] < ticker["ask"]
            ticker = (await asyncio.wait_for(exchange.watch_tickers([SYMBOL], {"name": "miniTicker"}), 10))[SYMBOL]
            assert ticker["last"] > 0
            fetched = await exchange.fetch_ticker(SYMBOL)
            assert fetched["quoteVolume"] >= ticker["quoteVolume"] > 0
            assert (await exchange.fetch_tickers([SYMBOL]))[SYMBOL]["last"] > 0
            assert (await exchange.fetch_last_prices([SYMBOL]))[SYMBOL]["price"] > 0
            trades = await exchange.fetch_trades(SYMBOL, limit=5)
            assert len(trades) <= 5 and trades[-1]["price"] > 0

    asyncio.run(scenario())


async def until_book(world: World) -> None:
    """Wait for both sides of the synthetic book."""
    book = world.site.exchange.markets["ETH-USDT"].book
    while book.bids.best() is None or book.asks.best() is None or len(book.asks.top(20)) < 20:
        await asyncio.sleep(0.01)
