"""Several accounts on a perpetual: each trades, is told, is limited and is counted for itself alone."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from common.exchange.commands import PassTime
from services.paper_exchange.config import ACCOUNT, AccountConfig
from tests.integration.paper_exchange.usdm_world import UsdmWorld, frame, usdm_venue
from tests.integration.paper_exchange.world import key_of

SYMBOL = {"symbol": "ETHUSDT"}
ALICE = {"alice": AccountConfig(margin_balances={"USDT": Decimal(2_000)})}
ASK = {"side": "SELL", "price": "2000"}


def run(folder: Path, scenario: Any, **settings: Any) -> None:
    """Run a scenario with a venue that has two customers."""

    async def inside() -> None:
        async with usdm_venue(folder, accounts=ALICE, **settings) as world:
            await asyncio.wait_for(scenario(world), 60)

    asyncio.run(inside())


async def private_path(world: UsdmWorld, account: str) -> str:
    """Where an account's events are heard."""
    _, answer = await world.world.raw("POST", "/fapi/v1/listenKey", "", key=key_of(account)[0])
    return f"{world.stream}/private/ws?listenKey={answer['listenKey']}"


def test_everybody_owns_and_finds_its_own(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        _, (wallet,) = await world.signed("GET", "/fapi/v3/balance", account="alice")
        assert wallet["balance"] == "2000.00000000" and (await world.balance())["balance"] == "10000.00000000"
        status, answer = await world.order(account="alice", **ASK, quantity="25")
        assert (status, answer["code"]) == (400, -2019)
        _, placed = await world.order(account="alice", **ASK, newClientOrderId="a")
        _, own = await world.order(price="1990", newClientOrderId="a")
        assert own["orderId"] != placed["orderId"]
        named = SYMBOL | {"orderId": placed["orderId"]}
        for method, code in (("GET", -2013), ("DELETE", -2011)):
            assert (await world.signed(method, "/fapi/v1/order", **named))[1]["code"] == code
        await world.signed("DELETE", "/fapi/v1/allOpenOrders", **SYMBOL)
        _, orders = await world.signed("GET", "/fapi/v1/openOrders", account="alice")
        assert [each["orderId"] for each in orders] == [placed["orderId"]]
        _, taken = await world.order(price="2000")
        assert taken["status"] == "FILLED"
        for account, amount, maker in (("alice", "-1.000", True), (ACCOUNT, "1.000", False)):
            _, (position,) = await world.signed("GET", "/fapi/v3/positionRisk", account=account, **SYMBOL)
            assert position["positionAmt"] == amount
            _, (trade,) = await world.signed("GET", "/fapi/v1/userTrades", account=account, **SYMBOL)
            assert (trade["maker"], trade["buyer"]) == (maker, not maker)
            _, rows = await world.signed("GET", "/fapi/v1/income", account=account, incomeType="COMMISSION")
            assert [row["tradeId"] for row in rows] == [str(trade["id"])]

    run(tmp_path, scenario, maker_fee_bps=Decimal(2))


def test_settings_and_timers_are_each_accounts_own(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        await world.signed("POST", "/fapi/v1/leverage", account="alice", **SYMBOL, leverage=3)
        for account, leverage in (("alice", "3"), (ACCOUNT, "20")):
            _, (position,) = await world.signed("GET", "/fapi/v2/positionRisk", account=account, **SYMBOL)
            assert position["leverage"] == leverage
        await world.signed("POST", "/fapi/v1/countdownCancelAll", account="alice", **SYMBOL, countdownTime=60_000)
        for account in ("alice", ACCOUNT):
            await world.order(account=account, price="1900")
        world.site.venue.execute(PassTime(time_ns=time.time_ns() + 61 * 10**9))
        for account, wanted in (("alice", 0), (ACCOUNT, 1)):
            _, orders = await world.signed("GET", "/fapi/v1/openOrders", account=account)
            assert len(orders) == wanted

    run(tmp_path, scenario)


def test_a_listen_key_tells_of_its_own_account_alone(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        told: dict[str, list[Any]] = {}
        paths = {account: await private_path(world, account) for account in ("alice", ACCOUNT)}
        async with (
            world.session.ws_connect(paths["alice"]) as hers,
            world.session.ws_connect(paths[ACCOUNT]) as its,
        ):
            await world.order(account="alice", **ASK, newClientOrderId="ask")
            await world.order(price="2000", newClientOrderId="bid")
            for account, socket in (("alice", hers), (ACCOUNT, its)):
                told[account] = [await frame(socket) for _ in range(3)]
        for account, name, amount in (("alice", "ask", "-1.000"), (ACCOUNT, "bid", "1.000")):
            orders = [(each["o"]["c"], each["o"]["x"]) for each in told[account] if each["e"] == "ORDER_TRADE_UPDATE"]
            assert orders == [(name, "NEW"), (name, "TRADE")]
            (update,) = [each for each in told[account] if each["e"] == "ACCOUNT_UPDATE"]
            assert [position["pa"] for position in update["a"]["P"]] == [amount]

    run(tmp_path, scenario)


def test_order_limits_are_each_accounts_own(tmp_path: Path):
    async def scenario(world: UsdmWorld) -> None:
        for account, status in (("alice", 200), ("alice", 200), ("alice", 429), (ACCOUNT, 200)):
            assert (await world.order(account=account, price="1900"))[0] == status
        _, rows = await world.signed("GET", "/fapi/v1/rateLimit/order", account="alice")
        assert rows

    run(tmp_path, scenario, futures_orders_10s_max=2)
