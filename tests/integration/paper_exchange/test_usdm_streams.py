"""USD-M's streams: depth that continues, public frames, and what the account is told of orders, wallets, positions."""

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from common.exchange.commands import PassTime
from common.model.order import Side
from tests.integration.paper_exchange.usdm_world import ORDER, PERP, UsdmWorld, frame, usdm_venue

SYMBOL = {"symbol": "ETHUSDT"}
HOUR_NS = 3_600 * 10**9


def run(folder: Path, scenario: Any, **settings: Any) -> None:
    """Run a scenario with a venue."""

    async def inside() -> None:
        async with usdm_venue(folder, **settings) as world:
            await asyncio.wait_for(scenario(world), 60)

    asyncio.run(inside())


@asynccontextmanager
async def private_stream(world: UsdmWorld) -> Any:
    """A socket that hears what the account is told."""
    _, answer = await world.world.raw("POST", "/fapi/v1/listenKey", "")
    async with world.session.ws_connect(f"{world.stream}/private/ws?listenKey={answer['listenKey']}") as socket:
        yield socket


async def told(socket: Any, wanted: int) -> list[Any]:
    """So many events."""
    return [await frame(socket) for _ in range(wanted)]


def orders_of(events: list[Any]) -> list[tuple[Any, ...]]:
    """What ORDER_TRADE_UPDATEs say."""
    names = ("x", "X", "o", "ot", "z", "l", "rp")
    return [tuple(each["o"][name] for name in names) for each in events if each["e"] == "ORDER_TRADE_UPDATE"]


async def follow_depth(world: UsdmWorld, name: str, wanted: int) -> None:
    """Synchronise as Binance says, follow, and compare with the venue's own snapshot."""
    async with world.session.ws_connect(f"{world.stream}/public/ws/{name}") as socket:
        buffered = [await frame(socket) for _ in range(3)]
        _, snapshot = await world.get("/fapi/v1/depth", symbol="ETHUSDT", limit=1000)
        sides = {side: dict(snapshot[side]) for side in ("bids", "asks")}
        last, applied, previous = snapshot["lastUpdateId"], 0, None
        while applied < wanted:
            diff = buffered.pop(0) if buffered else await frame(socket)
            assert diff["U"] <= diff["u"] and (previous is None or diff["pu"] == previous)
            previous = diff["u"]
            if diff["u"] < last:
                continue
            assert applied or diff["U"] <= last <= diff["u"] or diff["pu"] == last
            applied += 1
            for short, side in (("b", "bids"), ("a", "asks")):
                sides[side].update(diff[short])
        while True:
            _, after = await world.get("/fapi/v1/depth", symbol="ETHUSDT", limit=1000)
            while previous < after["lastUpdateId"]:
                diff = await frame(socket)
                assert diff["pu"] == previous
                previous = diff["u"]
                for short, side in (("b", "bids"), ("a", "asks")):
                    sides[side].update(diff[short])
            # A snapshot that was taken inside of a diff cannot be compared, so the next one is.
            if previous == after["lastUpdateId"]:
                break
        for side in sides:
            assert {price: size for price, size in sides[side].items() if float(size)} == dict(after[side])


