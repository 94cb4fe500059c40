"""Death at every commit of the transaction journal, just before it and just after: each intent lands exactly once."""

import asyncio
from pathlib import Path

import pytest

from common.chain import erc20
from common.chain.fees import GasPolicy
from common.chain.transaction_rules import ResendPolicy
from common.chain.transactions import AnyRecord, Ledger, TransactionState
from common.chain.wallet import create_key_file, load_wallet
from common.chain.writer import TransactionWriter
from common.model.errors import OutcomeUnknown, RequestRefused
from common.storage import Journal
from services.paper_chain.actor import NATIVE_WEI
from tests.integration.chain.world import CHAIN_ID, World

STRANGER = "0x000000000000000000000000000000000000dEaD"
# Resending would be a commit more: a look that falls between two answers of a slow node must not cause one.
RESEND = ResendPolicy(confirmations_final=3, resend_after_s=30, bump_after_s=30)
COMMITS = 5
"""Of one payment: planned and signed; sent; mined and confirmed; final. The fifth never comes."""


class Death(BaseException):
    """The end of the process: nothing in it may catch this."""


class MortalJournal(Journal):
    """Dies at its n-th commit that has something to write: before it, so that it is lost, or after it."""

    def __init__(self, path: Path, dies_at: int, after: bool) -> None:
        super().__init__(path)
        self._left, self._after = dies_at, after

    def commit(self) -> None:
        if not self._open_transaction:
            return
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Death
        super().commit()
        if self._left == 0:
            raise Death

    def abandon(self) -> None:
        """What the kernel does with a dead process's file: the open transaction is gone."""
        self._connection.close()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("dies_at", range(1, COMMITS + 1))
def test_one_payment_is_made_once(chain: str, tmp_path: Path, dies_at: int, after: bool) -> None:
    async def run() -> None:
        create_key_file(tmp_path / "wallet.key")
        wallet, path = load_wallet(tmp_path / "wallet.key"), tmp_path / "transactions.db"
        async with World(chain, base_is_token0=False) as world:
            node, token = world.node, world.contracts.base_token
            await node.request("anvil_setBalance", wallet.address, hex(NATIVE_WEI))
            rich = await world.rich("payer")
            await rich.send(erc20.transfer(token, wallet.address, 10))
            before = await node.read(erc20.balance_of(token, STRANGER))

            def writer(journal: Journal) -> TransactionWriter:
                return TransactionWriter(node, wallet, journal, chain_id=CHAIN_ID, resend=RESEND)

            async def pay(life: TransactionWriter) -> None:
                await life.start()
                await life.submit("pay", erc20.transfer(token, STRANGER, 1))
                await life.wait("pay", 5)
                await node.request("anvil_mine", "0x3")
                await _until_final(life)

            mortal = MortalJournal(path, dies_at, after)
            try:
                await pay(writer(mortal))
                died = False
            except Death:
                died = True
            mortal.abandon()
            assert died == (dies_at < COMMITS), "the number of commits is as the docstring says"

            journal = Journal(path)
            await pay(writer(journal))
            assert await node.read(erc20.balance_of(token, STRANGER)) == before + 1
            assert await node.nonce(wallet.address) == 1
            (only,) = Ledger(record for _, _, record in journal.read_as(AnyRecord)).all()
            assert only.state is TransactionState.FINAL and len(only.attempts) == 1
            journal.close()

    asyncio.run(run())


async def _until_final(life: TransactionWriter) -> None:
    for _ in range(100):
        await life.advance()
        if not life.open():
            return
        await asyncio.sleep(0.01)
    raise OutcomeUnknown("pay is not final")


def test_the_days_gas_survives_a_restart_and_refuses(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        create_key_file(tmp_path / "wallet.key")
        wallet, path = load_wallet(tmp_path / "wallet.key"), tmp_path / "transactions.db"
        async with World(chain, base_is_token0=False) as world:
            node = world.node
            await node.request("anvil_setBalance", wallet.address, hex(NATIVE_WEI))
            wrap = erc20.wrap(world.contracts.base_token, 1)
            clock = [10**18]

            def life(journal: Journal, budget: int) -> TransactionWriter:
                gas = GasPolicy(cost_day_max_wei=budget)
                return TransactionWriter(
                    node, wallet, journal, chain_id=CHAIN_ID, gas=gas, resend=RESEND, now_ns=lambda: clock[0]
                )

            first = Journal(path)
            writer = life(first, 10**18)
            await writer.start()
            estimate = await node.estimate_gas(wrap, wallet.address)
            sent = await writer.submit("first", wrap)
            assert sent.request.gas_limit == -(-estimate * 5 // 4), "the estimate and a quarter"
            worst = sent.request.gas_limit * sent.attempts[0].fees.max_fee
            assert writer.gas_day_wei() == (0, 10**18 - worst)
            done = await writer.wait("first", 5)
            assert done.inclusion is not None
            paid = done.inclusion.gas_used * done.inclusion.gas_price
            assert paid == NATIVE_WEI - 1 - await node.balance(wallet.address)
            assert writer.gas_day_wei() == (paid, 10**18 - paid)
            first.close()

            second = Journal(path)
            writer = life(second, paid + worst // 2)
            await writer.start()
            assert writer.gas_day_wei() == (paid, worst // 2)
            with pytest.raises(RequestRefused) as refusal:
                await writer.submit("second", wrap)
            assert refusal.value.code == "gas_budget_day" and writer.get("second") is None
            clock[0] += 24 * 3600 * 10**9
            writer = life(second, 2 * worst)
            await writer.submit("second", wrap)
            assert (await writer.wait("second", 5)).succeeded
            second.close()

    asyncio.run(run())
