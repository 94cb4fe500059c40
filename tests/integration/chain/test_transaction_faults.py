"""The writer against a real node on which everything goes wrong: each intent lands exactly once."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from common.chain import erc20, pool, position_manager
from common.chain.blocks import Receipt
from common.chain.events import LiquidityIncreased, find_events
from common.chain.fees import GWEI, GasPolicy
from common.chain.node import Node
from common.chain.position_manager import MintParams
from common.chain.transaction_rules import ResendPolicy
from common.chain.transactions import Transaction, TransactionState
from common.chain.wallet import Wallet, create_key_file, load_wallet
from common.chain.writer import TransactionWriter
from common.model.errors import ConfigInvalid, OutcomeUnknown, PeerUnavailable, RequestRefused
from common.storage import Journal
from services.paper_chain.actor import NATIVE_WEI
from tests.integration.chain.fault_proxy import FaultProxy
from tests.integration.chain.world import CHAIN_ID, World

STRANGER = "0x000000000000000000000000000000000000dEaD"
SPEEDY = ResendPolicy(confirmations_final=3, resend_after_s=0.05, bump_after_s=0.2, overtaken_after_s=0.2)


class Scene:
    """A wallet with money, its writer behind a fault proxy, and its journal."""

    def __init__(self, world: World, proxy: FaultProxy, wallet: Wallet, path: Path, resend: ResendPolicy) -> None:
        self.world, self.proxy, self.wallet, self._path, self._resend = world, proxy, wallet, path, resend
        self.node = Node(proxy.url, timeout_s=0.5)
        self.journal = Journal(path)
        self.writer = self._make_writer()

    def _make_writer(self) -> TransactionWriter:
        return TransactionWriter(self.node, self.wallet, self.journal, chain_id=CHAIN_ID, resend=self._resend)

    async def close(self) -> None:
        self.journal.close()
        await self.node.close()

    async def rebirth(self) -> None:
        """The process dies and starts again with the journal that it left."""
        self.journal.close()
        self.journal = Journal(self._path)
        self.writer = self._make_writer()
        await self.writer.start()

    async def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            await self.world.node.request("evm_mine")

    async def automine(self, on: bool) -> None:
        await self.world.node.request("evm_setAutomine", on)

    def transfer(self, amount: int = 1) -> "erc20.Call[bool]":
        return erc20.transfer(self.world.contracts.base_token, STRANGER, amount)

    async def received(self) -> int:
        """What the stranger got in all: the exactly-once check."""
        return await self.world.node.read(erc20.balance_of(self.world.contracts.base_token, STRANGER))

    async def submit(self, key: str, amount: int = 1) -> Transaction:
        return await self.writer.submit(key, self.transfer(amount), gas_limit=100_000)

    async def reach(self, key: str, *states: TransactionState, timeout_s: float = 5.0) -> Transaction:
        """Advance until the transaction is in one of the states."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            found = self.writer.get(key)
            assert found is not None
            if found.state in states:
                return found
            assert asyncio.get_running_loop().time() < deadline, (
                f"{key} is {found.state} ({found.reason}), {self.writer.counters}"
            )
            await self.writer.advance()
            await asyncio.sleep(0.01)


def play(chain: str, tmp_path: Path, story: Callable[[Scene], Awaitable[None]], resend: ResendPolicy = SPEEDY) -> None:
    async def run() -> None:
        create_key_file(tmp_path / "keys/wallet.key")
        wallet = load_wallet(tmp_path / "keys/wallet.key")
        async with World(chain, base_is_token0=False) as world, FaultProxy(chain) as proxy:
            await world.node.request("anvil_setBalance", wallet.address, hex(NATIVE_WEI))
            scene = Scene(world, proxy, wallet, tmp_path / "transactions.db", resend)
            try:
                await scene.writer.start()
                wrap = erc20.wrap(world.contracts.base_token, 10**18)
                await scene.writer.submit("money", wrap)
                await scene.mine(resend.confirmations_final - 1)
                await scene.reach("money", TransactionState.FINAL)
                await story(scene)
            finally:
                await scene.close()

    asyncio.run(run())


