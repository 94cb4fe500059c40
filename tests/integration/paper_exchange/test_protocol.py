"""Binance's protocol where ccxt does not look: errors, signatures, limits, streams, ws-api."""

import hmac
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from common.model.order import Side
from common.venues.signer import HmacSigner
from services.paper_exchange.config import FeeTierConfig
from tests.integration.paper_exchange.world import KEY, SECRET, World, printed, run

ORDER = "/api/v3/order"


REFUSALS = [
    ({"symbol": "NOPEUSDT"}, -1121),
    ({"symbol": "eth usdt"}, -1100),
    ({"symbol": None}, -1102),
    ({"side": "LONG"}, -1117),
    ({"type": "STOP"}, -1116),
    ({"timeInForce": "GTX"}, -1115),
    ({"timeInForce": None}, -1102),
    ({"type": "LIMIT_MAKER"}, -1106),
    ({"price": "2000.001"}, -1013),
    ({"price": "0"}, -1013),
    ({"price": "-1"}, -1100),
    ({"price": "2000.0000000001"}, -1111),
    ({"price": None}, -1102),
    ({"quantity": "0.00001"}, -1013),
    ({"quantity": "0"}, -1013),
    ({"quantity": "0.001"}, -1013),
    ({"quantity": "1e3"}, -1100),
    ({"quantity": "600"}, -2010),
    ({"price": "2001", "type": "LIMIT_MAKER", "timeInForce": None}, -2010),
    ({"newClientOrderId": "a b"}, -1100),
    ({"newClientOrderId": "x" * 37}, -1100),
    ({"recvWindow": "60001"}, -1131),
    ({"recvWindow": "x"}, -1102),
    ({"timestamp": "soon"}, -1102),
]


def test_every_refusal_has_binances_code_and_places_nothing(tmp_path: Path):
    async def scenario(world: World) -> None:
        for terms, code in REFUSALS:
            status, answer = await world.order(**terms)
            assert (status, answer["code"]) == (400, code), (terms, answer)
        _status, orders = await world.signed("GET", "/api/v3/allOrders", symbol="ETHUSDT")
        assert orders == []
        bad = ({"price": "2000.001"}, {"quantity": "0.00001"}, {"quantity": "0.001"})
        filters = [await world.order(**terms) for terms in bad]
        assert [each[1]["msg"].split()[-1] for each in filters] == ["PRICE_FILTER", "LOT_SIZE", "NOTIONAL"]

    run(tmp_path, scenario)


def test_signatures_keys_and_times(tmp_path: Path):
    async def scenario(world: World) -> None:
        now = int(time.time() * 1000)
        sign = HmacSigner(SECRET).sign
        # A window that a busy machine does not leave while it asks.
        good = f"recvWindow=60000&timestamp={now}"
        assert (await world.raw("GET", "/api/v3/account", f"{good}&signature={sign(good)}"))[0] == 200
        cases = [
            (f"{good}&signature={'0' * 64}", KEY, 400, -1022),
            (f"{good}&omitZeroBalances=true&signature={sign(good)}", KEY, 400, -1022),
            (good, KEY, 400, -1102),
            (f"{good}&signature={sign(good)}", "other", 401, -2015),
        ]
        for offset in (-6_000, 60_000):
            text = f"timestamp={now + offset}"
            cases.append((f"{text}&signature={sign(text)}", KEY, 400, -1021))
        for query, key, status, code in cases:
            got = await world.raw("GET", "/api/v3/account", query, key=key)
            assert (got[0], got[1]["code"]) == (status, code), query
        # Binance signs the query followed by the body, with nothing between them.
        query, body = "symbol=ETHUSDT&side=BUY&type=LIMIT", f"timeInForce=GTC&quantity=1&price=1500&timestamp={now}"
        signature = hmac.new(SECRET.encode(), (query + body).encode(), "sha256").hexdigest()
        status, answer = await world.raw("POST", ORDER, query, f"{body}&signature={signature}")
        assert (status, answer["status"]) == (200, "NEW")

    run(tmp_path, scenario)


