"""Unmodified ccxt and ccxt.pro against the venue, with only their addresses changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest

from common.exchange.commands import PrintTrade
from common.model.order import Side
from tests.integration.paper_exchange.world import KEY, SECRET, World, venue

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
async def client(world: World) -> AsyncIterator[Any]:
    """ccxt.pro's Binance with our addresses and key."""
    exchange = ccxt.pro.binance({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False})
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
            world.site.venue.execute(trade_of_the_world(lots=4_000))
            (seen,) = await asyncio.wait_for(watching, 10)
            assert (seen["status"], seen["filled"], seen["remaining"]) == ("open", 0.4, 0.6)
            watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
            await exchange.cancel_order(order["id"], SYMBOL)
            (seen,) = await asyncio.wait_for(watching, 10)
            assert (seen["id"], seen["status"], seen["clientOrderId"]) == (order["id"], "canceled", "cw-w-1")
            balance = await exchange.fetch_balance()
            assert balance["ETH"]["total"] == 100.4 and balance["USDT"]["used"] == 0

    asyncio.run(scenario())


def trade_of_the_world(lots: int) -> PrintTrade:
    """Somebody sells at 2000.00."""
    return PrintTrade(
        time_ns=time.time_ns(), symbol="ETH-USDT", aggressor=Side.SELL, price_ticks=200_000, quantity_lots=lots
    )


async def until_book(world: World) -> None:
    """Wait for both sides of the synthetic book."""
    book = world.site.exchange.markets["ETH-USDT"].book
    while book.bids.best() is None or book.asks.best() is None or len(book.asks.top(20)) < 20:
        await asyncio.sleep(0.01)
