"""Self-trade prevention as the venue's clients see it: statuses, prevented quantities, reports, the list of matches."""

from pathlib import Path

import pytest

from services.paper_exchange.config import AccountConfig
from tests.integration.paper_exchange.world import World, levels, run

NOTHING = "0.00000000"


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        ("EXPIRE_TAKER", ("EXPIRED_IN_MATCH", "10.00000000"), ("NEW", None)),
        ("EXPIRE_MAKER", ("NEW", None), ("EXPIRED_IN_MATCH", "4.00000000")),
        ("EXPIRE_BOTH", ("EXPIRED_IN_MATCH", "10.00000000"), ("EXPIRED_IN_MATCH", "4.00000000")),
        ("DECREMENT", ("NEW", "4.00000000"), ("EXPIRED_IN_MATCH", "4.00000000")),
    ],
)
def test_what_each_mode_prevents(tmp_path: Path, mode, taker, maker):
    async def scenario(world: World) -> None:
        levels(world, [(199_900, 0)], [(200_100, 0)])
        async with world.calls() as calls:
            await calls.listen()
            await world.place("SELL", "2000", "4", newClientOrderId="maker")
            _, answer = await world.place(
                "BUY", "2000", "10", newClientOrderId="taker", selfTradePreventionMode=mode
            )  # fmt: skip
            assert (answer["status"], answer.get("preventedQuantity")) == taker
            assert (answer["origQty"], answer["executedQty"], answer["fills"]) == ("10.00000000", NOTHING, [])
            (met,) = answer["preventedMatches"]
            assert (met["makerOrderId"], met["price"]) == (1, "2000.00000000")
            # The match alone says what either lost; what an order keeps is not mentioned.
            lost = {name: met[name] for name in ("takerPreventedQuantity", "makerPreventedQuantity") if name in met}
            prevented = {"takerPreventedQuantity": taker[1], "makerPreventedQuantity": maker[1]}
            assert lost == {name: quantity for name, quantity in prevented.items() if quantity}
            for name, (status, quantity) in (("taker", taker), ("maker", maker)):
                _, order = await world.signed("GET", "/api/v3/order", symbol="ETHUSDT", origClientOrderId=name)
                assert (order["status"], order.get("preventedQuantity")) == (status, quantity), name
                assert order["origQty"] == ("10.00000000" if name == "taker" else "4.00000000")
                assert order.get("preventedMatchId") == (1 if quantity else None)
            await world.place("BUY", "1000", "1", newClientOrderId="end")
            reports = [each for each in await calls.reports(name="end") if each["x"] == "TRADE_PREVENTION"]
            shown = {each["c"]: (each["X"], each["A"]) for each in reports}
            assert shown == {
                name: expected for name, expected in (("taker", taker), ("maker", maker)) if expected[1]
            }  # fmt: skip
            for report in reports:
                assert (report["v"], report["B"], report["u"], report["Cs"]) == (1, report["A"], -1, "ETHUSDT")
                assert (report["pl"], report["pL"], report["pY"]) == ("4.00000000", "2000.00000000", "8000.00000000")
                assert report["U"] == (1 if report["c"] == "taker" else 2)

    run(tmp_path, scenario)


def test_mode_none_trades_with_oneself(tmp_path: Path):
    async def scenario(world: World) -> None:
        levels(world, [(199_900, 0)], [(200_100, 0)])
        await world.place("SELL", "2000", "4")
        _, answer = await world.place("BUY", "2000", "4", selfTradePreventionMode="NONE")
        assert answer["status"] == "FILLED" and "preventedMatches" not in answer

    run(tmp_path, scenario)