def test_queries_find_final_orders_and_cancels_answer_once(tmp_path: Path):
    async def scenario(world: World) -> None:
        _, placed = await world.place("BUY", "1990", "1", newClientOrderId="cw-1")
        assert (await world.place("BUY", "1990", "1", newClientOrderId="cw-1"))[1]["msg"] == "Duplicate order sent."
        names = {"symbol": "ETHUSDT", "origClientOrderId": "cw-1"}
        _, canceled = await world.signed("DELETE", ORDER, **names, newClientOrderId="cancel-1")
        assert (canceled["origClientOrderId"], canceled["clientOrderId"]) == ("cw-1", "cancel-1")
        assert canceled["status"] == "CANCELED" and canceled["orderId"] == placed["orderId"]
        _, found = await world.signed("GET", ORDER, **names)
        assert (found["status"], found["clientOrderId"]) == ("CANCELED", "cw-1")
        assert (await world.signed("DELETE", ORDER, **names))[1]["code"] == -2011
        assert (await world.signed("GET", ORDER, symbol="ETHUSDT", origClientOrderId="no"))[1]["code"] == -2013
        assert (await world.signed("GET", ORDER, symbol="ETHUSDT"))[1]["code"] == -1102
        assert (await world.signed("DELETE", "/api/v3/openOrders", symbol="ETHUSDT"))[1]["code"] == -2011
        await world.place("BUY", "1990", "1", newClientOrderId="cw-1")
        await world.place("BUY", "1980", "1", newClientOrderId="cw-2")
        _, ended = await world.signed("DELETE", "/api/v3/openOrders", symbol="ETHUSDT")
        assert [each["origClientOrderId"] for each in ended] == ["cw-1", "cw-2"]
        _, all_orders = await world.signed("GET", "/api/v3/allOrders", symbol="ETHUSDT", limit=2)
        assert [each["clientOrderId"] for each in all_orders] == ["cw-1", "cw-2"]

    run(tmp_path, scenario)


def test_the_account_shows_the_rates_of_its_own_volume(tmp_path: Path):
    tiers = (
        FeeTierConfig(volume_min=Decimal(0), maker_fee_bps=Decimal(2), taker_fee_bps=Decimal(5)),
        FeeTierConfig(volume_min=Decimal(2_001), maker_fee_bps=Decimal(-1), taker_fee_bps=Decimal("4.5")),
    )

    async def scenario(world: World) -> None:
        async def rates() -> tuple[int, int, str, str]:
            _, got = await world.signed("GET", "/api/v3/account")
            shown = got["commissionRates"]
            return got["makerCommission"], got["takerCommission"], shown["maker"], shown["taker"]

        assert await rates() == (2, 5, "0.00020000", "0.00050000")
        _, taken = await world.place("BUY", "2001", "1.5")
        assert taken["fills"][0]["commission"] == "0.00050000"
        assert await rates() == (-1, 4, "-0.00010000", "0.00045000")
        printed(world, Side.SELL, 200_100, 1_000)
        _, trades = await world.signed("GET", "/api/v3/myTrades", symbol="ETHUSDT")
        # The taker sold 0.1 ETH for 200.1 USDT and paid its fee of them: so the rebate is in USDT.
        assert (trades[-1]["commission"], trades[-1]["commissionAsset"]) == ("-0.02001000", "USDT")

    run(tmp_path, scenario, fee_tiers=tiers)


def test_fills_fees_and_my_trades(tmp_path: Path):
    async def scenario(world: World) -> None:
        _, taken = await world.place("BUY", "2001", "1.5", newClientOrderId="cw-1")
        assert (taken["status"], taken["executedQty"]) == ("PARTIALLY_FILLED", "1.00000000")
        assert taken["fills"][0]["commission"] == "0.00050000" and taken["fills"][0]["commissionAsset"] == "ETH"
        for lots in (1_000, 2_000):
            printed(world, Side.SELL, 200_100, lots)
        _, trades = await world.signed("GET", "/api/v3/myTrades", symbol="ETHUSDT")
        assert [(each["qty"], each["isMaker"], each["isBuyer"]) for each in trades] == [
            ("1.00000000", False, True),
            ("0.10000000", True, True),
            ("0.20000000", True, True),
        ]
        _, later = await world.signed("GET", "/api/v3/myTrades", symbol="ETHUSDT", fromId=trades[1]["id"])
        assert later == trades[1:]
        _, first = await world.signed("GET", "/api/v3/myTrades", symbol="ETHUSDT", fromId=0, limit=1)
        assert first == trades[:1]
        _, newest = await world.signed("GET", "/api/v3/myTrades", symbol="ETHUSDT", limit=1)
        assert newest == trades[2:]
        _, account = await world.signed("GET", "/api/v3/account")
        ether, dollars = account["balances"]
        assert ether == {"asset": "ETH", "free": "101.29950000", "locked": "0.00000000"}
        assert dollars == {"asset": "USDT", "free": f"{10**6 - 2001 * 1.5:.8f}", "locked": f"{2001 * 0.2:.8f}"}
        _, public = await world.get("/api/v3/trades", symbol="ETHUSDT")
        assert [each["id"] for each in public] == [each["id"] for each in trades]

    run(tmp_path, scenario)


