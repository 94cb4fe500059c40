"""Every order type of Binance spot: what it takes, what it refuses, what it does when its price comes."""

from pathlib import Path

import pytest

from common.model.order import Side
from tests.integration.paper_exchange.world import World, levels, printed, run

PLAIN = {"timeInForce": None, "price": None}
STOP = PLAIN | {"type": "STOP_LOSS", "stopPrice": "1990", "side": "SELL"}
STOP_LIMIT = {"type": "STOP_LOSS_LIMIT", "stopPrice": "1990", "price": "1980", "side": "SELL"}
TRAILING = PLAIN | {"type": "STOP_LOSS", "trailingDelta": "100", "side": "SELL"}
SPEND = PLAIN | {"type": "MARKET", "quantity": None, "quoteOrderQty": "100"}

REFUSALS = [
    ({"stopPrice": "1990"}, -1106, "Parameter 'stopPrice' sent when not required."),
    ({"trailingDelta": "100"}, -1106, "Parameter 'trailingDelta' sent when not required."),
    ({"quoteOrderQty": "100"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
    ({"icebergQty": "0.1"}, -1013, "Iceberg orders are not supported for this symbol."),
    ({"selfTradePreventionMode": "TRANSFER"}, -1013, "self-trade prevention mode."),
    ({"newOrderRespType": "SOME"}, -1102, "newOrderRespType"),
    (PLAIN | {"type": "LIMIT_MAKER", "stopPrice": "1990", "price": "1990"}, -1106, "stopPrice"),
    (PLAIN | {"type": "MARKET", "price": "2000"}, -1106, "price"),
    (PLAIN | {"type": "MARKET", "timeInForce": "IOC"}, -1106, "timeInForce"),
    (PLAIN | {"type": "MARKET", "quantity": None}, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent"),
    (SPEND | {"quantity": "1"}, -1106, "quoteOrderQty"),
    (SPEND | {"quoteOrderQty": "0"}, -1013, "NOTIONAL"),
    (SPEND | {"quoteOrderQty": "0.1"}, -1013, "NOTIONAL"),
    (SPEND | {"quoteOrderQty": "4.9"}, -1013, "NOTIONAL"),
    (SPEND | {"quoteOrderQty": "x"}, -1100, "quoteOrderQty"),
    (SPEND | {"quoteOrderQty": "1.123456789"}, -1111, "quoteOrderQty"),
    (STOP | {"price": "1980"}, -1106, "price"),
    (STOP | {"timeInForce": "GTC"}, -1106, "timeInForce"),
    (STOP | {"quantity": None}, -1102, "quantity"),
    (STOP | {"stopPrice": None}, -1102, "Param 'stopPrice' or 'trailingDelta' must be sent"),
    (STOP | {"stopPrice": "0"}, -1013, "PRICE_FILTER"),
    (STOP | {"stopPrice": "1990.001"}, -1013, "PRICE_FILTER"),
    (STOP | {"stopPrice": "-1990"}, -1100, "stopPrice"),
    (STOP | {"stopPrice": "1999"}, -2010, "Stop price would trigger immediately."),
    (STOP | {"stopPrice": "2005"}, -2010, "Stop price would trigger immediately."),
    (STOP | {"side": "BUY", "stopPrice": "1999"}, -2010, "Stop price would trigger immediately."),
    (STOP | {"type": "TAKE_PROFIT", "stopPrice": "1999"}, -2010, "Stop price would trigger immediately."),
    (STOP | {"type": "TAKE_PROFIT", "side": "BUY", "stopPrice": "2000"}, -2010, "would trigger immediately."),
    (STOP_LIMIT | {"price": None}, -1102, "price"),
    (STOP_LIMIT | {"timeInForce": None}, -1102, "timeInForce"),
    (STOP_LIMIT | {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
    (STOP_LIMIT | {"quantity": "101"}, -2010, "insufficient balance"),
    (STOP_LIMIT | {"quantity": "0.001"}, -1013, "NOTIONAL"),
    (STOP_LIMIT | {"stopPrice": "2005"}, -2010, "Stop price would trigger immediately."),
    (TRAILING | {"trailingDelta": "9"}, -1013, "TRAILING_DELTA"),
    (TRAILING | {"trailingDelta": "2001"}, -1013, "TRAILING_DELTA"),
    (TRAILING | {"trailingDelta": "1.5"}, -1102, "trailingDelta"),
    (TRAILING | {"trailingDelta": ""}, -1102, "trailingDelta"),
    (TRAILING | {"stopPrice": "0"}, -1013, "PRICE_FILTER"),
    (TRAILING | {"stopPrice": "1990.001"}, -1013, "PRICE_FILTER"),
]


def test_every_refusal_has_binances_code_and_places_nothing(tmp_path: Path):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 199_900, 100)
        before = world.site.exchange.state_hash()
        for terms, code, words in REFUSALS:
            status, answer = await world.order(**terms)
            assert (status, answer["code"]) == (400, code) and words in answer["msg"], (terms, answer)
        assert world.site.exchange.state_hash() == before

    # Refusals that are found in the parameters count no order; the others do, up to the limit.
    run(tmp_path, scenario, orders_10s_max=1_000)


def test_a_market_order_without_a_book_says_so(tmp_path: Path):
    async def scenario(world: World) -> None:
        levels(world, [(199_900, 0)], [(200_100, 0)])
        _, answer = await world.order(**SPEND)
        assert answer == {"code": -2010, "msg": "Order book liquidity is less than symbol minimum quantity."}
        _, answer = await world.order(**PLAIN, type="MARKET")
        assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00000000")

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("side", "amount", "quantity", "spent"),
    [("BUY", "1000", "0.49970000", "999.89970000"), ("SELL", "1000", "0.50020000", "999.89980000")],
)
def test_a_market_order_for_an_amount_of_the_quote_asset(tmp_path: Path, side, amount, quantity, spent):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            await calls.listen()
            _, answer = await world.order(**SPEND | {"side": side, "quoteOrderQty": amount})
            assert (answer["status"], answer["origQty"], answer["executedQty"]) == ("FILLED", quantity, quantity)
            assert (answer["origQuoteOrderQty"], answer["cummulativeQuoteQty"]) == ("1000.00000000", spent)
            reports = await calls.reports("TRADE")
            assert {report["Q"] for report in reports} == {"1000.00000000"}
        _, found = await world.signed("GET", "/api/v3/order", symbol="ETHUSDT", orderId=answer["orderId"])
        assert (found["origQuoteOrderQty"], found["type"]) == ("1000.00000000", "MARKET")

    run(tmp_path, scenario)


def test_times_in_force(tmp_path: Path):
    async def scenario(world: World) -> None:
        outcomes = {}
        for life in ("IOC", "FOK", "GTC"):
            levels(world, [], [(200_100, 10_000)])
            _, answer = await world.order(price="2001", quantity="1.5", timeInForce=life)
            outcomes[life] = answer["status"], answer["executedQty"], answer["timeInForce"]
        assert outcomes == {
            "IOC": ("EXPIRED", "1.00000000", "IOC"),
            "FOK": ("EXPIRED", "0.00000000", "FOK"),
            "GTC": ("PARTIALLY_FILLED", "1.00000000", "GTC"),
        }

    run(tmp_path, scenario)


def test_a_waiting_order_says_that_it_waits_until_it_works(tmp_path: Path):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 199_900, 100)
        async with world.calls() as calls:
            await calls.listen()
            _, ack = await world.order(**STOP_LIMIT | {"newOrderRespType": None})
            assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
            _, result = await world.order(**STOP_LIMIT | {"newOrderRespType": "RESULT", "newClientOrderId": "w-2"})
            assert (result["stopPrice"], result["workingTime"], result["type"]) == (
                "1990.00000000", -1, "STOP_LOSS_LIMIT",
            )  # fmt: skip
            assert "fills" not in result
            _, waiting = await world.signed("GET", "/api/v3/openOrders", symbol="ETHUSDT")
            assert [(each["isWorking"], each["workingTime"], each["status"]) for each in waiting] == [
                (False, -1, "NEW"),
                (False, -1, "NEW"),
            ]
            await world.signed("DELETE", "/api/v3/order", symbol="ETHUSDT", orderId=ack["orderId"])
            placed, _, canceled = await calls.reports("CANCELED")
            assert (placed["x"], placed["X"], placed["w"], placed["P"]) == ("NEW", "NEW", False, "1990.00000000")
            assert "W" not in placed and "W" not in canceled and "d" not in placed
            # The world trades down to the stop price; at the limit price there is nobody, so it rests.
            levels(world, [(199_900, 0)], [])
            printed(world, Side.SELL, 199_000, 100)
            fired, *_ = await calls.reports("NEW")
            assert (fired["x"], fired["X"], fired["w"], fired["c"]) == ("NEW", "NEW", True, "w-2")
            assert fired["W"] == fired["T"] >= fired["O"]
            _, order = await world.signed("GET", "/api/v3/order", symbol="ETHUSDT", origClientOrderId="w-2")
            assert (order["isWorking"], order["workingTime"], order["stopPrice"]) == (
                True, fired["W"], "1990.00000000",
            )  # fmt: skip
            printed(world, Side.BUY, 198_000, 2_000)
            (traded,) = await calls.reports("TRADE")
            assert (traded["X"], traded["m"], traded["l"]) == ("PARTIALLY_FILLED", True, "0.20000000")

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("kind", "side", "stop", "path", "fill"),
    [
        ("STOP_LOSS", "SELL", "1995", [199_700, 199_500], "1980.00000000"),
        ("STOP_LOSS", "BUY", "2000.50", [200_000, 200_050], "2001.00000000"),
        ("TAKE_PROFIT", "SELL", "2000.50", [200_000, 200_050], "1999.00000000"),
        ("TAKE_PROFIT", "BUY", "1995", [199_700, 199_500], "2001.00000000"),
    ],
)
def test_the_price_that_fires_each_market_type(tmp_path: Path, kind, side, stop, path, fill):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 199_900, 1)
        async with world.calls() as calls:
            await calls.listen()
            _, answer = await world.order(**STOP | {"type": kind, "side": side, "stopPrice": stop, "quantity": "0.5"})
            assert (answer["status"], answer["type"], answer["price"]) == ("NEW", kind, "0.00000000")
            for price in path:
                assert len(world.site.exchange.markets["ETH-USDT"].stops) == 1
                printed(world, Side.SELL if price < 199_900 else Side.BUY, price, 1)
                levels(world, [(199_900, 10_000), (198_000, 10_000)], [(200_100, 10_000)])
            reports = await calls.reports("TRADE")
            assert [(each["x"], each["w"], each["o"]) for each in reports] == [
                ("NEW", False, kind),
                ("NEW", True, kind),
                ("TRADE", False, kind),
            ]
            assert reports[-1]["X"] == "FILLED" and reports[-1]["f"] == "GTC"
            # The world's own trade took the bids above it, so the falling price's seller met the one below.
            _, trades = await world.signed("GET", "/api/v3/myTrades", symbol="ETHUSDT")
            assert [each["isMaker"] for each in trades] == [False] and trades[0]["price"] == fill

    run(tmp_path, scenario)


