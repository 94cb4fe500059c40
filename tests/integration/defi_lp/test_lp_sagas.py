"""Sagas of several transactions on a real chain: swaps, deaths between steps, and what makes the keeper halt."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from common.chain import erc20
from common.chain.abi import Call, Function
from tests.integration.chain.fault_proxy import FaultProxy
from tests.integration.defi_lp.lp_world import LpWorld
from tests.integration.defi_lp.stories import (
    FALL,
    FAST,
    act_as_wallet,
    automine,
    halted,
    mine,
    moved,
    play,
    resume,
    until_unmined,
)

SWAPS = (
    f"{FAST} plan.swap.enabled=true plan.swap.jump_cost_bps=0 plan.swap.gas=0 plan.swap.value_bps_max=5000 "
    "plan.swap.slippage_bps=50 "
    "gain_horizon_s=60"
)
_TRANSFER_FROM = Function("transferFrom(address,address,uint256)", "(bool)")


async def fees_flow(lp: LpWorld) -> None:
    """Strangers trade to and fro, so that a sale of the surplus would pay. The mid stands still, and so does its
    volatility: against a high one no liquidity would pay.
    """
    for _ in range(6):
        await lp.trade(9 * 10**18, sells_base=True)
        await lp.trade(22_500 * 10**6, sells_base=False)


def records(lp: LpWorld, kind: str) -> int:
    """How many records of a kind the journal holds."""
    with sqlite3.connect(f"file:{lp.var / 'lp.db'}?mode=ro", uri=True) as journal:
        return int(journal.execute("SELECT count(*) FROM entries WHERE kind = ?", (kind,)).fetchone()[0])


@pytest.mark.parametrize("base_is_token0", [False, True], ids=["base is token1", "base is token0"])
def test_a_rebalance_by_swap_ends_balanced_and_accounted_for(chain: str, tmp_path: Path, base_is_token0: bool) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=base_is_token0, settings=SWAPS) as lp:
            await lp.fund()
            lp.start()
            await lp.is_open()
            await fees_flow(lp)
            await lp.move_pool(2500 * FALL)
            await moved(lp)
            await lp.sees(lambda: any(each.intent == "rebalance" for each in lp.sagas))
            saga = next(each for each in lp.sagas if each.intent == "rebalance")
            assert saga.steps == ["withdraw", "approve", "swap", "mint"], saga
            assert saga.exact and saga.outcome == "done"
            base, quote, _ = saga.accounts
            assert int(base.swapped) < 0 < int(quote.swapped), "the price fell: base was the surplus"
            await lp.assert_equals_chain(lp.last)

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["withdraw", "approve", "swap", "mint"])
@pytest.mark.parametrize("mined", [False, True], ids=["unmined", "mined"])
def test_a_death_at_each_step_of_a_swap_ends_in_one_position_set(
    chain: str, tmp_path: Path, kind: str, mined: bool
) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, settings=SWAPS) as lp:
            await lp.fund()
            lp.start()
            await lp.is_open()
            await fees_flow(lp)
            lp.inventories.clear()
            await automine(lp, False)
            fall = asyncio.get_running_loop().create_task(lp.move_pool(2500 * FALL))
            while f" lp.{kind} saga=2" not in lp.log():
                await mine(lp)
                await asyncio.sleep(0.05)
            await fall
            await until_unmined(lp, lp.wallet)
            lp.kill()
            if mined:
                await mine(lp)
            lp.inventories.clear()
            lp.start()
            await automine(lp, True)
            await mine(lp)
            await lp.sees(lambda: lp.is_at_rest() and lp.last.rebalances == 1, 15)
            await lp.assert_equals_chain(lp.last)
            assert len({each.key.partition(":")[0] for each in lp.last.ranges}) == 1
            await lp.sees(lambda: any(each.saga == 2 for each in lp.sagas))
            saga = next(each for each in lp.sagas if each.saga == 2)
            assert saga.exact and saga.steps == ["withdraw", "approve", "swap", "mint"], saga

    asyncio.run(run())


def test_many_failures_in_a_row_halt_until_somebody_resumes(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        settings = f"{FAST} gas_limit_max=150000 saga.failures_max=3"
        async with LpWorld(chain, tmp_path, settings=settings) as lp:
            await lp.fund()
            lp.start()
            told = await halted(lp, "repeated_failures")
            assert told.ranges == [] and "gas_limit" in lp.log()
            begun = records(lp, "StepBegun")
            await lp.sees(lambda: len(lp.inventories) > 5)
            assert records(lp, "StepBegun") == begun, "nothing is tried any more"
            with pytest.raises(AssertionError, match="halted"):
                await lp.command("close")
            await resume(lp)
            await lp.sees(lambda: records(lp, "StepBegun") > begun)

    asyncio.run(run())


def test_what_is_missing_without_an_explanation_halts(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        token, thief = lp.chain.contracts.base_token, await lp.chain.rich("thief")
        await act_as_wallet(lp, erc20.approve(token, thief.address, 10**18))
        await halted(lp, "foreign_nonce")
        await resume(lp)
        await automine(lp, False)
        await lp.command("close")
        await until_unmined(lp, lp.wallet)
        await mine(lp)
        await until_unmined(lp, lp.wallet)
        data = _TRANSFER_FROM.encode(lp.wallet, thief.address, 10**18)
        theft = asyncio.get_running_loop().create_task(thief.send(Call(token, data, lambda _data: None)))
        await until_unmined(lp, thief.address)
        await automine(lp, True)
        await mine(lp, 2)
        await theft
        await halted(lp, "broken_accounting")
        closed = await lp.outcome("test-close")
        assert closed.ended is not None and not closed.ended.exact
        assert closed.ended.accounts[0].unexplained == str(-(10**18)) and closed.ended.accounts[1].unexplained == "0"
        assert await lp.owned_by_wallet() == []

    play(chain, tmp_path, story)
