"""One order for another (cancelReplace), and orders made smaller in their place (amend keepPriority)."""

from pathlib import Path
from typing import Any

import pytest

from common.exchange.rules import MarketRules
from common.model.order import Side
from tests.integration.paper_exchange.world import World, levels, printed, run

ORDER, REPLACE = "/api/v3/order", "/api/v3/order/cancelReplace"
AMEND, AMENDMENTS = "/api/v3/order/amend/keepPriority", "/api/v3/order/amendments"
NEW = {
    "symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "1990", "quantity": "1",
    "newClientOrderId": "new", "cancelOrigClientOrderId": "old", "cancelReplaceMode": "STOP_ON_FAILURE",
}  # fmt: skip
CROSSING = {"type": "LIMIT_MAKER", "price": "2001", "timeInForce": None}


async def replace(world: World, **terms: Any) -> tuple[int, Any]:
    """A cancelReplace of "old" by "new"; None leaves a parameter out."""
    values = NEW | terms
    return await world.signed("POST", REPLACE, **{name: value for name, value in values.items() if value is not None})


async def open_names(world: World) -> list[str]:
    """Client order ids of the open orders."""
    _, orders = await world.signed("GET", "/api/v3/openOrders", symbol="ETHUSDT")
    return [order["clientOrderId"] for order in orders]


def test_both_succeed(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            await calls.listen()
            await world.place("BUY", "1980", "1", newClientOrderId="old")
            status, answer = await replace(world, cancelNewClientOrderId="cancel")
            assert (status, answer["cancelResult"], answer["newOrderResult"]) == (200, "SUCCESS", "SUCCESS")
            canceled, placed = answer["cancelResponse"], answer["newOrderResponse"]
            assert (canceled["origClientOrderId"], canceled["clientOrderId"], canceled["status"]) == (
                "old", "cancel", "CANCELED",
            )  # fmt: skip
            assert (placed["clientOrderId"], placed["status"], placed["fills"]) == ("new", "NEW", [])
            assert await open_names(world) == ["new"]
            reports = await calls.reports(name="new")
            assert [(each["x"], each["c"], each["C"]) for each in reports] == [
                ("NEW", "old", ""),
                ("CANCELED", "cancel", "old"),
                ("NEW", "new", ""),
            ]

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("terms", "status", "code", "results", "left"),
    [
        ({"cancelOrigClientOrderId": "none"}, 400, -2022, ("FAILURE", "NOT_ATTEMPTED"), ["old"]),
        (CROSSING, 409, -2021, ("SUCCESS", "FAILURE"), []),
        (CROSSING | {"cancelReplaceMode": "ALLOW_FAILURE"}, 409, -2021, ("SUCCESS", "FAILURE"), []),
        (
            {"cancelOrigClientOrderId": "none", "cancelReplaceMode": "ALLOW_FAILURE"},
            409, -2021, ("FAILURE", "SUCCESS"), ["old", "new"],
        ),
        (
            CROSSING | {"cancelOrigClientOrderId": "none", "cancelReplaceMode": "ALLOW_FAILURE"},
            400, -2022, ("FAILURE", "FAILURE"), ["old"],
        ),
        ({"cancelRestrictions": "ONLY_PARTIALLY_FILLED"}, 400, -2022, ("FAILURE", "NOT_ATTEMPTED"), ["old"]),
        ({"quantity": "600"}, 409, -2021, ("SUCCESS", "FAILURE"), []),
    ],
)  # fmt: skip
def test_every_way_in_which_a_half_fails(tmp_path: Path, terms, status, code, results, left):
    async def scenario(world: World) -> None:
        await world.place("BUY", "1980", "1", newClientOrderId="old")
        got, answer = await replace(world, **terms)
        data = answer["data"]
        assert (got, answer["code"], (data["cancelResult"], data["newOrderResult"])) == (status, code, results)
        halves = {"cancelResponse": results[0], "newOrderResponse": results[1]}
        for name, result in halves.items():
            assert (data[name] is None) is (result == "NOT_ATTEMPTED")
            assert result != "FAILURE" or data[name]["code"] in (-2010, -2011)
        assert await open_names(world) == left

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"cancelReplaceMode": None}, -1102),
        ({"cancelReplaceMode": "MAYBE"}, -1130),
        ({"cancelOrigClientOrderId": None}, -1102),
        ({"cancelOrigClientOrderId": "a b"}, -1100),
        ({"cancelOrderId": "7", "cancelOrigClientOrderId": None, "price": "1990.001"}, -1013),
        ({"cancelRestrictions": "ONLY_OLD"}, -1145),
        ({"cancelNewClientOrderId": "a b"}, -1100),
        ({"orderRateLimitExceededMode": "PERHAPS"}, -1130),
        ({"side": "LONG"}, -1117),
        ({"quantity": "0.001"}, -1013),
        ({"price": "2500"}, -1013),
        ({"cancelOrderId": "1", "cancelOrigClientOrderId": "other"}, -2039),
    ],
)
def test_what_is_wrong_with_the_request_or_its_filters_cancels_nothing(tmp_path: Path, terms, code):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 199_900, 1)
        await world.place("BUY", "1980", "1", newClientOrderId="old")
        status, answer = await replace(world, **terms)
        assert (status, answer["code"]) == (400, code) and await open_names(world) == ["old"]

    run(tmp_path, scenario, rules={"ETH-USDT": MarketRules(price_band_bps=1_000)})