def test_depth_streams_continue_the_snapshot_without_a_hole(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await asyncio.gather(
            follow_depth(world, "ethusdt@depth@0ms", 60),
            follow_depth(world, "ethusdt@depth@100ms", 15),
            follow_depth(world, "ethusdt@depth@500ms", 4),
        )

    run(tmp_path, scenario, flow=True)


def test_public_frames_have_usdms_fields(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        names = ["trade", "aggTrade", "bookTicker", "depth5@100ms", "markPrice@1s", "kline_1m", "ticker", "miniTicker"]
        streams = "/".join(f"ethusdt@{name}" for name in names)
        seen: dict[str, Any] = {}
        async with world.session.ws_connect(f"{world.stream}/stream?streams={streams}") as socket:
            world.printed(Side.BUY, 200_100, 3_000)
            while len(seen) < len(names):
                got = await frame(socket)
                # A bar without trades came before the trade, or a minute began after it.
                if got["data"].get("k", {"n": 1})["n"]:
                    seen.setdefault(got["stream"].partition("@")[2], got["data"])
        trade, total, touch = seen["trade"], seen["aggTrade"], seen["bookTicker"]
        assert (trade["e"], trade["p"], trade["q"], trade["m"], trade["X"]) == (
            "trade", "2001.00", "3.000", False, "MARKET",
        )  # fmt: skip
        assert (total["p"], total["f"], total["l"]) == ("2001.00", trade["t"], trade["t"])
        assert (touch["e"], touch["a"], touch["A"]) == ("bookTicker", "2001.00", "7.000")
        book = seen["depth5@100ms"]
        assert (book["e"], book["b"], book["a"]) == ("depthUpdate", [["1999.00", "10.000"]], [["2001.00", "7.000"]])
        mark = seen["markPrice@1s"]
        assert (mark["e"], mark["i"]) == ("markPriceUpdate", "2000.00") and mark["T"] % 3_600_000 == 0
        bar = seen["kline_1m"]["k"]
        assert (bar["o"], bar["v"], bar["n"], bar["i"]) == ("2001.00", "3.000", 1, "1m")
        assert seen["ticker"]["e"] == "24hrTicker" and seen["miniTicker"]["c"] == "2001.00"
        _, listed = await world.get("/fapi/v1/aggTrades", symbol="ETHUSDT")
        assert [each["a"] for each in listed] == [total["a"]]
        _, rows = await world.get("/fapi/v1/klines", symbol="ETHUSDT", interval="1d")
        assert rows[-1][1:6] == ["2001.00", "2001.00", "2001.00", "2001.00", "3.000"]
        _, day = await world.get("/fapi/v1/ticker/24hr", symbol="ETHUSDT")
        assert (day["lastPrice"], day["count"], day["weightedAvgPrice"]) == ("2001.00", 1, "2001.00000000")
        _, price = await world.get("/fapi/v1/ticker/price")
        assert price[0]["price"] == "2001.00"

    run(tmp_path, scenario)


def test_the_classic_paths_are_spots_where_there_is_spot(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        connect = world.session.ws_connect
        async with (
            connect(f"{world.stream}/ws/ethusdt@trade") as spot,
            connect(f"{world.stream}/fstream/ws/ethusdt@trade") as futures,
            connect(f"{world.stream}/ws/ethusdt@trade", headers={"Host": "fstream.binance.com"}) as by_host,
            connect(f"{world.stream}/market/ws/0") as plain,
        ):
            await plain.send_json({"method": "SUBSCRIBE", "params": ["ethusdt@trade"], "id": 1})
            assert await frame(plain) == {"result": None, "id": 1}
            world.printed(Side.BUY, 200_100, 1_000)
            heard = [await frame(each) for each in (futures, by_host, plain)]
            assert all(each == heard[0] and each["X"] == "MARKET" for each in heard)
            await spot.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
            assert await frame(spot) == {"result": ["ethusdt@trade"], "id": 2}

    run(tmp_path, scenario, with_spot=True)


def test_an_order_is_told_from_birth_to_end_with_wallet_and_position(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        async with private_stream(world) as socket:
            await world.order(side="BUY", price="2001", quantity="12", newClientOrderId="cw-1")
            events = await told(socket, 3)
            assert orders_of(events) == [
                ("NEW", "NEW", "LIMIT", "LIMIT", "0.000", "0.000", "0"),
                ("TRADE", "PARTIALLY_FILLED", "LIMIT", "LIMIT", "10.000", "10.000", "0.00000000"),
            ]
            trade, account = events[1]["o"], events[2]
            assert (trade["c"], trade["ap"], trade["n"], trade["N"]) == ("cw-1", "2001.00000000", "10.00500000", "USDT")
            assert account["e"] == "ACCOUNT_UPDATE" and account["a"]["m"] == "ORDER"
            assert account["a"]["B"] == [{"a": "USDT", "wb": "9989.99500000", "cw": "9989.99500000", "bc": "0"}]
            (position,) = account["a"]["P"]
            assert (position["pa"], position["ep"], position["mt"], position["ps"]) == (
                "10.000", "2001.00000000", "cross", "BOTH",
            )  # fmt: skip
            world.printed(Side.SELL, 200_100, 500)
            events = await told(socket, 2)
            assert events[0]["o"]["m"] is True and events[0]["o"]["z"] == "10.500"
            await world.signed("DELETE", ORDER, **SYMBOL, origClientOrderId="cw-1")
            (event,) = await told(socket, 1)
            assert orders_of([event]) == [
                ("CANCELED", "CANCELED", "LIMIT", "LIMIT", "10.500", "0.000", "0"),
            ]  # fmt: skip
            await world.market("SELL", "10", reduceOnly="true")
            events = await told(socket, 3)
            assert events[1]["o"]["rp"] == "-20.00000000" and events[1]["o"]["R"] is True
            assert events[2]["a"]["P"][0]["cr"] == "-20.00000000" and events[2]["a"]["P"][0]["pa"] == "0.500"

    run(tmp_path, scenario)


def test_a_conditional_order_is_told_twice_over(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.market("BUY", "2")
        async with private_stream(world) as socket:
            terms = {"callbackRate": "1", "activationPrice": "2010", "quantity": "2", "reduceOnly": "true"}
            await world.stop("TRAILING_STOP_MARKET", "SELL", **terms)
            placed, algo = await told(socket, 2)
            assert (placed["o"]["o"], placed["o"]["AP"], placed["o"]["cr"], placed["o"]["sp"]) == (
                "TRAILING_STOP_MARKET", "2010.00", "1.00", "0.00",
            )  # fmt: skip
            assert (algo["e"], algo["o"]["X"], algo["o"]["aid"]) == ("ALGO_UPDATE", "NEW", placed["o"]["i"])
            world.levels([(199_900, 0), (198_900, 20_000)], [(200_100, 0), (201_000, 10_000)])
            world.printed(Side.BUY, 201_000, 100)
            world.printed(Side.SELL, 198_900, 100)
            events = await told(socket, 5)
            assert [each["e"] for each in events] == [
                "ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ORDER_TRADE_UPDATE", "ALGO_UPDATE", "ACCOUNT_UPDATE",
            ]  # fmt: skip
            assert orders_of(events) == [
                ("NEW", "NEW", "MARKET", "TRAILING_STOP_MARKET", "0.000", "0.000", "0"),
                ("TRADE", "FILLED", "MARKET", "TRAILING_STOP_MARKET", "2.000", "2.000", "-24.00000000"),
            ]
            assert events[0]["o"]["sp"] == "1989.90"
            assert [each["o"]["X"] for each in events if each["e"] == "ALGO_UPDATE"] == ["TRIGGERED", "FINISHED"]
            assert events[-1]["a"]["P"][0]["pa"] == "0.000"

    run(tmp_path, scenario)


def test_an_order_that_is_refused_tells_nobody(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        async with private_stream(world) as socket:
            assert (await world.order(price="2001", quantity="11", timeInForce="FOK"))[1]["code"] == -5021
            assert (await world.order(price="2001", timeInForce="GTX"))[1]["code"] == -5022
            await world.order(price="1900", newClientOrderId="heard")
            (event,) = await told(socket, 1)
            assert event["o"]["c"] == "heard"

    run(tmp_path, scenario)


def test_settings_and_transfers_are_told_with_their_reason(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        async with private_stream(world) as socket:
            await world.signed("POST", "/fapi/v1/leverage", **SYMBOL, leverage=7)
            (event,) = await told(socket, 1)
            assert (event["e"], event["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "ETHUSDT", "l": 7})
            await world.signed("POST", "/fapi/v1/marginType", **SYMBOL, marginType="ISOLATED")
            (event,) = await told(socket, 1)
            assert (event["a"]["m"], event["a"]["P"][0]["mt"]) == ("MARGIN_TYPE_CHANGE", "isolated")
            await world.signed("POST", "/sapi/v1/asset/transfer", type="MAIN_UMFUTURE", asset="USDT", amount="5")
            await world.signed("POST", "/sapi/v1/asset/transfer", type="UMFUTURE_MAIN", asset="USDT", amount="2.5")
            events = await told(socket, 2)
            assert [(each["a"]["m"], each["a"]["B"][0]["bc"], each["a"]["P"]) for each in events] == [
                ("DEPOSIT", "5.00000000", []),
                ("WITHDRAW", "-2.50000000", []),
            ]
            await world.market("BUY", "1")
            events = await told(socket, 3)
            assert float(events[-1]["a"]["P"][0]["iw"]) > 285
            await world.signed("POST", "/fapi/v1/positionMargin", **SYMBOL, amount="10", type=1)
            (event,) = await told(socket, 1)
            assert event["a"]["m"] == "MARGIN_TRANSFER"
            before, after = events[-1]["a"], event["a"]
            assert float(after["P"][0]["iw"]) - float(before["P"][0]["iw"]) == 10
            assert float(before["B"][0]["cw"]) - float(after["B"][0]["cw"]) == 10
            assert before["B"][0]["wb"] == after["B"][0]["wb"]
            await world.world.raw("DELETE", "/fapi/v1/listenKey", "")
            (event,) = await told(socket, 1)
            assert event["e"] == "listenKeyExpired"

    run(tmp_path, scenario)


def test_funding_is_told_listed_and_shown(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.market("BUY", "10")
        async with private_stream(world) as socket:
            hour_ns = (time.time_ns() // HOUR_NS + 1) * HOUR_NS
            world.site.venue.execute(PassTime(time_ns=hour_ns))
            (event,) = await told(socket, 1)
        assert (event["a"]["m"], event["a"]["P"]) == ("FUNDING_FEE", [])
        # Without a premium the rate of eight hours is the interest of 0.01 %, an eighth of which is due each hour.
        paid = 10 * 2000 * 0.0001 / 8
        assert event["a"]["B"][0]["bc"] == f"{-paid:.8f}"
        _, rows = await world.signed("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
        assert [(row["income"], row["symbol"]) for row in rows] == [(f"{-paid:.8f}", "ETHUSDT")]
        _, history = await world.get("/fapi/v1/fundingRate", symbol="ETHUSDT")
        assert history == [
            {
                "symbol": "ETHUSDT", "fundingRate": "0.000012500000", "fundingTime": hour_ns // 10**6,
                "markPrice": "2000.00",
            }
        ]  # fmt: skip
        assert (await world.get("/fapi/v1/fundingRate", symbol="ETHUSDT", startTime=hour_ns // 10**6 + 1))[1] == []
        assert (await world.get("/fapi/v1/premiumIndex", symbol="ETHUSDT"))[1]["lastFundingRate"] == "0.000012500000"
        wallet = await world.balance()
        assert float(wallet["balance"]) == 10_000 - 10 * 2001 * 0.0005 - paid

    run(tmp_path, scenario)


def test_a_margin_call_comes_before_the_liquidation_that_everybody_hears_of(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.signed("POST", "/fapi/v1/leverage", **SYMBOL, leverage=50)
        world.levels([], [(200_100, 150_000)])
        await world.market("BUY", "150")
        risk = await world.position()
        liquidation = float(risk["liquidationPrice"])
        assert 1_940 < liquidation < 1_960
        async with (
            private_stream(world) as socket,
            world.session.ws_connect(f"{world.stream}/market/ws/!forceOrder@arr") as public,
        ):
            bid = round(liquidation * 100) + 100
            world.levels([(199_900, 0), (bid, 1_000_000)], [(200_100, 0), (bid + 200, 1_000_000)])
            world.printed(Side.SELL, bid, 10)
            (event,) = await told(socket, 1)
            assert event["e"] == "MARGIN_CALL" and event["p"][0]["pa"] == "150.000"
            world.levels([(bid, 0), (bid - 200, 1_000_000)], [])
            world.printed(Side.SELL, bid - 200, 10)
            world.levels([], [(bid + 200, 0), (bid, 1_000_000)])
            events = []
            while not events or events[-1]["e"] != "ACCOUNT_UPDATE":
                events += await told(socket, 1)
            placed, traded = events[0]["o"], events[1]["o"]
            assert (placed["o"], placed["x"]) == ("LIQUIDATION", "NEW") and placed["c"].startswith("autoclose-")
            assert (traded["x"], traded["o"]) == ("CALCULATED", "LIQUIDATION") and float(traded["rp"]) < 0
            forced = await frame(public)
            assert (forced["e"], forced["o"]["S"], forced["o"]["f"]) == ("forceOrder", "SELL", "IOC")
            assert float(forced["o"]["z"]) > 0
        _, listed = await world.signed("GET", "/fapi/v1/forceOrders", **SYMBOL)
        assert listed[0]["clientOrderId"] == placed["c"]
        assert (await world.signed("GET", "/fapi/v1/forceOrders", autoCloseType="ADL"))[1] == []
        position = await world.position()
        assert float(position["positionAmt"]) < 150 and world.site.exchange.markets[PERP.symbol].facts.is_open

    run(tmp_path, scenario)


def test_what_the_account_sees_survives_a_restart(tmp_path: Path):
    views = ("/fapi/v2/account", "/fapi/v2/positionRisk", "/fapi/v1/userTrades", "/fapi/v1/allOrders")
    before: list[Any] = []

    async def facts(world: UsdmWorld) -> list[Any]:
        world.oracle(200_000)
        found = [(await world.signed("GET", path, **SYMBOL))[1] for path in views]
        found += [(await world.signed("GET", "/fapi/v1/income", incomeType="COMMISSION"))[1]]
        account, (risk,), *rest = found
        for row in (risk, account["positions"][0]):
            row.pop("updateTime")  # of this life of the venue only
        account.pop("updateTime")
        account["assets"][0].pop("updateTime")
        return [account, risk, *rest]

    async def first(world: UsdmWorld) -> None:
        await world.signed("POST", "/fapi/v1/leverage", **SYMBOL, leverage=9)
        await world.market("BUY", "3")
        await world.market("SELL", "1")
        await world.order(price="1900")
        await world.stop("STOP_MARKET", "SELL", stopPrice="1800", closePosition="true", quantity=None)
        before.extend(await facts(world))

    async def second(world: UsdmWorld) -> None:
        assert await facts(world) == before
        async with private_stream(world) as socket:
            world.levels([(199_900, 0)], [])
            world.printed(Side.SELL, 190_000, 400)
            (event, _account) = await told(socket, 2)
            assert (event["o"]["z"], event["o"]["X"]) == ("0.400", "PARTIALLY_FILLED")

    run(tmp_path, first, expires_open_orders=False)
    run(tmp_path, second, expires_open_orders=False)
