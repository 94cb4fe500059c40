"""Recovery of a venue in one process: from the journal alone, and from a snapshot with the rest of the journal."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.integration.paper_exchange.world import World, venue


async def facts(world: World) -> list[Any]:
    """All that the account can ask for."""
    symbol = {"symbol": "ETHUSDT"}
    return [
        (await world.signed("GET", "/api/v3/allOrders", **symbol))[1],
        (await world.signed("GET", "/api/v3/myTrades", **symbol))[1],
        (await world.signed("GET", "/api/v3/account"))[1]["balances"],
    ]


@pytest.mark.parametrize("snapshot_commands", [1, 10, 10**9])
def test_three_lives_tell_the_same_story(tmp_path: Path, snapshot_commands: int):
    async def scenario() -> None:
        before: list[Any] = []
        for life in range(3):
            async with venue(tmp_path, flow=True, snapshot_commands=snapshot_commands) as world:
                assert world.site.expired_at_start == (life > 0)
                if life:
                    orders, trades, balances = await facts(world)
                    assert orders[:-1] == before[0][:-1] and trades == before[1]
                    assert (orders[-1]["status"], before[0][-1]["status"]) == ("EXPIRED", "NEW")
                    for now, then in zip(balances, before[2], strict=True):
                        assert float(now["free"]) == pytest.approx(
                            float(then["free"]) + float(then["locked"]), abs=1e-9
                        )
                while world.site.exchange.markets["ETH-USDT"].book.asks.best() is None:
                    await asyncio.sleep(0.01)
                await world.place("BUY", "2800", "0.5", timeInForce="IOC", newClientOrderId=f"t{life}")
                await world.place("SELL", "3500", "0.5", newClientOrderId=f"r{life}")
                before = await facts(world)

    asyncio.run(scenario())