def test_money_of_the_old_order_is_free_for_the_new_one(tmp_path: Path):
    async def scenario(world: World) -> None:
        await world.place("BUY", "1999", "500", newClientOrderId="old")
        status, _ = await replace(world, price="1998", quantity="500")
        assert status == 200 and await open_names(world) == ["new"]

    run(tmp_path, scenario)


@pytest.mark.parametrize(("mode", "left"), [("DO_NOTHING", ["old"]), ("CANCEL_ONLY", [])])
def test_too_many_orders(tmp_path: Path, mode, left):
    async def scenario(world: World) -> None:
        await world.place("BUY", "1980", "1", newClientOrderId="old")
        status, answer = await replace(world, orderRateLimitExceededMode=mode)
        assert status == 429 and await open_names(world) == left
        inner = answer["data"]["newOrderResponse"] if mode == "CANCEL_ONLY" else answer
        assert inner["code"] == -1015 and answer["code"] == (-2021 if mode == "CANCEL_ONLY" else -1015)

    for attempt in range(3):  # again if a ten-second boundary lies between the two orders
        folder = tmp_path / str(attempt)
        folder.mkdir()
        try:
            run(folder, scenario, orders_10s_max=1)
            return
        except AssertionError:
            if attempt == 2:
                raise


def test_a_cancel_may_be_restricted(tmp_path: Path):
    async def scenario(world: World) -> None:
        await world.place("BUY", "2001", "2", newClientOrderId="partly")
        await world.place("BUY", "1980", "2", newClientOrderId="new")
        wrong = {"partly": "ONLY_NEW", "new": "ONLY_PARTIALLY_FILLED"}
        for name, restriction in wrong.items():
            terms = {"symbol": "ETHUSDT", "origClientOrderId": name}
            status, answer = await world.signed("DELETE", ORDER, **terms, cancelRestrictions=restriction)
            assert (status, answer["code"]) == (400, -2011) and "restrictions" in answer["msg"]
            status, answer = await world.signed("DELETE", ORDER, **terms, cancelRestrictions="NEVER")
            assert (status, answer["code"]) == (400, -1145)
            other = next(each for each in wrong.values() if each != restriction)
            status, _ = await world.signed("DELETE", ORDER, **terms, cancelRestrictions=other)
            assert status == 200

    run(tmp_path, scenario)