def test_limits_are_told_and_held(tmp_path: Path):
    async def scenario(world: World) -> None:
        status, _ = await world.place("BUY", "1990", "1")
        assert status == 200 and world.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        assert world.headers["X-MBX-USED-WEIGHT-1M"] == "1"
        await world.get("/api/v3/depth", symbol="ETHUSDT", limit=1000)
        assert world.headers["X-MBX-USED-WEIGHT-1M"] == "51"
        answers = [await world.place("BUY", "1990", "1") for _ in range(3)]
        assert [status for status, _ in answers].count(429) >= 1 and answers[-1][1]["code"] == -1015
        status, answer = await world.get("/api/v3/exchangeInfo")
        assert (status, answer["code"]) == (429, -1003) and 0 < int(world.headers["Retry-After"]) <= 60

    # The windows are fixed, so a scenario that straddles a boundary starts again with fresh counters.
    for attempt in range(3):
        minute = time.time() // 10
        folder = tmp_path / str(attempt)
        folder.mkdir()
        try:
            run(folder, scenario, orders_10s_max=3, request_weight_max=60)
            return
        except AssertionError:
            if time.time() // 10 == minute:
                raise
    pytest.fail("three runs in a row straddled a ten-second boundary")


def test_depth_stream_continues_the_snapshot_without_a_hole(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.session.ws_connect(f"{world.stream}/ws/ethusdt@depth@100ms") as socket:
            buffered = [await frame(socket) for _ in range(3)]
            _, snapshot = await world.get("/api/v3/depth", symbol="ETHUSDT", limit=5000)
            sides = {name: dict(snapshot[name]) for name in ("bids", "asks")}
            last, applied = snapshot["lastUpdateId"], 0
            previous = None
            while applied < 20:
                diff = buffered.pop(0) if buffered else await frame(socket)
                assert previous is None or diff["U"] == previous + 1
                previous = diff["u"]
                if diff["u"] <= last:
                    continue
                assert applied or diff["U"] <= last + 1 <= diff["u"]
                applied += 1
                for name, side in (("b", "bids"), ("a", "asks")):
                    sides[side].update(diff[name])
            _, after = await world.get("/api/v3/depth", symbol="ETHUSDT", limit=5000)
            while previous < after["lastUpdateId"]:
                diff = await frame(socket)
                assert diff["U"] == previous + 1
                previous = diff["u"]
                if previous > after["lastUpdateId"]:
                    return  # the snapshot was taken inside this diff, so they cannot be compared exactly
                for name, side in (("b", "bids"), ("a", "asks")):
                    sides[side].update(diff[name])
            for side in sides:
                assert {p: q for p, q in sides[side].items() if float(q)} == dict(after[side])

    run(tmp_path, scenario, flow=True)


async def frame(socket: Any, timeout_s: float = 10.0) -> Any:
    """The next JSON frame."""
    return json.loads((await socket.receive(timeout_s)).data)


def test_streams_raw_combined_and_subscribed(tmp_path: Path):
    async def scenario(world: World) -> None:
        connect = world.session.ws_connect
        async with (
            connect(f"{world.stream}/stream?streams=ethusdt@trade/ethusdt@bookTicker") as combined,
            connect(f"{world.stream}/ws") as plain,
        ):
            await plain.send_json({"method": "SUBSCRIBE", "params": ["ethusdt@trade", "ethusdt@depth5@100ms"], "id": 4})
            assert await frame(plain) == {"result": None, "id": 4}
            await plain.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 5})
            assert (await frame(plain))["result"] == ["ethusdt@depth5@100ms", "ethusdt@trade"]
            printed(world, Side.BUY, 200_100, 4_000)
            names = {}
            while len(names) < 2:
                got = await frame(combined)
                names[got["stream"]] = got["data"]
            trade, ticker = names["ethusdt@trade"], names["ethusdt@bookTicker"]
            assert (trade["p"], trade["q"], trade["m"]) == ("2001.00000000", "0.40000000", False)
            assert (ticker["a"], ticker["A"]) == ("2001.00000000", "0.60000000")
            seen = [await frame(plain) for _ in range(2)]
            assert trade in seen and any(each.get("bids") == [["1999.00000000", "1.00000000"]] for each in seen)
            await plain.send_json({"method": "UNSUBSCRIBE", "params": ["ethusdt@depth5@100ms"], "id": 6})
            while (await frame(plain)).get("id") != 6:
                pass
            await plain.send_str("{]")
            assert (await frame(plain))["error"]["code"] == 3
            await plain.send_json({"method": "DANCE", "id": 7})
            assert (await frame(plain))["error"]["code"] == 2

    run(tmp_path, scenario)