def test_decrement_keeps_the_larger_order_and_its_quantity_as_it_was_ordered(tmp_path: Path):
    async def scenario(world: World) -> None:
        levels(world, [(199_900, 0)], [(200_100, 0)])
        async with world.calls() as calls:
            await calls.listen()
            await world.place("BUY", "2000", "6", newClientOrderId="maker")
            _, taker = await world.place("SELL", "2000", "2", selfTradePreventionMode="DECREMENT")
            assert (taker["status"], taker["preventedQuantity"]) == ("EXPIRED_IN_MATCH", "2.00000000")
            _, order = await world.signed("GET", "/api/v3/order", symbol="ETHUSDT", origClientOrderId="maker")
            assert (order["status"], order["origQty"], order["preventedQuantity"]) == (
                "NEW", "6.00000000", "2.00000000",
            )  # fmt: skip
            report = (await calls.reports("TRADE_PREVENTION"))[-1]
            assert (report["c"], report["X"], report["w"], report["q"]) == ("maker", "NEW", True, "6.00000000")
            _, account = await world.signed("GET", "/api/v3/account")
            assert account["balances"][1]["locked"] == "8000.00000000"
            # What is left of it can still trade, and be amended against what was ordered.
            amend = {"symbol": "ETHUSDT", "origClientOrderId": "maker", "newQty": "5", "newClientOrderId": "maker"}
            _, amended = await world.signed("PUT", "/api/v3/order/amend/keepPriority", **amend)
            assert (amended["amendedOrder"]["qty"], amended["amendedOrder"]["preventedQty"]) == (
                "5.00000000", "2.00000000",
            )  # fmt: skip
            assert world.site.exchange.ledger.orders[1].remaining_lots == 30_000

    run(tmp_path, scenario)


def test_prevented_matches_are_listed_for_both_orders_and_to_nobody_else(tmp_path: Path):
    async def scenario(world: World) -> None:
        levels(world, [(199_900, 0)], [(200_100, 0)])
        for _ in range(2):
            await world.place("SELL", "2000", "1")
            await world.place("BUY", "2000", "2", selfTradePreventionMode="EXPIRE_BOTH")
        listed = "/api/v3/myPreventedMatches"
        _, first = await world.signed("GET", listed, symbol="ETHUSDT", preventedMatchId=1)
        assert first[0] | {"transactTime": 0} == {
            "symbol": "ETHUSDT", "preventedMatchId": 1, "takerOrderId": 2, "makerSymbol": "ETHUSDT",
            "makerOrderId": 1, "tradeGroupId": -1, "selfTradePreventionMode": "EXPIRE_BOTH",
            "price": "2000.00000000", "takerPreventedQuantity": "2.00000000",
            "makerPreventedQuantity": "1.00000000", "transactTime": 0,
        }  # fmt: skip
        for order_id in (3, 4):
            _, found = await world.signed("GET", listed, symbol="ETHUSDT", orderId=order_id)
            assert [each["preventedMatchId"] for each in found] == [2]
        _, found = await world.signed("GET", listed, symbol="ETHUSDT", orderId=4, fromPreventedMatchId=3)
        assert found == []
        _, found = await world.signed("GET", listed, account="other", symbol="ETHUSDT", preventedMatchId=1)
        assert found == []
        for values in ({}, {"orderId": 1, "preventedMatchId": 1}):
            status, answer = await world.signed("GET", listed, symbol="ETHUSDT", **values)
            assert (status, answer["code"]) == (400, -1128)
        async with world.calls() as calls:
            answer = await calls.signed("myPreventedMatches", symbol="ETHUSDT", preventedMatchId=1)
            assert answer["result"] == first

    run(tmp_path, scenario, accounts={"other": AccountConfig()})


def test_accounts_of_a_trade_group_do_not_trade_with_each_other(tmp_path: Path):
    accounts = {name: AccountConfig(balances={"ETH": 10, "USDT": 100_000}) for name in ("mate", "stranger")}

    async def scenario(world: World) -> None:
        levels(world, [(199_900, 0)], [(200_100, 0)])
        async with world.calls("mate") as calls:
            await calls.listen()
            ask = {"symbol": "ETHUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
            await world.signed("POST", "/api/v3/order", account="mate", price="2000", **ask)
            await world.signed("POST", "/api/v3/order", account="stranger", price="2000", **ask)
            _, answer = await world.place("BUY", "2000", "1")
            assert answer["status"] == "FILLED" and answer["preventedMatches"][0]["makerOrderId"] == 1
            report = (await calls.reports("TRADE_PREVENTION"))[-1]
            assert (report["u"], report["U"], report["X"]) == (1, 3, "EXPIRED_IN_MATCH")
        _, account = await world.signed("GET", "/api/v3/account", account="mate")
        assert account["tradeGroupId"] == 1
        _, account = await world.signed("GET", "/api/v3/account", account="stranger")
        assert "tradeGroupId" not in account

    run(tmp_path, scenario, accounts=accounts, trade_groups={"paper": "desk", "mate": "desk"})