def test_an_amended_order_keeps_its_place_and_gets_a_name(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            await calls.listen()
            await world.place("BUY", "1990", "3", newClientOrderId="mine")
            levels(world, [(199_000, 10_000)], [])
            printed(world, Side.SELL, 199_000, 5_000)
            status, answer = await world.signed(
                "PUT", AMEND, symbol="ETHUSDT", origClientOrderId="mine", newQty="2", newClientOrderId="smaller"
            )
            amended = answer["amendedOrder"]
            assert (status, amended["origClientOrderId"], amended["clientOrderId"]) == (200, "mine", "smaller")
            assert (amended["qty"], amended["executedQty"], amended["status"]) == (
                "2.00000000", "0.50000000", "PARTIALLY_FILLED",
            )  # fmt: skip
            assert "origQty" not in amended and amended["cumulativeQuoteQty"] == "995.00000000"
            report = (await calls.reports("REPLACED"))[-1]
            assert (report["c"], report["C"], report["q"], report["X"], report["I"]) == (
                "smaller", "mine", "2.00000000", "PARTIALLY_FILLED", answer["executionId"],
            )  # fmt: skip
            # Still in front of the world's ETH.
            printed(world, Side.SELL, 199_000, 1_000)
            report = (await calls.reports("TRADE"))[-1]
            assert (report["c"], report["l"], report["m"]) == ("smaller", "0.10000000", True)
            await world.signed("PUT", AMEND, symbol="ETHUSDT", orderId=1, newQty="1.5")
        _, (first, second) = await world.signed("GET", AMENDMENTS, symbol="ETHUSDT", orderId=1)
        assert (first["origClientOrderId"], first["newClientOrderId"]) == ("mine", "smaller")
        assert (first["origQty"], first["newQty"], second["newQty"]) == ("3.00000000", "2.00000000", "1.50000000")
        assert first["executionId"] == answer["executionId"] < second["executionId"]
        assert len(second["newClientOrderId"]) == 22  # made by the venue
        _, found = await world.signed(
            "GET", AMENDMENTS, symbol="ETHUSDT", orderId=1, fromExecutionId=second["executionId"]
        )
        assert found == [second]
        assert (await world.signed("GET", AMENDMENTS, symbol="ETHUSDT", orderId=9))[1]["code"] == -2013
        _, account = await world.signed("GET", "/api/v3/account")
        assert account["balances"][1]["locked"] == f"{1990 * 0.9:.8f}"

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("terms", "code", "words"),
    [
        ({"newQty": "3"}, -2038, "no state"),
        ({"newQty": "3.5"}, -2038, "quantity increase"),
        ({"newQty": "0.5"}, -1013, "LOT_SIZE"),
        ({"newQty": "0.4"}, -1013, "LOT_SIZE"),
        ({"newQty": "0"}, -1013, "LOT_SIZE"),
        ({"newQty": "1.00001"}, -1013, "LOT_SIZE"),
        ({"newQty": "x"}, -1100, "newQty"),
        ({"newQty": None}, -1102, "newQty"),
        ({"origClientOrderId": None}, -1102, "orderId"),
        ({"origClientOrderId": "none"}, -2013, "does not exist"),
        ({"origClientOrderId": "mine", "orderId": "2"}, -2039, "order ID"),
        ({"newClientOrderId": "a b"}, -1100, "newClientOrderId"),
        ({"newClientOrderId": "other"}, -2010, "Duplicate"),
    ],
)
def test_amendments_that_are_refused_change_nothing(tmp_path: Path, terms, code, words):
    async def scenario(world: World) -> None:
        await world.place("BUY", "1990", "3", newClientOrderId="mine")
        await world.place("BUY", "1980", "1", newClientOrderId="other")
        levels(world, [(199_900, 0)], [])
        printed(world, Side.SELL, 199_000, 5_000)
        before = world.site.exchange.state_hash()
        values = {"symbol": "ETHUSDT", "origClientOrderId": "mine", "newQty": "2"} | terms
        sent = {name: value for name, value in values.items() if value is not None}
        status, answer = await world.signed("PUT", AMEND, **sent)
        assert (status, answer["code"]) == (400, code) and words in answer["msg"]
        assert world.site.exchange.state_hash() == before

    run(tmp_path, scenario)


def test_a_smaller_order_must_still_be_worth_its_while(tmp_path: Path):
    async def scenario(world: World) -> None:
        await world.place("BUY", "1990", "3", newClientOrderId="mine")
        values = {"symbol": "ETHUSDT", "origClientOrderId": "mine"}
        _, answer = await world.signed("PUT", AMEND, **values, newQty="0.0025")
        assert (answer["code"], answer["msg"]) == (-1013, "Filter failure: NOTIONAL")

    run(tmp_path, scenario)