def test_an_order_that_cannot_pay_when_it_fires_ends(tmp_path: Path):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 199_900, 1)
        async with world.calls() as calls:
            await calls.listen()
            await world.order(**STOP | {"quantity": "60", "newClientOrderId": "stop"})
            await world.order(side="SELL", price="3000", quantity="60", newClientOrderId="ask")
            levels(world, [(198_900, 900_000)], [])
            printed(world, Side.SELL, 199_000, 1)
            reports = await calls.reports("EXPIRED")
            assert [(each["c"], each["x"], each["w"], each["r"]) for each in reports[2:]] == [
                ("stop", "NEW", True, "NONE"),
                ("stop", "EXPIRED", False, "INSUFFICIENT_BALANCES"),
            ]

    run(tmp_path, scenario)


def test_trailing_orders_follow_from_now_or_from_their_stop_price_on(tmp_path: Path):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 199_900, 1)
        async with world.calls() as calls:
            await calls.listen()
            _, now = await world.order(**TRAILING)
            late = TRAILING | {"type": "TAKE_PROFIT", "stopPrice": "2100", "newClientOrderId": "late"}
            _, later = await world.order(**late)
            falling = TRAILING | {"stopPrice": "1900", "newClientOrderId": "falling"}
            _, last = await world.order(**falling)
            shown = [(each["type"], each["trailingDelta"], each["stopPrice"]) for each in (now, later, last)]
            assert shown == [
                ("STOP_LOSS", 100, "0.00000000"),
                ("TAKE_PROFIT", 100, "2100.00000000"),
                ("STOP_LOSS", 100, "1900.00000000"),
            ]
            assert now["trailingTime"] > 0 and later["trailingTime"] == last["trailingTime"] == -1
            levels(world, [(100_000, 900_000)], [(200_100, 0), (900_000, 10_000)])
            printed(world, Side.BUY, 210_000, 1)  # 1 % below is 2079
            _, followed = await world.signed("GET", "/api/v3/order", symbol="ETHUSDT", origClientOrderId="late")
            assert followed["trailingTime"] > 0 and not followed["isWorking"]
            printed(world, Side.SELL, 207_900, 1)
            reports = await calls.reports("TRADE")
            fired = [each for each in reports if each["w"]]
            assert [each["d"] for each in fired] == [100, 100] and all("D" in each for each in fired)
            # A stop-loss begins to follow when its stop price is reached: 1 % below 1900 is 1881.
            printed(world, Side.SELL, 190_000, 1)
            printed(world, Side.SELL, 188_200, 1)
            _, order = await world.signed("GET", "/api/v3/order", symbol="ETHUSDT", origClientOrderId="falling")
            assert order["status"] == "NEW" and order["trailingTime"] > 0
            printed(world, Side.SELL, 188_100, 1)
            _, order = await world.signed("GET", "/api/v3/order", symbol="ETHUSDT", origClientOrderId="falling")
            assert order["status"] == "FILLED" and order["isWorking"]

    run(tmp_path, scenario)


