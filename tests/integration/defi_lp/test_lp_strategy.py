"""Triggers, shapes, tiers, sales and profit of the real process on real contracts."""

import asyncio
from pathlib import Path

import pytest

from common.chain import erc20, position_manager
from common.messages import LpInventoryChanged
from tests.integration.defi_lp.lp_world import LpWorld

QUICK = "interval_s_min=0.5 keeper.gain_over_gas_min=0"


def width(told: LpInventoryChanged) -> float:
    return told.price_upper / told.price_lower - 1


async def rebalanced(lp: LpWorld, trigger: str, count: int = 1, timeout_s: float = 12.0) -> LpInventoryChanged:
    """The inventory after so many rebalances, the newest because of this trigger, with everything accounted for."""
    await lp.sees(lambda: sum(each.intent == "rebalance" for each in lp.sagas) >= count, timeout_s)
    saga = [each for each in lp.sagas if each.intent == "rebalance"][count - 1]
    assert (saga.trigger, saga.outcome, saga.exact) == (trigger, "done", True), f"{saga}\n{lp.log()[-5000:]}"
    await lp.sees(lp.is_at_rest)
    await lp.assert_equals_chain(lp.last)
    return lp.last


def test_another_volatility_widens_the_ranges_and_age_renews_them(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        settings = (
            f"{QUICK} keeper.sigma_ratio_max=1.5 keeper.age_s_max=6.0 model.width_sigmas=1.0 deviation_fraction=9.0"
        )
        async with LpWorld(chain, tmp_path, settings=settings) as lp:
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            await lp.shake_mid(1.0)
            wild = await rebalanced(lp, "volatility")
            assert width(wild) > 1.1 * width(opened) and wild.delta == pytest.approx(20.0, abs=1e-6)
            # Still as wild, but that is the anchor now: the next move is for age.
            aged = await rebalanced(lp, "age", 2)
            assert width(aged) == pytest.approx(width(wild), rel=0.1)

    asyncio.run(run())


@pytest.mark.parametrize("base_is_token0", [False, True], ids=["base is token1", "base is token0"])
def test_a_pair_is_opened_on_both_sides_of_the_price_and_trades_without_a_swap(
    chain: str, tmp_path: Path, base_is_token0: bool
) -> None:
    async def run() -> None:
        settings = f'{QUICK} plan.shape="pair" deviation_fraction=0.05'
        async with LpWorld(chain, tmp_path, base_is_token0=base_is_token0, settings=settings) as lp:
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            await lp.assert_equals_chain(opened)
            assert sides(opened) == ["base", "quote"] and opened.delta == pytest.approx(20.0, abs=1e-6)
            lp.mid = 2500 * 1.0015
            await lp.move_pool(lp.mid)
            moved = await rebalanced(lp, "inventory")
            # What was sold into the rise stays sold, and the new pair stands around the new price.
            assert moved.delta < 15 and sides(moved) == ["base", "quote"]
            assert moved.price_lower < moved.price < moved.price_upper

    asyncio.run(run())


def sides(told: LpInventoryChanged) -> list[str]:
    """The one token that each range holds."""
    assert all((int(each.amount_base) == 0) != (int(each.amount_quote) == 0) for each in told.ranges)
    return sorted("base" if int(each.amount_base) else "quote" for each in told.ranges)


def test_a_tier_that_pays_better_is_moved_into(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        tiers = "enabled=true hold_s=2.0 measured_s_min=1.0 margin=0.1".split()
        settings = f"{QUICK} deviation_fraction=9.0 fee_tiers_ppm=[3000] " + " ".join(
            f"keeper.tiers.{each}" for each in tiers
        )
        async with LpWorld(chain, tmp_path, settings=settings) as lp:
            await lp.chain.add_pool(3_000, 60)
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            assert {each.fee_ppm for each in opened.ranges} == {500}
            for turn in range(60):
                if any(each.trigger == "fee_tier" for each in lp.sagas):
                    break
                amount = 2 * 10**18 if turn % 2 else 5_000 * 10**6
                await lp.trade(amount, sells_base=bool(turn % 2), fee_ppm=3_000)
                await asyncio.sleep(0.25)
            moved = await rebalanced(lp, "fee_tier")
            assert moved.ranges and all(each.fee_ppm == 3_000 for each in moved.ranges)
            assert all(each.tick_lower % 60 == 0 == each.tick_upper % 60 for each in moved.ranges)
            assert moved.delta == pytest.approx(20.0, abs=1e-6)
            at, node = lp.chain.contracts, lp.chain.node
            for token_id in await lp.owned_by_wallet():
                assert (await node.read(position_manager.positions(at.position_manager, token_id))).fee_ppm == 3_000
            # The next life finds its ranges where they stand.
            lp.kill()
            lp.inventories.clear()
            lp.start()
            again = await lp.is_open()
            assert [each.key for each in again.ranges] == [each.key for each in moved.ranges]
            await lp.trade(3 * 10**18, sells_base=True, fee_ppm=3_000)
            told = await lp.at_block((await node.head()).hash)
            assert told.fees_base > 0 and told.delta > again.delta

    asyncio.run(run())


@pytest.mark.parametrize("base_is_token0", [False, True], ids=["base is token1", "base is token0"])
def test_a_sale_at_the_rebalance_puts_all_into_the_base_range(chain: str, tmp_path: Path, base_is_token0: bool) -> None:
    async def run() -> None:
        swap = "plan.swap.enabled=true plan.swap.value_bps_max=5000.0"
        settings = f"{QUICK} {swap} plan.swap.impact_bps_max=8.0 lot_base=1000.0"
        async with LpWorld(chain, tmp_path, base_is_token0=base_is_token0, settings=settings) as lp:
            await lp.fund()
            lp.start()
            await lp.is_open()
            # Fees so rich that the wait for the price to enter a one-sided range costs more than selling half.
            for turn in range(8):
                await lp.trade(20 * 10**18 if turn % 2 else 50_000 * 10**6, sells_base=bool(turn % 2))
                await asyncio.sleep(0.3)
            # The mid follows at the end: until then the gap holds every move.
            await lp.move_pool(2500 * 0.9955)
            lp.mid = 2500 * 0.9955
            moved = await rebalanced(lp, "out_of_range")
            (saga,) = [each for each in lp.sagas if each.intent == "rebalance"]
            assert [each for each in saga.steps if each != "approve"] == ["withdraw", "swap", "mint"]
            assert len(moved.ranges) == 1, f"{moved.ranges}\n{lp.log()[-6000:]}"
            (only,) = moved.ranges
            inside = int(only.amount_base) / 1e18 * moved.price + int(only.amount_quote) / 1e6
            assert inside > 0.98 * moved.value_quote and 30_000 < moved.quote_total < 70_000
            assert moved.swapped_base < -1 < 0 < moved.swapped_quote
            await lp.sees(lambda: lp.performances[-1].block_hash == lp.last.block_hash)
            told = lp.performances[-1]
            sold = -moved.swapped_base * told.price
            assert 5e-4 * sold < told.swaps < 13e-4 * sold, "the pool's fee and a little impact"

    asyncio.run(run())


def test_profit_is_told_by_source_and_neither_deposits_nor_a_restart_disturb_it(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, settings="deviation_fraction=9.0 performance_checkpoint_s=0.1") as lp:
            lp.start()
            await lp.sees(lambda: lp.inventories)
            await lp.fund()
            await lp.is_open()
            await settled(lp)
            funded = lp.performances[-1]
            assert funded.deposits == pytest.approx(104_000, rel=1e-6) and funded.profit == pytest.approx(
                -funded.gas, abs=1e-3
            )
            for amount, sells_base in ((2 * 10**18, True), (4_000 * 10**6, False), (4 * 10**18, True)):
                await lp.trade(amount, sells_base=sells_base)
            donor, at = await lp.chain.rich("stranger"), lp.chain.contracts
            await donor.send(erc20.transfer(at.base_token, lp.wallet, 10**18))
            lp.mid = 2499.0
            await lp.chain.node.request("evm_mine")
            told = await settled(lp)
            assert told.deposits == pytest.approx(funded.deposits + 2_500, rel=1e-3)
            assert told.fees > 0 and told.since_ns == funded.since_ns
            closes(told)
            owned = lp.last.base_total
            lp.kill()
            lp.mid = 2490.0
            await lp.trade(10**18, sells_base=True)
            lp.performances.clear()
            lp.start()
            await lp.sees(lambda: lp.performances)
            again = await settled(lp)
            assert again.since_ns == told.since_ns and again.deposits == told.deposits
            assert (
                again.market == pytest.approx(told.market + (2490.0 - told.price) * owned, abs=1e-3)
                and again.fees > told.fees
            )
            closes(again)
            health = await lp.health()
            assert health.details["profit"] == round(again.profit, 2)

    async def settled(lp: LpWorld):
        head = (await lp.chain.node.head()).hash
        await lp.sees(lambda: lp.performances and lp.performances[-1].block_hash == head)
        return lp.performances[-1]

    def closes(told) -> None:
        near = pytest.approx(told.profit, abs=1e-6)
        assert told.market + told.fees - told.lvr - told.swaps - told.gas == near
        assert told.hold + told.fees + told.impermanent - told.gas == near
        assert told.value - told.value_start - told.deposits - told.gas == near

    asyncio.run(run())


def test_dear_gas_is_waited_out_in_a_state_of_its_own(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, settings="keeper.gas_price_gwei_max=5.0") as lp:
            await lp.fund()
            node = lp.chain.node
            await node.request("anvil_setNextBlockBaseFeePerGas", hex(8 * 10**9))
            await node.request("evm_mine")
            lp.start()
            await lp.sees(lambda: lp.inventories and lp.last.state == "waiting_for_gas")
            assert "open: gas costs 7" in lp.log() or "open: gas costs 8" in lp.log()
            assert await lp.owned_by_wallet() == [] and await node.nonce(lp.wallet) == 0
            await node.request("anvil_setNextBlockBaseFeePerGas", hex(10**9))
            await node.request("evm_mine")
            await lp.is_open()

    asyncio.run(run())