def test_a_waiting_order_is_amended_too(tmp_path: Path):
    async def scenario(world: World) -> None:
        printed(world, Side.SELL, 199_900, 1)
        stop = {"type": "STOP_LOSS_LIMIT", "stopPrice": "2100", "price": "2110", "newClientOrderId": "stop"}
        await world.order(**stop)
        values = {"symbol": "ETHUSDT", "origClientOrderId": "stop", "newClientOrderId": "stop"}
        _, answer = await world.signed("PUT", AMEND, **values, newQty="0.5")
        assert (answer["amendedOrder"]["workingTime"], answer["amendedOrder"]["stopPrice"]) == (-1, "2100.00000000")
        _, order = await world.signed("GET", ORDER, symbol="ETHUSDT", origClientOrderId="stop")
        assert (order["origQty"], order["isWorking"]) == ("0.50000000", False)

    run(tmp_path, scenario)


def test_a_test_order_looks_at_everything_but_money_and_places_nothing(tmp_path: Path):
    async def scenario(world: World) -> None:
        order = {name: NEW[name] for name in ("symbol", "side", "type", "timeInForce", "price", "quantity")}
        before = world.site.exchange.state_hash()
        path = "/api/v3/order/test"
        assert await world.signed("POST", path, **order) == (200, {})
        assert await world.signed("POST", path, **order | {"quantity": "600"}) == (200, {})
        for terms, code in (({"price": "1990.001"}, -1013), ({"quantity": "0.001"}, -1013), ({"side": "X"}, -1117)):
            assert (await world.signed("POST", path, **order | terms))[1]["code"] == code
        _, rates = await world.signed("POST", path, **order, computeCommissionRates="true")
        assert rates["standardCommissionForOrder"] == {"maker": "0.00000000", "taker": "0.00050000"}
        _, answer = await world.signed("POST", path, **order, computeCommissionRates="1")
        assert answer["code"] == -1100
        assert world.site.exchange.state_hash() == before

    run(tmp_path, scenario)


def test_the_same_over_the_websocket_api(tmp_path: Path):
    async def scenario(world: World) -> None:
        async with world.calls() as calls:
            await calls.listen()
            order = {name: NEW[name] for name in ("symbol", "side", "type", "timeInForce", "price", "quantity")}
            assert (await calls.signed("order.test", **order))["result"] == {}
            placed = await calls.signed("v3/order.place", **order, newClientOrderId="old")
            assert placed["result"]["status"] == "NEW"
            assert [each["rateLimitType"] for each in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
            answer = await calls.signed("order.amend.keepPriority", symbol="ETHUSDT", orderId=1, newQty="0.5")
            name = answer["result"]["amendedOrder"]["clientOrderId"]
            listed = await calls.signed("order.amendments", symbol="ETHUSDT", orderId=1)
            assert [each["newClientOrderId"] for each in listed["result"]] == [name]
            answer = await calls.signed("order.cancelReplace", **NEW)
            assert (answer["status"], answer["error"]["code"]) == (400, -2022)
            assert answer["error"]["data"]["newOrderResponse"] is None
            answer = await calls.signed("order.cancelReplace", **NEW | {"cancelOrigClientOrderId": name})
            assert answer["result"]["newOrderResponse"]["clientOrderId"] == "new"
            answer = await calls.signed("openOrders.status", symbol="ETHUSDT")
            assert [each["clientOrderId"] for each in answer["result"]] == ["new"]
            answer = await calls.signed("openOrders.cancelAll", symbol="ETHUSDT")
            assert [each["origClientOrderId"] for each in answer["result"]] == ["new"]
            answer = await calls.signed("order.cancel", symbol="ETHUSDT", origClientOrderId="new")
            assert answer["error"] == {"code": -2011, "msg": "Unknown order sent."}
            answer = await calls.call("time", returnRateLimits=False)
            assert "rateLimits" not in answer and answer["result"]["serverTime"] > 0
            answer = await calls.call("depth", symbol="ETHUSDT", limit=5)
            assert answer["result"]["bids"] == [["1999.00000000", "1.00000000"]]
            assert (await calls.call("order.dance"))["status"] == 404

    run(tmp_path, scenario)
