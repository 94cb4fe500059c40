"""Rules of a market from the configuration: price band, slippage limit, circuit breaker, as clients see them."""

import time
from pathlib import Path
from typing import Any

from common.exchange.commands import PassTime
from common.exchange.rules import NS_PER_S, MarketRules
from common.model.order import Side
from tests.integration.paper_exchange.world import World, levels, printed, run

LIMIT_MAKER = {"type": "LIMIT_MAKER", "timeInForce": None}


async def status(world: World) -> str:
    """The market's status."""
    _, info = await world.get("/api/v3/exchangeInfo", symbol="ETHUSDT")
    return info["symbols"][0]["status"]


def rules(**terms: Any) -> dict[str, Any]:
    """Settings with rules of the market."""
    return {"rules": {"ETH-USDT": MarketRules(**terms)}}


def test_a_price_band_is_a_filter(tmp_path: Path):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 200_000, 1)
        _, info = await world.get("/api/v3/exchangeInfo", symbol="ETHUSDT")
        filters = {each["filterType"]: each for each in info["symbols"][0]["filters"]}
        assert filters["PERCENT_PRICE"] == {
            "filterType": "PERCENT_PRICE", "multiplierUp": "1.05000000", "multiplierDown": "0.95000000",
            "avgPriceMins": 0,
        }  # fmt: skip
        assert filters["MAX_NUM_ORDERS"]["maxNumOrders"] == 3
        for price, code in (("1899.99", -1013), ("1900", 0), ("2100.01", -1013), ("2100", 0)):
            side = "BUY" if price < "2" else "SELL"
            _, answer = await world.place(side, price, "1")
            assert answer.get("code", 0) == code and (not code or "PERCENT_PRICE" in answer["msg"])
        await world.place("BUY", "1950", "1")
        _, answer = await world.place("BUY", "1950", "1")
        assert answer["msg"] == "Filter failure: MAX_NUM_ORDERS"

    run(tmp_path, scenario, **rules(price_band_bps=500, open_orders_max=3))


def test_a_market_order_stops_at_the_slippage_limit(tmp_path: Path):
    async def scenario(world: World) -> None:
        levels(world, [], [(200_100, 1_000), (200_300, 1_000), (202_200, 10_000)])
        terms = {"type": "MARKET", "price": None, "timeInForce": None}
        _, answer = await world.order(**terms, quantity="1")
        assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.20000000")

    run(tmp_path, scenario, **rules(market_slippage_bps=100))


def test_the_breaker_halts_and_opens_again_as_time_passes(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            await calls.listen()
            printed(world, Side.BUY, 200_100, 1)
            await world.order(side="BUY", price="1900", newClientOrderId="kept")
            assert await status(world) == "TRADING"
            printed(world, Side.BUY, 221_000, 1)
            assert await status(world) == "HALT"
            halted = (
                await world.place("BUY", "1900", "1"),
                await world.order(**LIMIT_MAKER, price="1900"),
            )
            assert [(answer["code"], answer["msg"]) for _, answer in halted] == [(-2010, "Market is closed.")] * 2
            answer = await calls.signed("order.cancelReplace", symbol="ETHUSDT", side="BUY", type="LIMIT",
                timeInForce="GTC", price="1901", quantity="1", cancelOrigClientOrderId="kept",
                cancelReplaceMode="STOP_ON_FAILURE")  # fmt: skip
            assert answer["error"]["data"]["cancelResult"] == "SUCCESS"  # a halt takes cancels
            world.site.venue.execute(PassTime(time_ns=time.time_ns() + 301 * NS_PER_S))
            assert await status(world) == "PRE_TRADING"
            _, answer = await world.place("BUY", "1900", "1")
            assert answer["msg"] == "This order type is not possible in this trading phase."
            assert (await world.order(**LIMIT_MAKER, price="1900"))[0] == 200
            world.site.venue.execute(PassTime(time_ns=time.time_ns() + 400 * NS_PER_S))
            assert await status(world) == "TRADING"

    run(tmp_path, scenario, **rules(breaker_bps=1_000))
