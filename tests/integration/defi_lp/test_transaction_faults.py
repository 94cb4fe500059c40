"""What can become of a transaction, done to the real process: faults 1 to 12 of docs/faults.md.

Each time: what the operator sees, that the ranges are minted once, that the inventory told is the chain's to the wei,
and that the hedge's target follows it.
"""

import asyncio
from pathlib import Path

from common.chain import erc20
from common.chain.fees import GWEI
from tests.integration.chain.fault_proxy import FaultProxy
from tests.integration.defi_lp.lp_world import LpWorld
from tests.integration.defi_lp.stories import (
    act_as_wallet,
    automine,
    give_away,
    halted,
    market_falls,
    mine,
    move_waits,
    moved,
    play,
    resume,
    send_unmined,
    swap_to,
    unmined,
    whale,
)

STRANGER = "0x000000000000000000000000000000000000dEaD"


def test_a_sandwich_meets_minimum_amounts_of_the_cefi_middle(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges = len(lp.last.ranges)
        attacker = await whale(lp, "attacker")
        before = await move_waits(lp)
        # The attacker tips ten times what we do, so his swap stands before our move in the block.
        front = await send_unmined(lp, attacker, await swap_to(lp, attacker, 2500 * 0.99))
        await mine(lp)
        await front
        await lp.sees(lambda: "lp.move.failed" in lp.log())
        assert "reverted: Price slippage check" in lp.log()
        struck = await lp.assert_sound(mints=ranges)
        assert [each.key for each in struck.ranges] == [each.key for each in before.ranges]
        assert struck.residual > before.residual, "the swap left base with us, and the hedge is told so"
        back = await send_unmined(lp, attacker, await swap_to(lp, attacker, lp.mid))
        await mine(lp)
        await back
        await automine(lp, True)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_a_price_that_moves_between_simulation_and_block_is_planned_anew(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges = len(lp.last.ranges)
        rich = await whale(lp)
        await move_waits(lp)
        swap = await send_unmined(lp, rich, await swap_to(lp, rich, 2500 * 0.993))
        lp.mid = 2500 * 0.993  # The whole market went, so the pool stays where it is.
        await mine(lp)
        await swap
        await automine(lp, True)
        await moved(lp)
        assert lp.log().count("lp.move.failed") == 1
        told = await lp.assert_sound(mints=ranges + len(lp.last.ranges))
        assert 2500 * 0.99 < told.price_lower < 2500 * 0.9965, "anchored where the price is now"

    play(chain, tmp_path, story, base_is_token0=True)


def test_out_of_gas_costs_the_gas_and_nothing_else(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, line: FaultProxy) -> None:
        ranges, known = len(lp.last.ranges), await lp.history()
        line.answers["eth_estimateGas"] = [hex(120_000)]  # and a quarter: 150,000, a fifth of what it takes
        await market_falls(lp)
        await lp.sees(lambda: "lp.move.failed" in lp.log())
        assert "out of gas" in lp.log()
        await moved(lp)
        told = await lp.assert_sound(mints=ranges + len(lp.last.ranges))
        spent = await lp.history()
        assert spent.failed == 1 and spent.transactions == known.transactions + 2
        assert told.gas_spent_native == spent.gas_wei / 10**18, "gas of what failed is told too"

    play(chain, tmp_path, story)


def test_a_stranger_who_uses_our_nonce_takes_one_move_and_halts_us(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges = len(lp.last.ranges)
        await move_waits(lp)
        await lp.chain.node.request("anvil_dropAllTransactions")
        await act_as_wallet(lp, erc20.approve(lp.chain.contracts.base_token, STRANGER, 0))
        await mine(lp)
        await lp.sees(lambda: "used by a transaction that is not ours" in lp.log())
        await automine(lp, True)
        await lp.at_block((await lp.chain.node.head()).hash)
        await mine(lp)
        await halted(lp, "foreign_nonce")
        await lp.assert_sound(mints=ranges)
        await resume(lp)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_a_skipped_nonce_is_filled(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, line: FaultProxy) -> None:
        ranges, nonce = len(lp.last.ranges), await lp.chain.node.nonce(lp.wallet)
        await mine(lp, 15)  # All is final: the next question for the nonce is the next move's.
        await lp.sees(lambda: not lp.last.provisional)
        line.answers["batched eth_getTransactionCount"] = [hex(nonce + 1)]
        await market_falls(lp)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))
        assert await lp.chain.node.nonce(lp.wallet) == nonce + 2 and "lp.halted" not in lp.log()

    play(chain, tmp_path, story)


def test_a_stuck_move_is_bumped_and_lands_once(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges, nonce = len(lp.last.ranges), await lp.chain.node.nonce(lp.wallet)
        await move_waits(lp)
        before = await _pooled_fee(lp, nonce)
        deadline = asyncio.get_running_loop().time() + 8
        while await _pooled_fee(lp, nonce) * 8 < before * 9:
            assert asyncio.get_running_loop().time() < deadline, "its fees do not rise"
            await asyncio.sleep(0.05)
        assert (await lp.health()).details["state"] in ("moving", "active")
        await automine(lp, True)
        await mine(lp)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))
        assert await lp.chain.node.nonce(lp.wallet) == nonce + 1

    play(chain, tmp_path, story)