def test_from_planned_to_final(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        sent = await scene.writer.submit("pay-1", scene.transfer(), intent="one wei to a stranger")
        assert sent.state is TransactionState.SENT
        done = await scene.writer.wait("pay-1", 5)
        assert done.state is TransactionState.CONFIRMED and done.succeeded and done.intent == "one wei to a stranger"
        # The estimate plus a quarter, and not a wei above it.
        assert done.inclusion is not None
        receipt = await scene.writer.receipt("pay-1")
        assert isinstance(receipt, Receipt) and receipt.transaction_hash == done.inclusion.hash
        assert done.request.gas_limit >= receipt.gas_used
        await scene.mine(2)
        assert (await scene.reach("pay-1", TransactionState.FINAL)).is_terminal
        assert await scene.received() == 1 and scene.writer.open() == []

    play(chain, tmp_path, story)


def test_a_key_is_carried_out_once_in_all_lives(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        first = await scene.submit("pay-1")
        assert await scene.submit("pay-1", amount=999) == first
        await scene.rebirth()
        again = await scene.submit("pay-1", amount=999)
        assert again.attempts == first.attempts
        await scene.writer.wait("pay-1", 5)
        assert await scene.received() == 1

    play(chain, tmp_path, story)


def test_a_lost_reply_is_resolved_by_the_receipt_and_never_by_a_second_send(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.proxy.faults["eth_sendRawTransaction"] = ["lose_reply"]
        sent = await scene.submit("pay-1")
        assert scene.writer.counters["lost_replies"] == 1 and sent.state is TransactionState.SENT
        assert (await scene.writer.wait("pay-1", 5)).succeeded
        assert scene.proxy.seen.count("eth_sendRawTransaction") == 2  # the money of the scene, and this one: once each
        assert await scene.received() == 1

    play(chain, tmp_path, story)


@pytest.mark.parametrize("fault", ["fail", "hang", "garble"])
def test_a_send_whose_fate_is_unknown_goes_out_again_as_the_same_bytes(chain: str, tmp_path: Path, fault: str) -> None:
    async def story(scene: Scene) -> None:
        scene.proxy.faults["eth_sendRawTransaction"] = [fault]
        sent = await scene.submit("pay-1")
        done = await scene.writer.wait("pay-1", 5)
        assert done.succeeded and done.attempts == sent.attempts
        assert await scene.received() == 1

    play(chain, tmp_path, story)


def test_a_refused_line_leaves_it_signed_and_the_next_look_sends_it(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.proxy.faults["eth_sendRawTransaction"] = ["refuse"]
        assert (await scene.submit("pay-1")).state is TransactionState.SIGNED
        assert (await scene.writer.wait("pay-1", 5)).succeeded
        assert await scene.received() == 1

    play(chain, tmp_path, story)


def test_death_between_journal_and_send_is_made_good_at_the_next_start(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.proxy.faults["eth_sendRawTransaction"] = ["refuse"]
        signed = await scene.submit("pay-1")
        assert signed.sent_ns == 0
        await scene.rebirth()
        done = await scene.writer.wait("pay-1", 5)
        assert done.succeeded and done.attempts == signed.attempts
        assert await scene.received() == 1

    play(chain, tmp_path, story)


def test_already_known_counts_as_sent(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.automine(False)
        scene.proxy.faults["eth_sendRawTransaction"] = ["lose_reply"]
        sent = await scene.submit("pay-1")
        with pytest.raises(RequestRefused) as refusal:
            await scene.world.node.send_raw(sent.attempts[0].raw)
        assert refusal.value.code == "already_known"
        await scene.rebirth()
        await scene.mine()
        assert (await scene.writer.wait("pay-1", 5)).succeeded
        assert await scene.received() == 1

    play(chain, tmp_path, story)


def test_a_nonce_gap_left_by_a_dropped_transaction_is_filled_with_the_same_bytes(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.automine(False)
        first, second = await scene.submit("pay-1", 1), await scene.submit("pay-2", 10)
        assert second.nonce == first.nonce + 1
        await scene.world.node.request("anvil_dropTransaction", first.attempts[0].hash)
        await scene.automine(True)
        await scene.mine()
        for key in ("pay-1", "pay-2"):
            done = await scene.reach(key, TransactionState.CONFIRMED, TransactionState.FINAL)
            assert len(done.attempts) == 1
        assert await scene.received() == 11

    play(chain, tmp_path, story, ResendPolicy(confirmations_final=3, resend_after_s=0.05, bump_after_s=30))


def test_everything_dropped_goes_out_again_in_order(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.automine(False)
        for number in range(3):
            await scene.submit(f"pay-{number}", 10**number)
        await scene.world.node.request("anvil_dropAllTransactions")
        await scene.automine(True)
        for number in range(3):
            await scene.reach(f"pay-{number}", TransactionState.CONFIRMED, TransactionState.FINAL)
        assert await scene.received() == 111

    play(chain, tmp_path, story, ResendPolicy(confirmations_final=3, resend_after_s=0.05, bump_after_s=30))


def test_a_stuck_transaction_is_bumped_by_an_eighth_on_both_fees(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.automine(False)
        await scene.submit("pay-1", 1)
        await scene.submit("pay-2", 10)
        deadline = asyncio.get_running_loop().time() + 5
        while len((bumped := scene.writer.get("pay-1")).attempts) < 3:  # type: ignore[union-attr]
            assert asyncio.get_running_loop().time() < deadline
            await scene.writer.advance()
            await asyncio.sleep(0.02)
        assert bumped is not None
        for old, new in zip(bumped.attempts, bumped.attempts[1:], strict=False):
            assert new.fees.tip * 8 >= old.fees.tip * 9 and new.fees.max_fee * 8 >= old.fees.max_fee * 9
        waiting = scene.writer.get("pay-2")
        assert waiting is not None and len(waiting.attempts) == 1, "only the lowest nonce can be stuck by its fees"
        await scene.mine()
        done = await scene.writer.wait("pay-1", 5)
        assert done.inclusion is not None and done.inclusion.hash == done.attempts[-1].hash
        await scene.reach("pay-2", TransactionState.CONFIRMED, TransactionState.FINAL)
        assert await scene.received() == 11

    play(chain, tmp_path, story)


def test_a_cancellation_takes_the_nonce(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.automine(False)
        await scene.submit("pay-1")
        canceled = await scene.writer.cancel("pay-1")
        assert canceled.attempts[-1].cancels
        await scene.mine(3)
        done = await scene.reach("pay-1", TransactionState.REPLACED)
        assert not done.succeeded and await scene.received() == 0
        with pytest.raises(RequestRefused, match="too_late"):
            await scene.writer.cancel("pay-1")
        await scene.automine(True)
        await scene.submit("pay-2")
        assert (await scene.writer.wait("pay-2", 5)).succeeded

    play(chain, tmp_path, story, ResendPolicy(confirmations_final=3, resend_after_s=0.05, bump_after_s=30))


@pytest.mark.parametrize("depth", [1, 3])
def test_a_reorganisation_orphans_and_the_same_bytes_are_mined_again(chain: str, tmp_path: Path, depth: int) -> None:
    async def story(scene: Scene) -> None:
        for number in range(depth):
            await scene.submit(f"pay-{number}", 10**number)
            await scene.reach(f"pay-{number}", TransactionState.CONFIRMED)
        before = [scene.writer.get(f"pay-{number}") for number in range(depth)]
        await scene.world.node.request("anvil_reorg", depth, [])
        assert await scene.received() == 0
        await scene.writer.advance()
        for number, old in enumerate(before):
            again = await scene.reach(f"pay-{number}", TransactionState.CONFIRMED)
            assert old is not None and again.attempts == old.attempts and again.nonce == old.nonce
            assert again.inclusion is not None and again.inclusion != old.inclusion
        assert await scene.received() == int("1" * depth)

    slow = ResendPolicy(confirmations_final=12, resend_after_s=0.05, bump_after_s=30)
    play(chain, tmp_path, story, slow)


def test_after_a_reorganisation_a_token_id_may_be_anothers_but_the_receipt_tells(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        world, manager = scene.world, scene.world.contracts.position_manager
        for token in (world.contracts.base_token, world.contracts.quote_token):
            await scene.writer.submit(f"allow-{token}", erc20.approve(token, manager, 2**255))
            await scene.reach(f"allow-{token}", TransactionState.CONFIRMED)
        # Below the price a range takes token1 only: base here, of which the wallet owns one.
        tick = (await world.node.read(pool.slot0(world.contracts.pool))).tick // 10 * 10
        params = await world.mint_params(scene.wallet.address, tick - 200, tick - 100)
        mint = position_manager.mint(manager, replace(params, amount0_desired=0, amount1_desired=10**17))
        rival = await world.rich("rival")
        await scene.writer.submit("mint", mint, gas_limit=900_000)
        done = await scene.reach("mint", TransactionState.CONFIRMED)
        (ours,) = await _increased(scene, "mint")
        await world.node.request("anvil_reorg", 1, [])
        await rival.send(position_manager.mint(manager, await world.mint_params(rival.address, -887270, 887270)))
        await scene.writer.advance()
        again = await scene.reach("mint", TransactionState.CONFIRMED)
        (now,) = await _increased(scene, "mint")
        assert again.attempts == done.attempts and again.inclusion != done.inclusion
        assert now.token_id == ours.token_id + 1
        owners = await world.node.read_many([position_manager.owner_of(manager, each.token_id) for each in (ours, now)])
        assert owners == [rival.address, scene.wallet.address]

    slow = ResendPolicy(confirmations_final=12, resend_after_s=0.05, bump_after_s=30)
    play(chain, tmp_path, story, slow)


async def _increased(scene: Scene, key: str) -> list[LiquidityIncreased]:
    receipt = await scene.writer.receipt(key)
    assert receipt is not None
    return find_events(receipt.logs, LiquidityIncreased, scene.world.contracts.position_manager)


def test_a_stranger_with_our_key_is_noticed_and_the_intent_fails(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.automine(False)
        sent = await scene.submit("pay-1")
        await scene.world.node.request("anvil_dropTransaction", sent.attempts[0].hash)
        await scene.world.node.request("anvil_impersonateAccount", scene.wallet.address)
        theirs = {"from": scene.wallet.address, "to": STRANGER, "value": "0x1", "gas": "0x5208"}
        await scene.automine(True)
        await scene.world.node.request("eth_sendTransaction", theirs)
        failed = await scene.reach("pay-1", TransactionState.FAILED)
        assert "not ours" in failed.reason and await scene.received() == 0
        await scene.submit("pay-2")
        assert (await scene.writer.wait("pay-2", 5)).succeeded

    play(chain, tmp_path, story)


def test_what_would_revert_is_never_sent_and_what_reverts_says_why(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        with pytest.raises(RequestRefused) as refusal:
            await scene.writer.submit("too-much", scene.transfer(10**24))
        assert refusal.value.code == "reverted" and scene.writer.get("too-much") is None
        quote = erc20.transfer(scene.world.contracts.quote_token, STRANGER, 10**12)
        await scene.writer.submit("forced", quote, gas_limit=100_000)
        done = await scene.writer.wait("forced", 5)
        assert done.inclusion is not None and not done.inclusion.succeeded and not done.succeeded
        assert await scene.writer.revert_reason("forced") == "PaperToken: balance"
        await scene.mine(3)
        assert (await scene.reach("forced", TransactionState.FAILED)).reason == "reverted"

    play(chain, tmp_path, story)


def test_no_gas_money_leaves_no_nonce_behind(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        node, address = scene.world.node, scene.wallet.address
        await node.request("anvil_setBalance", address, "0x0")
        with pytest.raises(RequestRefused) as refusal:
            await scene.submit("pay-1")
        assert refusal.value.code == "insufficient_funds"
        failed = scene.writer.get("pay-1")
        assert failed is not None and failed.state is TransactionState.FAILED
        await node.request("anvil_setBalance", address, hex(NATIVE_WEI))
        again = await scene.submit("pay-2")
        assert again.nonce == failed.nonce
        assert (await scene.writer.wait("pay-2", 5)).succeeded

    play(chain, tmp_path, story)


def test_a_gas_spike_stops_new_transactions_and_raises_fees_of_open_ones(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        await scene.automine(False)
        await scene.submit("pay-1")
        await scene.world.node.request("anvil_setNextBlockBaseFeePerGas", hex(50 * GWEI))
        await scene.mine()  # anvil evicts what cannot pay any more
        done = await scene.reach("pay-1", TransactionState.SENT)
        deadline = asyncio.get_running_loop().time() + 5
        while not done.inclusion:
            assert asyncio.get_running_loop().time() < deadline
            await scene.writer.advance()
            await scene.mine()
            done = scene.writer.get("pay-1")  # type: ignore[assignment]
        assert done.succeeded and len(done.attempts) >= 2
        await scene.world.node.request("anvil_setNextBlockBaseFeePerGas", hex(500 * GWEI))
        await scene.mine()
        with pytest.raises(RequestRefused) as refusal:
            await scene.submit("pay-2")
        assert refusal.value.code == "fee_cap" and scene.writer.get("pay-2") is None

    play(chain, tmp_path, story)


def test_reads_are_tried_again_and_a_dead_node_is_told_as_such(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.proxy.faults["eth_blockNumber"] = ["fail", "lose_reply"]
        assert int(await scene.node.request("eth_blockNumber"), 16) > 0
        scene.proxy.faults["eth_blockNumber"] = ["fail"] * 3
        with pytest.raises(PeerUnavailable):
            await scene.node.request("eth_blockNumber")
        scene.proxy.faults["evm_mine"] = ["lose_reply"]
        with pytest.raises(OutcomeUnknown):
            await scene.node.request("evm_mine")
        assert scene.proxy.seen.count("evm_mine") == 1
        nobody = Node("http://127.0.0.1:9", timeout_s=0.5)
        with pytest.raises(PeerUnavailable, match="no node at"):
            await nobody.head()
        await nobody.close()

    play(chain, tmp_path, story)


def test_another_chain_is_refused(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        writer = TransactionWriter(scene.node, scene.wallet, Journal(tmp_path / "other.db"), chain_id=1)
        with pytest.raises(ConfigInvalid, match="chain id"):
            await writer.start()

    play(chain, tmp_path, story)


def test_the_budget_refuses_before_anything_is_planned(chain: str, tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        journal = Journal(tmp_path / "poor.db")
        gas = GasPolicy(cost_max_wei=10**9)
        writer = TransactionWriter(scene.node, scene.wallet, journal, chain_id=CHAIN_ID, gas=gas)
        with pytest.raises(RequestRefused) as refusal:
            await writer.submit("pay-1", scene.transfer())
        assert refusal.value.code == "gas_budget" and journal.last_sequence == 0
        journal.close()

    play(chain, tmp_path, story)


def test_a_chain_that_forgets_final_transactions_leaves_no_gap_below_the_open_ones(chain: str, tmp_path: Path) -> None:
    """A node that was killed comes back with an older state: nonces that were final are free again."""

    async def story(scene: Scene) -> None:
        node = scene.world.node
        before = await node.request("evm_snapshot")
        await scene.submit("pay-1", 1)
        await scene.mine(2)
        final = await scene.reach("pay-1", TransactionState.FINAL)
        later = await scene.submit("pay-2", 10)
        await scene.reach("pay-2", TransactionState.CONFIRMED)
        assert await node.request("evm_revert", before)
        await scene.writer.advance()
        for key, known in (("pay-1", final), ("pay-2", later)):
            again = await scene.reach(key, TransactionState.CONFIRMED)
            assert again.attempts == known.attempts, (
                "the same bytes, or a second payment could be mined beside the first"
            )
        assert await scene.received() == 11

    play(chain, tmp_path, story, ResendPolicy(confirmations_final=3, resend_after_s=0.05, bump_after_s=30))


def test_a_nonce_that_was_skipped_is_filled_with_an_empty_transaction(chain: str, tmp_path: Path) -> None:
    """A node that counts too many of our transactions makes the next one wait for a predecessor that never was."""

    async def story(scene: Scene) -> None:
        nonce = await scene.node.nonce(scene.wallet.address)
        scene.proxy.answers["eth_getTransactionCount"] = [hex(nonce + 1)]
        skipping = await scene.submit("pay-1")
        assert skipping.nonce == nonce + 1
        done = await scene.reach("pay-1", TransactionState.CONFIRMED)
        assert done.attempts == skipping.attempts and await scene.received() == 1
        assert scene.writer.counters["gaps_filled"] == 1
        assert await scene.node.nonce(scene.wallet.address) == nonce + 2

    play(chain, tmp_path, story)


@pytest.mark.parametrize(
    ("spoil", "gas_limit", "reason"),
    [
        (lambda params: replace(params, amount1_min=params.amount1_desired * 2), 900_000, "Price slippage check"),
        (lambda params: replace(params, deadline_s=1), 900_000, "Transaction too old"),
        (lambda params: replace(params, amount1_desired=10**21), 900_000, "STF"),
        (lambda params: params, 150_000, "out of gas"),
    ],
    ids=["slippage", "deadline", "allowance", "gas"],
)
def test_a_mint_that_fails_in_its_block_says_why_and_leaves_no_nft(
    chain: str, tmp_path: Path, spoil: Callable[[MintParams], MintParams], gas_limit: int, reason: str
) -> None:
    async def story(scene: Scene) -> None:
        world, manager = scene.world, scene.world.contracts.position_manager
        await scene.writer.submit("allow", erc20.approve(world.contracts.base_token, manager, 10**18))
        await scene.reach("allow", TransactionState.CONFIRMED)
        # Below the price a range takes token1 only: base here, of which the wallet owns one.
        tick = (await world.node.read(pool.slot0(world.contracts.pool))).tick // 10 * 10
        params = await world.mint_params(scene.wallet.address, tick - 200, tick - 100)
        params = spoil(replace(params, amount0_desired=0, amount1_desired=10**17))
        # A fixed gas limit: nothing is simulated before it is sent.
        await scene.writer.submit("mint", position_manager.mint(manager, params), gas_limit=gas_limit)
        done = await scene.reach("mint", TransactionState.CONFIRMED)
        assert done.inclusion is not None and not done.inclusion.succeeded and not done.succeeded
        assert await scene.writer.revert_reason("mint") == reason
        assert not await world.node.read(position_manager.balance_of(manager, scene.wallet.address))

    play(chain, tmp_path, story)