def test_waiting_orders_outlive_a_restart(tmp_path: Path):
    async def before(world: World) -> None:
        printed(world, Side.SELL, 199_900, 1)
        await world.order(**STOP | {"newClientOrderId": "stop", "quantity": "0.5"})
        await world.order(side="BUY", price="1500", newClientOrderId="bid")

    async def after(world: World) -> None:
        _, orders = await world.signed("GET", "/api/v3/openOrders", symbol="ETHUSDT")
        assert [(each["clientOrderId"], each["isWorking"]) for each in orders] == [("stop", False), ("bid", True)]
        async with world.calls() as calls:
            await calls.listen()
            levels(world, [(197_000, 10_000)], [])
            printed(world, Side.SELL, 198_000, 1)
            printed(world, Side.SELL, 150_000, 1_000)
            reports = await calls.reports("TRADE") + await calls.reports("TRADE")
            assert [(each["c"], each["x"], each["L"], each["w"]) for each in reports] == [
                ("stop", "NEW", "0.00000000", True),
                ("stop", "TRADE", "1970.00000000", False),
                ("bid", "TRADE", "1500.00000000", True),
            ]

    run(tmp_path, before, expires_open_orders=False)
    run(tmp_path, after, expires_open_orders=False)


def test_exchange_info_tells_what_works(tmp_path: Path):
    async def scenario(world: World) -> None:
        _, info = await world.get("/api/v3/exchangeInfo", symbols='["ETHUSDT"]')
        (symbol,) = info["symbols"]
        assert symbol["orderTypes"] == [
            "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
        ]  # fmt: skip
        allowed = (
            "quoteOrderQtyMarketAllowed", "allowTrailingStop", "cancelReplaceAllowed", "amendAllowed",
            "isSpotTradingAllowed",
        )  # fmt: skip
        assert all(symbol[name] for name in allowed)
        assert not any(
            symbol[name] for name in ("icebergAllowed", "ocoAllowed", "otoAllowed", "isMarginTradingAllowed")
        )
        assert set(symbol["allowedSelfTradePreventionModes"]) == {
            "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "NONE",
        }  # fmt: skip
        filters = {each["filterType"]: each for each in symbol["filters"]}
        assert filters["TRAILING_DELTA"]["maxTrailingBelowDelta"] == 2000 and "PERCENT_PRICE" not in filters
        for query in ('["NOPE"]', "[]", "[1]", "x", '["ETH USDT"]', '["\ud83d"]'.encode(errors="replace").decode()):
            status, answer = await world.get("/api/v3/exchangeInfo", symbols=query)
            assert (status, answer["code"]) in ((400, -1121), (400, -1100)), query
        status, answer = await world.get("/api/v3/exchangeInfo", symbol="ETHUSDT", symbols='["ETHUSDT"]')
        assert (status, answer["code"]) == (400, -1128)

    run(tmp_path, scenario)