def test_user_data_reports_every_state_of_an_order_in_order(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            method = "userDataStream.subscribe.signature"
            assert (await calls.call(method, apiKey=KEY, timestamp=1, signature="0" * 64))["error"]["code"] == -1021
            bad = {"apiKey": KEY, "timestamp": int(time.time() * 1000), "signature": "0" * 64}
            assert (await calls.call(method, **bad))["error"]["code"] == -1022
            answer = await calls.signed(method)
            assert (answer["status"], answer["result"]) == (200, {"subscriptionId": 0})
            await world.place("SELL", "1999", "3", newClientOrderId="cw-1")
            printed(world, Side.BUY, 199_900, 5_000)
            await world.signed("DELETE", ORDER, symbol="ETHUSDT", origClientOrderId="cw-1", newClientOrderId="c-1")
            reports = await calls.reports("CANCELED")
            assert [(r["x"], r["X"], r["z"], r["l"], r["m"], r["c"], r["C"]) for r in reports] == [
                ("NEW", "NEW", "0.00000000", "0.00000000", False, "cw-1", ""),
                ("TRADE", "PARTIALLY_FILLED", "1.00000000", "1.00000000", False, "cw-1", ""),
                ("TRADE", "PARTIALLY_FILLED", "1.50000000", "0.50000000", True, "cw-1", ""),
                ("CANCELED", "CANCELED", "1.50000000", "0.00000000", False, "c-1", "cw-1"),
            ]
            position = next(each for each in calls.told if each["e"] == "outboundAccountPosition")
            assert position["B"][0] == {"a": "ETH", "f": "97.00000000", "l": "2.00000000"}
            answer = await calls.signed("order.status", symbol="ETHUSDT", orderId=1)
            assert answer["result"]["status"] == "CANCELED" and answer["rateLimits"][0]["count"] > 0

    run(tmp_path, scenario)


def test_paths_and_methods_that_do_not_exist_are_answered(tmp_path: Path):
    async def scenario(world: World) -> None:
        assert (await world.get("/api/v3/nothing"))[0] == 404
        assert (await world.signed("PUT", ORDER))[0] == 404
        assert await world.get("/api/v3/ping") == (200, {})
        status, answer = await world.get("/api/v3/time")
        assert status == 200 and abs(answer["serverTime"] - time.time() * 1000) < 2_000
        _, touch = await world.get("/api/v3/ticker/bookTicker", symbol="ETHUSDT")
        assert (touch["bidPrice"], touch["askQty"]) == ("1999.00000000", "1.00000000")

    run(tmp_path, scenario)


def test_a_reader_that_is_too_slow_is_cut_off(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.session.ws_connect(f"{world.stream}/ws/ethusdt@trade") as socket:
            assert len(world.server.sockets) == 1
            for _ in range(10):
                printed(world, Side.BUY, 200_100, 1)
            while not socket.closed:
                await socket.receive(10)
            assert socket.close_code == 1008

    run(tmp_path, scenario, frames_queued_max=5)
