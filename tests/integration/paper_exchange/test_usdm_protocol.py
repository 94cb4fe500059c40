"""USD-M's protocol where ccxt does not look: errors, order terms, batches, the dead-man's switch, limits."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common.exchange.commands import PassTime
from common.model.order import Side
from tests.integration.paper_exchange.usdm_world import ORDER, PERP, UsdmWorld, usdm_venue
from tests.integration.paper_exchange.world import KEY

SYMBOL = {"symbol": "ETHUSDT"}
MINUTE_NS = 60 * 10**9


def run(folder: Path, scenario: Any, **settings: Any) -> None:
    """Run a scenario with a venue."""

    async def inside() -> None:
        async with usdm_venue(folder, **settings) as world:
            await asyncio.wait_for(scenario(world), 60)

    asyncio.run(inside())


MARKET: dict[str, Any] = {"type": "MARKET", "price": None, "timeInForce": None}
STOP: dict[str, Any] = {"type": "STOP_MARKET", "price": None, "timeInForce": None, "stopPrice": "2100"}
TRAILING: dict[str, Any] = {"type": "TRAILING_STOP_MARKET", "price": None, "timeInForce": None, "callbackRate": "1"}
REFUSALS: list[tuple[dict[str, Any], int]] = [
    ({"symbol": "NOPEUSDT"}, -1121),
    ({"symbol": None}, -1102),
    ({"side": "LONG"}, -1117),
    ({"type": "LIMIT_MAKER"}, -1116),
    ({"timeInForce": None}, -1102),
    ({"timeInForce": "GTE_GTC"}, -1115),
    ({"price": None}, -1102),
    ({"price": "0"}, -4001),
    ({"price": "-1"}, -1100),
    ({"price": "1e3"}, -1100),
    ({"price": "2000.001"}, -1111),
    ({"price": "9" * 20}, -4002),
    ({"quantity": None}, -1102),
    ({"quantity": "0"}, -4003),
    ({"quantity": "0.0001"}, -1111),
    ({"quantity": "10000.001"}, -4005),
    ({"quantity": "0.009"}, -4164),
    ({"quantity": "1000"}, -2019),
    ({"newClientOrderId": "a b"}, -4015),
    ({"newClientOrderId": "x" * 37}, -4015),
    ({"newClientOrderId": "äöü"}, -4015),
    ({"newOrderRespType": "FULL"}, -1136),
    ({"positionSide": "LONG"}, -4061),
    ({"positionSide": "UP"}, -4060),
    ({"priceProtect": "true"}, -4084),
    ({"priceMatch": "OPPONENT"}, -5037),
    ({"selfTradePreventionMode": "DECREMENT"}, -5039),
    ({"reduceOnly": "yes"}, -1130),
    ({"reduceOnly": "true"}, -2022),
    ({"stopPrice": "1900"}, -1106),
    ({"callbackRate": "1"}, -1106),
    ({"activationPrice": "1900"}, -1106),
    ({"goodTillDate": "1"}, -1106),
    ({"timeInForce": "GTD"}, -1102),
    ({"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
    ({"timeInForce": "GTX", "price": "2001"}, -5022),
    ({"timeInForce": "FOK", "price": "2001", "quantity": "11"}, -5021),
    ({"closePosition": "true", "quantity": None}, -4136),
    (MARKET | {"timeInForce": "GTC"}, -1106),
    (MARKET | {"price": "2000"}, -1106),
    (STOP | {"stopPrice": None}, -1102),
    (STOP | {"stopPrice": "0"}, -4001),
    (STOP | {"price": "2000"}, -1106),
    (STOP | {"timeInForce": "IOC"}, -1115),
    (STOP | {"workingType": "INDEX_PRICE"}, -4031),
    (STOP | {"workingType": "MARK_PRICE", "stopPrice": "2000"}, -2021),
    (STOP | {"closePosition": "true"}, -4137),
    (STOP | {"closePosition": "true", "quantity": None, "reduceOnly": "true"}, -1106),
    (TRAILING | {"callbackRate": None}, -1102),
    (TRAILING | {"callbackRate": "0"}, -1130),
    (TRAILING | {"callbackRate": "10.1"}, -1130),
    (TRAILING | {"callbackRate": "0.15"}, -1130),
    (TRAILING | {"callbackRate": "x"}, -1130),
    (TRAILING | {"stopPrice": "1900"}, -1106),
    (TRAILING | {"workingType": "MARK_PRICE", "activationPrice": "2000"}, -2021),
    ({"type": "STOP", "stopPrice": None}, -1102),
    ({"recvWindow": "60001"}, -1131),
]


def whole_account(world: UsdmWorld) -> bytes:
    """All that the customer has and did. Not the whole state: samples of funding come by themselves."""
    exchange = world.site.exchange
    ledger, wallet = exchange.ledger, exchange.margin.state["USDT"]["paper"]
    owned = {asset: (each.free, each.locked) for asset, each in ledger.accounts.balances("paper").items()}
    return msgspec.json.encode((ledger.digest, ledger.last_order_id, owned, wallet))


def test_every_refusal_has_binances_code_and_places_nothing(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        before = whole_account(world)
        for terms, code in REFUSALS:
            status, answer = await world.order(**terms)
            assert (status, answer.get("code")) == (400, code), (terms, answer)
            if code == -5021:  # it came in and ended at once, as fill-or-kill does, so it has a number
                before = whole_account(world)
            assert whole_account(world) == before, terms
        _, orders = await world.signed("GET", "/fapi/v1/openOrders", **SYMBOL)
        assert orders == []
        for method, path, values, code in (
            ("DELETE", ORDER, SYMBOL, -1102),
            ("DELETE", ORDER, SYMBOL | {"orderId": 77}, -2011),
            ("GET", ORDER, SYMBOL | {"orderId": 77}, -2013),
            ("GET", ORDER, SYMBOL | {"origClientOrderId": "no"}, -2013),
            ("PUT", ORDER, SYMBOL | {"orderId": 77, "side": "BUY", "price": "1", "quantity": "1"}, -2013),
            ("POST", "/fapi/v1/algoOrder", SYMBOL | {"algoType": "TWAP"}, -1130),
            ("POST", "/fapi/v1/algoOrder", SYMBOL | {"algoType": "CONDITIONAL", "side": "BUY", "type": "LIMIT"}, -1116),
            ("GET", "/fapi/v1/algoOrder", SYMBOL, -1102),
            ("GET", "/fapi/v1/algoOrder", {"algoId": 1}, -2013),
            ("DELETE", "/fapi/v1/algoOrder", {"clientAlgoId": "no"}, -2013),
            ("POST", "/fapi/v1/countdownCancelAll", SYMBOL | {"countdownTime": "9" * 15}, -1130),
            ("POST", "/fapi/v1/countdownCancelAll", SYMBOL | {"countdownTime": "-1"}, -1102),
            ("POST", "/fapi/v1/leverage", SYMBOL | {"leverage": 51}, -4028),
            ("POST", "/fapi/v1/leverage", SYMBOL | {"leverage": 0}, -4028),
            ("POST", "/fapi/v1/marginType", SYMBOL | {"marginType": "CROSS"}, -1130),
            ("POST", "/fapi/v1/marginType", SYMBOL | {"marginType": "CROSSED"}, -4046),
            ("POST", "/fapi/v1/positionMargin", SYMBOL | {"amount": "1", "type": 1}, -4049),
            ("POST", "/fapi/v1/positionMargin", SYMBOL | {"amount": "1", "type": 3}, -1130),
            ("POST", "/fapi/v1/positionMargin", SYMBOL | {"amount": "0", "type": 1}, -4055),
            ("POST", "/fapi/v1/positionMargin", SYMBOL | {"amount": "nan", "type": 1}, -1102),
            ("POST", "/fapi/v1/positionSide/dual", {"dualSidePosition": "true"}, -4084),
            ("POST", "/fapi/v1/positionSide/dual", {"dualSidePosition": "false"}, -4059),
            ("POST", "/fapi/v1/multiAssetsMargin", {"multiAssetsMargin": "true"}, -4084),
            ("POST", "/fapi/v1/multiAssetsMargin", {"multiAssetsMargin": "false"}, -4171),
            ("GET", "/fapi/v1/income", {"incomeType": "LUCK"}, -1130),
            ("GET", "/fapi/v1/forceOrders", {"autoCloseType": "WIND"}, -1130),
            ("POST", "/sapi/v1/asset/transfer", {"type": "MAIN_MARGIN", "asset": "USDT", "amount": "1"}, -1130),
            ("POST", "/sapi/v1/asset/transfer", {"type": "MAIN_UMFUTURE", "asset": "ETH", "amount": "1"}, -1126),
            ("POST", "/sapi/v1/asset/transfer", {"type": "MAIN_UMFUTURE", "asset": "USDT", "amount": "9e9"}, -5013),
            ("POST", "/sapi/v1/asset/transfer", {"type": "UMFUTURE_MAIN", "asset": "USDT", "amount": "10001"}, -5013),
            ("POST", "/sapi/v1/asset/transfer", {"type": "UMFUTURE_MAIN", "asset": "USDT", "amount": "-1"}, -1102),
            ("POST", "/sapi/v1/asset/transfer", {"type": "UMFUTURE_MAIN", "asset": "USDT", "amount": "1e30"}, -1130),
            ("POST", "/fapi/v1/leverage", SYMBOL | {"leverage": "9" * 19}, -4028),
            ("POST", "/sapi/v1/futures/transfer", {"type": 3, "asset": "USDT", "amount": "1"}, -1130),
        ):
            status, answer = await world.signed(method, path, **values)
            assert (status, answer.get("code")) == (400, code), (path, values, answer)
            assert whole_account(world) == before, (path, values)
        for path, code in (
            ("/fapi/v1/depth?symbol=ETHUSDT&limit=7", -4021),
            ("/fapi/v1/depth?symbol=NO", -1121),
            ("/fapi/v1/klines?symbol=ETHUSDT&interval=7m", -1120),
            ("/fapi/v1/klines?symbol=ETHUSDT", -1102),
            ("/fapi/v1/aggTrades", -1102),
        ):
            status, answer = await world.get(path)
            assert (status, answer["code"]) == (400, code), path

    run(tmp_path, scenario, futures_orders_10s_max=1_000)


def test_keys_and_signatures(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        raw = world.world.raw
        assert (await raw("GET", "/fapi/v2/account", "timestamp=1&signature=0"))[1]["code"] == -1021
        now = int(time.time() * 1_000)
        assert (await raw("GET", "/fapi/v2/account", f"timestamp={now}&signature={'0' * 64}"))[1]["code"] == -1022
        assert (await raw("POST", "/fapi/v1/listenKey", "", key="other"))[0] == 401
        assert (await raw("PUT", "/fapi/v1/listenKey", ""))[1]["code"] == -1125
        _, made = await raw("POST", "/fapi/v1/listenKey", "", key=KEY)
        assert await raw("POST", "/fapi/v1/listenKey", "") == (200, made)
        assert await raw("PUT", "/fapi/v1/listenKey", "") == (200, made)
        assert await raw("DELETE", "/fapi/v1/listenKey", "") == (200, {})
        assert (await raw("POST", "/fapi/v1/listenKey", ""))[1] != made

    run(tmp_path, scenario)


def test_numbers_of_any_size_are_answered_and_the_journal_can_be_read_again(tmp_path: Path):
    async def first(world: UsdmWorld) -> None:
        assert (await world.world.order(quantity="9" * 20))[1]["code"] == -1013
        assert (await world.world.order(price="9" * 20))[1]["code"] == -1013
        values = SYMBOL | {"countdownTime": "9" * 19}
        assert (await world.signed("POST", "/fapi/v1/countdownCancelAll", **values))[1]["code"] == -1130
        assert (await world.order(price="1900"))[1]["status"] == "NEW"

    async def second(world: UsdmWorld) -> None:
        assert len((await world.signed("GET", "/fapi/v1/openOrders"))[1]) == 1

    run(tmp_path, first, with_spot=True, expires_open_orders=False)
    run(tmp_path, second, with_spot=True, expires_open_orders=False)


def test_amending_as_binance_does(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        _, placed = await world.order(price="1990", quantity="2", newClientOrderId="cw-1")
        named = SYMBOL | {"origClientOrderId": "cw-1", "side": "BUY"}
        _, moved = await world.signed("PUT", ORDER, **named, price="1995.5", quantity="3")
        assert (moved["orderId"], moved["price"], moved["origQty"]) == (placed["orderId"], "1995.50", "3.000")
        assert (await world.signed("PUT", ORDER, **named, price="1995.5", quantity="3"))[1]["code"] == -5027
        wrong = named | {"side": "SELL"}
        assert (await world.signed("PUT", ORDER, **wrong, price="1995", quantity="3"))[1]["code"] == -1117
        assert (await world.signed("PUT", ORDER, **named, price="1995"))[1]["code"] == -1102
        assert (await world.signed("PUT", ORDER, **named, price="1995", quantity="999"))[1]["code"] == -2019
        _, stop = await world.stop("STOP_MARKET", "BUY", stopPrice="2100")
        ident = SYMBOL | {"orderId": stop["orderId"], "side": "BUY"}
        assert (await world.signed("PUT", ORDER, **ident, price="1", quantity="1"))[1]["code"] == -5025
        # What is left of it is counted from the new total, fills included; nothing left ends it.
        world.levels([(199_900, 0)], [])
        world.printed(Side.SELL, 199_550, 1_000)
        _, smaller = await world.signed("PUT", ORDER, **named, price="1995.5", quantity="1.5")
        assert (smaller["status"], smaller["executedQty"], smaller["origQty"]) == ("PARTIALLY_FILLED", "1.000", "1.500")
        _, ended = await world.signed("PUT", ORDER, **named, price="1995.5", quantity="1")
        assert (ended["status"], ended["executedQty"]) == ("CANCELED", "1.000")
        # A post-only order that an amendment would let take ends as well.
        _, maker = await world.order(price="1990", timeInForce="GTX")
        ident = SYMBOL | {"orderId": maker["orderId"], "side": "BUY"}
        _, ended = await world.signed("PUT", ORDER, **ident, price="2001", quantity="1")
        assert ended["status"] == "CANCELED"

    run(tmp_path, scenario)


def test_batches_answer_each_item_for_itself(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        order = {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
        items = [order | {"price": "1900", "newClientOrderId": "b1"}, order | {"price": "0.001"}]
        items += [order | {"price": 1901, "reduceOnly": False, "newClientOrderId": "b2"}]
        path = "/fapi/v1/batchOrders"
        _, answers = await world.signed("POST", path, batchOrders=json.dumps(items))
        assert [each.get("clientOrderId", each.get("code")) for each in answers] == ["b1", -1111, "b2"]
        changes = [{"symbol": "ETHUSDT", "origClientOrderId": "b1", "side": "BUY", "price": "1905", "quantity": "2"}]
        _, answers = await world.signed("PUT", path, batchOrders=json.dumps([*changes, {"symbol": "ETHUSDT"}]))
        assert (answers[0]["price"], answers[1]["code"]) == ("1905.00", -1102)
        _, answers = await world.signed("DELETE", path, **SYMBOL, origClientOrderIdList='["b1","none"]')
        assert [each.get("status", each.get("code")) for each in answers] == ["CANCELED", -2011]
        number = (await world.signed("GET", "/fapi/v1/openOrders", **SYMBOL))[1][0]["orderId"]
        _, answers = await world.signed("DELETE", path, **SYMBOL, orderIdList=f"[{number}]")
        assert answers[0]["status"] == "CANCELED"
        for text, code in (
            ("[]", -4082), (json.dumps(items * 2), -4082), ("{}", -1130), ("[1]", -1130), ("[" * 1_500, -1130),
            ('[{"symbol":["x"]}]', -1130), ("[{\"symbol\":\"\\ud800\"}]", -1130),
        ):  # fmt: skip
            status, answer = await world.signed("POST", path, batchOrders=text)
            assert (status, answer["code"]) == (400, code), text[:50]
        assert (await world.signed("DELETE", path, **SYMBOL))[1]["code"] == -1102
        assert (await world.signed("DELETE", path, **SYMBOL, orderIdList="[1,{}]"))[1]["code"] == -1130
        eleven = json.dumps(list(range(1, 12)))
        assert (await world.signed("DELETE", path, **SYMBOL, orderIdList=eleven))[1]["code"] == -4032

    run(tmp_path, scenario)


def test_conditional_orders_fire_on_the_price_that_they_watch(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.market("BUY", "5")
        _, by_mark = await world.stop(
            "STOP_MARKET", "SELL", stopPrice="1950", workingType="MARK_PRICE", reduceOnly="true"
        )
        _, by_last = await world.stop("STOP_MARKET", "SELL", stopPrice="1950", reduceOnly="true")
        _, limit = await world.order(type="TAKE_PROFIT", side="SELL", stopPrice="2050", price="2060", quantity="1")
        _, closing = await world.stop("STOP_MARKET", "SELL", stopPrice="1940", closePosition="true", quantity=None)
        assert (await world.stop("STOP_MARKET", "SELL", stopPrice="1930", closePosition="true", quantity=None))[1][
            "code"
        ] == -4130
        assert (closing["origQty"], closing["closePosition"]) == ("0.000", True)
        world.levels([(199_900, 0), (195_000, 20_000)], [])
        world.printed(Side.SELL, 195_000, 100)

        async def shown(order: Any) -> tuple[str, str, str, str]:
            _, found = await world.signed("GET", ORDER, **SYMBOL, orderId=order["orderId"])
            return found["status"], found["type"], found["origType"], found["executedQty"]

        assert await shown(by_last) == ("FILLED", "MARKET", "STOP_MARKET", "1.000")
        assert await shown(by_mark) == ("NEW", "STOP_MARKET", "STOP_MARKET", "0.000")
        world.oracle(195_000)
        assert await shown(by_mark) == ("FILLED", "MARKET", "STOP_MARKET", "1.000")
        world.levels([(195_000, 0), (193_000, 20_000)], [])
        world.printed(Side.SELL, 193_000, 100)
        assert await shown(closing) == ("FILLED", "MARKET", "STOP_MARKET", "3.000")
        assert (await world.position())["positionAmt"] == "0.000"
        assert await shown(limit) == ("NEW", "TAKE_PROFIT", "TAKE_PROFIT", "0.000")

    run(tmp_path, scenario)


def test_small_reducing_orders_are_welcome(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.market("BUY", "0.015")
        assert (await world.market("SELL", "0.005"))[1]["code"] == -4164
        assert (await world.market("SELL", "0.005", reduceOnly="true"))[1]["status"] == "FILLED"
        assert (await world.market("SELL", "0.02", reduceOnly="true"))[1]["code"] == -2022

    run(tmp_path, scenario)


def test_good_till_date_ends_by_time_alone(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        until = int(time.time() + 605) * 1_000
        _, placed = await world.order(price="1900", timeInForce="GTD", goodTillDate=until + 999)
        assert (placed["timeInForce"], placed["goodTillDate"]) == ("GTD", until)
        world.site.venue.execute(PassTime(time_ns=(until - 1) * 10**6))
        assert (await world.signed("GET", ORDER, **SYMBOL, orderId=placed["orderId"]))[1]["status"] == "NEW"
        world.site.venue.execute(PassTime(time_ns=until * 10**6))
        assert (await world.signed("GET", ORDER, **SYMBOL, orderId=placed["orderId"]))[1]["status"] == "EXPIRED"

    run(tmp_path, scenario)


def test_the_dead_mans_switch_fires_alone_and_after_a_restart(tmp_path: Path):
    async def first(world: UsdmWorld) -> None:
        await world.order(price="1900", newClientOrderId="d1")
        await world.stop("STOP_MARKET", "BUY", stopPrice="2100", newClientOrderId="d2")
        path = "/fapi/v1/countdownCancelAll"
        _, answer = await world.signed("POST", path, **SYMBOL, countdownTime=300)
        assert answer == {"symbol": "ETHUSDT", "countdownTime": "300"}
        await world.signed("POST", path, **SYMBOL, countdownTime=0)
        await asyncio.sleep(0.6)
        assert len((await world.signed("GET", "/fapi/v1/openOrders"))[1]) == 2
        # Nobody says anything to the exchange meanwhile: its own clock must do.
        await world.signed("POST", path, **SYMBOL, countdownTime=300)
        deadline = time.monotonic() + 5
        while (await world.signed("GET", "/fapi/v1/openOrders"))[1]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await world.order(price="1900", newClientOrderId="d3")
        await world.signed("POST", path, **SYMBOL, countdownTime=1_500)

    async def second(world: UsdmWorld) -> None:
        assert len((await world.signed("GET", "/fapi/v1/openOrders"))[1]) == 1
        deadline = time.monotonic() + 5
        while (await world.signed("GET", "/fapi/v1/openOrders"))[1]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        _, orders = await world.signed("GET", "/fapi/v1/allOrders", **SYMBOL)
        assert [each["status"] for each in orders] == ["CANCELED"] * 3

    run(tmp_path, first, expires_open_orders=False)
    run(tmp_path, second, expires_open_orders=False)


def test_income_and_trades_add_up_to_the_wallet(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.market("BUY", "4")
        await world.market("SELL", "3")
        await world.signed("POST", "/sapi/v1/asset/transfer", type="MAIN_UMFUTURE", asset="USDT", amount="250.5")
        await world.signed("POST", "/sapi/v1/futures/transfer", type=2, asset="USDT", amount="100")
        _, rows = await world.signed("GET", "/fapi/v1/income", limit=1000)
        moments = [row["time"] for row in rows]
        assert moments == sorted(moments) and len({row["tranId"] for row in rows}) == len(rows)
        total = sum(round(float(row["income"]) * 10**8) for row in rows)
        # The first transfer is the one that funded the account.
        assert [row["income"] for row in rows if row["incomeType"] == "TRANSFER"] == ["250.50000000", "-100.00000000"]
        wallet = await world.balance()
        assert round(float(wallet["balance"]) * 10**8) == 10_000 * 10**8 + total
        _, profits = await world.signed("GET", "/fapi/v1/income", incomeType="REALIZED_PNL", **SYMBOL)
        assert [row["income"] for row in profits] == ["-6.00000000"]
        _, trades = await world.signed("GET", "/fapi/v1/userTrades", **SYMBOL)
        assert [(row["qty"], row["realizedPnl"], row["maker"]) for row in trades] == [
            ("4.000", "0.00000000", False),
            ("3.000", "-6.00000000", False),
        ]
        _, newest = await world.signed("GET", "/fapi/v1/userTrades", **SYMBOL, limit=1)
        assert newest == trades[1:]
        _, later = await world.signed("GET", "/fapi/v1/userTrades", **SYMBOL, fromId=trades[1]["id"])
        assert later == trades[1:]
        _, listed = await world.signed("GET", "/sapi/v1/asset/transfer", type="MAIN_UMFUTURE")
        assert (listed["total"], listed["rows"][0]["amount"]) == (1, "250.50000000")

    run(tmp_path, scenario)


def test_limits_are_apart_from_spots(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.get("/api/v3/time")
        await world.get("/fapi/v1/depth", symbol="ETHUSDT", limit=1000)
        assert world.world.headers["X-MBX-USED-WEIGHT-1M"] == "20"
        answers = [await world.order(price="1900") for _ in range(4)]
        assert [status for status, _ in answers].count(429) >= 1 and answers[-1][1]["code"] == -1015
        _, rows = await world.signed("GET", "/fapi/v1/rateLimit/order")
        assert [row["limit"] for row in rows] == [3, 1_200]

    # A window that ends meanwhile starts the counters anew, so the scenario waits for the beginning of one.
    time.sleep(10 - time.time() % 10 if time.time() % 10 > 7 else 0)
    run(tmp_path, scenario, futures_orders_10s_max=3)


def test_spot_and_futures_of_one_name_live_side_by_side(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        assert (await world.get("/api/v3/exchangeInfo"))[1]["symbols"][0]["symbol"] == "ETHUSDT"
        assert (await world.get("/fapi/v1/exchangeInfo"))[1]["symbols"][0]["contractType"] == "PERPETUAL"
        _, spot = await world.world.order(price="1500", newClientOrderId="same")
        _, future = await world.order(price="1900", newClientOrderId="same")
        assert spot["orderId"] != future["orderId"] and "positionSide" not in spot
        _, spot_orders = await world.signed("GET", "/api/v3/openOrders", **SYMBOL)
        _, future_orders = await world.signed("GET", "/fapi/v1/openOrders", **SYMBOL)
        assert [each["orderId"] for each in spot_orders] == [spot["orderId"]]
        assert [each["orderId"] for each in future_orders] == [future["orderId"]]
        await world.market("BUY", "1")
        assert (await world.signed("GET", "/api/v3/myTrades", **SYMBOL))[1] == []
        assert len((await world.signed("GET", "/fapi/v1/userTrades", **SYMBOL))[1]) == 1
        assert world.site.exchange.markets[PERP.symbol].facts.mark == 200_000

    run(tmp_path, scenario, with_spot=True)


@pytest.mark.parametrize(("from_world", "index"), [(True, "2000.00"), (False, "1990.00")])
def test_the_oracle_is_the_worlds_or_what_somebody_tells(tmp_path: Path, from_world: bool, index: str):
    async def scenario(world: UsdmWorld) -> None:
        world.oracle(199_000)
        assert (await world.get("/fapi/v1/premiumIndex", **SYMBOL))[1]["indexPrice"] == "1990.00"
        # The venue tells its own oracle each second; where it must not, two of its seconds show that it does not.
        deadline = time.monotonic() + (10 if from_world else 2)
        found = ""
        while time.monotonic() < deadline and (found != index or not from_world):
            await asyncio.sleep(0.05)
            found = (await world.get("/fapi/v1/premiumIndex", **SYMBOL))[1]["indexPrice"]
        assert found == index

    run(tmp_path, scenario, oracle_from_world=from_world)