async def _pooled_fee(lp: LpWorld, nonce: int) -> int:
    return int((await unmined(lp, lp.wallet))[str(nonce)]["maxFeePerGas"], 16)


def test_a_dropped_move_goes_out_again_as_the_same_bytes(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, line: FaultProxy) -> None:
        ranges = len(lp.last.ranges)
        await move_waits(lp)
        await lp.chain.node.request("anvil_dropAllTransactions")
        sent = line.seen.count("eth_sendRawTransaction")
        await lp.sees(lambda: line.seen.count("eth_sendRawTransaction") > sent)
        await automine(lp, True)
        await mine(lp)
        await moved(lp)
        assert "lp.move.failed" not in lp.log()
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_a_gas_spike_holds_a_rebalance_until_it_is_over(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges, node = len(lp.last.ranges), lp.chain.node
        nonce = await node.nonce(lp.wallet)
        await node.request("anvil_setNextBlockBaseFeePerGas", hex(300 * GWEI))
        await mine(lp)
        await market_falls(lp)
        await lp.sees(lambda: "lp.held" in lp.log() and "gas" in lp.log().rpartition("lp.held")[2])
        await lp.assert_sound(mints=ranges)
        assert await node.nonce(lp.wallet) == nonce
        await node.request("anvil_setNextBlockBaseFeePerGas", hex(GWEI // 10))
        await mine(lp)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_a_move_beyond_its_deadline_is_refused_by_the_contract_and_planned_anew(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges = len(lp.last.ranges)
        await move_waits(lp)
        await lp.chain.node.request("evm_increaseTime", 600)
        await mine(lp)
        await lp.sees(lambda: "Transaction too old" in lp.log())
        await lp.assert_sound(mints=ranges)
        await automine(lp, True)
        await mine(lp)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_without_gas_money_nothing_is_sent_and_the_operator_is_told(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges, node = len(lp.last.ranges), lp.chain.node
        nonce, purse = await node.nonce(lp.wallet), await node.balance(lp.wallet)
        await node.request("anvil_setBalance", lp.wallet, "0x0")
        await market_falls(lp)
        await lp.sees(lambda: "no_gas_money" in lp.log() and lp.last.halted == "no_gas_money")
        await lp.assert_equals_chain(await lp.at_block((await node.head()).hash))
        assert await node.nonce(lp.wallet) == nonce and len(lp.last.ranges) == ranges
        await node.request("anvil_setBalance", lp.wallet, hex(purse))
        await mine(lp)
        await moved(lp)
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_a_revoked_approval_halts_and_is_given_anew_before_the_next_move(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        ranges, at = len(lp.last.ranges), lp.chain.contracts
        for token in (at.base_token, at.quote_token):
            await act_as_wallet(lp, erc20.approve(token, at.position_manager, 0))
        await lp.at_block((await lp.chain.node.head()).hash)
        await mine(lp)  # One count of our transactions is no proof; the next block's is.
        approvals = lp.log().count("lp.approve.done")
        await halted(lp, "foreign_nonce")
        await market_falls(lp)
        await lp.assert_sound(mints=ranges)
        await resume(lp)
        await moved(lp)
        assert lp.log().count("lp.approve.done") > approvals
        await lp.assert_sound(mints=ranges + len(lp.last.ranges))

    play(chain, tmp_path, story)


def test_an_nft_that_was_taken_away_is_missed_at_once_and_halts_us(chain: str, tmp_path: Path) -> None:
    async def story(lp: LpWorld, _line: FaultProxy) -> None:
        opened = lp.last
        lost = opened.ranges[0]
        await act_as_wallet(lp, give_away(lp, int(lost.token_id), STRANGER))
        await halted(lp, "nft_left")
        assert f"NFT {lost.token_id} belongs to {STRANGER}" in lp.log()
        told = await lp.assert_sound(mints=len(opened.ranges))
        assert lost.token_id not in [each.token_id for each in told.ranges]
        assert told.residual < opened.residual - 1, "the hedge must buy what is gone"

    play(chain, tmp_path, story)
