"""The one writer of a wallet: journals, sends, watches, repeats. All decisions are in transaction_rules.py.

Use one TransactionWriter per wallet and process; the service's role lock keeps a second process away.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from common.chain.abi import Call
from common.chain.blocks import Head, Receipt, parse_head, parse_quantity, parse_receipt
from common.chain.fees import GasPolicy
from common.chain.gas_day import reserved_wei, spent_wei
from common.chain.node import Node
from common.chain.rpc import Request
from common.chain.transaction_rules import (
    SECOND_NS,
    Broadcast,
    Observed,
    RaiseFees,
    ResendPolicy,
    Step,
    after_refusal,
    decide,
)
from common.chain.transactions import (
    AnyRecord,
    Attempt,
    Inclusion,
    Ledger,
    Transaction,
    TransactionOrphaned,
    TransactionPlanned,
    TransactionSent,
    TransactionSigned,
    TransactionState,
)
from common.chain.wallet import Fees, TransactionRequest, Wallet
from common.model.errors import ConfigInvalid, OutcomeUnknown, PeerUnavailable, RequestRefused

TRANSFER_GAS = 21_000
OPEN_MAX = 16
GAPS_MAX = 64
POLL_S = 0.1


class TransactionJournal(Protocol):
    """What of common/storage's Journal is needed here. It must hold nothing but this wallet's transactions."""

    def append(self, record: msgspec.Struct) -> int: ...
    def commit(self) -> None: ...
    def read_as(self, kinds: Any, after: int = 0) -> Iterator[tuple[int, int, Any]]: ...


class TransactionWriter:
    """Recovers from its journal when it is made; `start` checks the chain and resolves what was left open."""

    def __init__(
        self,
        node: Node,
        wallet: Wallet,
        journal: TransactionJournal,
        *,
        chain_id: int,
        gas: GasPolicy | None = None,
        resend: ResendPolicy | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.address = wallet.address
        self.counters: Counter[str] = Counter()
        self._node, self._wallet, self._journal, self._chain_id = node, wallet, journal, chain_id
        self._gas, self._resend, self._now_ns = gas or GasPolicy(), resend or ResendPolicy(), now_ns
        self._ledger = Ledger(record for _, _, record in journal.read_as(AnyRecord))
        # Nonces are handed out, and the journal written, by one coroutine at a time.
        self._turn = asyncio.Lock()
        self._gap_since_ns = 0

    async def start(self) -> None:
        """Refuse a wrong chain (ConfigInvalid), then look after everything that the last life left open."""
        found = await self._node.chain_id()
        if found != self._chain_id:
            raise ConfigInvalid("chain id", self._node.url, str(self._chain_id), found)
        await self.advance()

    def get(self, key: str) -> Transaction | None:
        """A transaction by its key, in any state, from any life of the process."""
        return self._ledger.get(key)

    def gas_day_wei(self) -> tuple[int, int]:
        """(spent, still free) of the rolling day's gas budget; what open transactions reserve is not free."""
        return spent_wei(self._ledger.all(), self._now_ns()), max(self._gas.cost_day_max_wei - self._taken_wei(), 0)

    def open(self) -> list[Transaction]:
        """All that are not terminal, by nonce."""
        return self._ledger.open()

    def mined(self) -> list[Transaction]:
        """All that stand in a block as far as was seen, from all lives of the process."""
        return self._ledger.mined()

    async def submit(self, key: str, call: Call[Any], intent: str = "", gas_limit: int = 0) -> Transaction:
        """Journal, then send. A key that is known already sends nothing and returns what became of it.

        Raises RequestRefused if it would revert ("reverted"), exceeds a cap ("gas_limit", "fee_cap", "gas_budget",
        "gas_budget_day", "too_many_open") or is refused for good; nothing of it is then left behind. Raises
        PeerUnavailable if the node cannot be asked; nothing is planned then. Afterwards, losses of contact do not
        raise: the state tells, and `advance` carries on. The estimate sees only mined state: give `gas_limit` to
        follow an open transaction.
        """
        async with self._turn:
            if known := self._ledger.get(key):
                return known
            if len(self._ledger.open()) >= OPEN_MAX:
                raise RequestRefused("too_many_open", f"{OPEN_MAX} transactions of {self.address} are open")
            head, chain_nonce = await self._look()
            limit = gas_limit or self._gas.gas_limit(await self._node.estimate_gas(call, self.address))
            fees = self._gas.first_fees(head.base_fee)
            self._gas.check_cost(limit, fees)
            self._gas.check_day(limit, fees, self._taken_wei())
            request = TransactionRequest(to=call.to, data=call.data, gas_limit=limit, value=call.value)
            transaction = self._plan(key, intent, request, self._ledger.next_nonce(chain_nonce), fees)
            await self._broadcast(transaction, transaction.attempts[-1], head.base_fee)
            transaction = self._current(key)
            if transaction.state is TransactionState.FAILED:
                code, _, detail = transaction.reason.partition(": ")
                raise RequestRefused(code, detail)
            return transaction

    async def wait(self, key: str, timeout_s: float = 60.0, *, confirmed: bool = True) -> Transaction:
        """Until it is confirmed (or just mined) or terminal. OutcomeUnknown after `timeout_s`: it is still cared for.

        A loss of the node is waited out.
        """
        enough = {TransactionState.CONFIRMED} if confirmed else {TransactionState.MINED, TransactionState.CONFIRMED}
        deadline = time.monotonic() + timeout_s
        while True:
            transaction = self._current(key)
            if transaction.is_terminal or transaction.state in enough:
                return transaction
            if time.monotonic() >= deadline:
                raise OutcomeUnknown(f"{key} is {transaction.state} after {timeout_s} s")
            try:
                await self.advance()
            except PeerUnavailable:
                self.counters["node_unavailable"] += 1
            if self._current(key) == transaction:
                await asyncio.sleep(POLL_S)

    async def advance(self) -> None:
        """Look at the chain once and do what is due for every open transaction. Call it on each block and each second.

        Raises PeerUnavailable if the node cannot be asked; nothing is lost then.
        """
        async with self._turn:
            opened = self._ledger.open()
            if not opened:
                return
            seen = await self._observe(opened)
            await self._mend_gaps(seen)
            for transaction in opened:
                await self._carry_out(decide(transaction, seen, self._now_ns(), self._resend), seen.base_fee)
            self._journal.commit()

    async def cancel(self, key: str) -> Transaction:
        """Offer the chain an empty transaction to ourselves in its place. Which of them is mined, the chain decides.

        RequestRefused("fee_cap") if replacing it would exceed the caps, ("too_late") if it is mined or over.
        """
        async with self._turn:
            transaction = self._current(key)
            if transaction.is_terminal or transaction.inclusion:
                raise RequestRefused("too_late", f"{key} is {transaction.state}")
            head, _ = await self._look()
            empty = TransactionRequest(to=self.address, data=b"", gas_limit=TRANSFER_GAS)
            if not await self._replace(transaction, empty, head.base_fee, cancels=True):
                raise RequestRefused("fee_cap", f"{key} cannot be replaced within the caps")
            return self._current(key)

    async def receipt(self, key: str) -> Receipt | None:
        """The receipt on the present chain with its logs, or None."""
        inclusion = self._current(key).inclusion
        return await self._node.receipt(inclusion.hash) if inclusion else None

    async def revert_reason(self, key: str) -> str:
        """Why a mined transaction failed: "out of gas", else what its call says on the state before its block, else
        on the state after it (where somebody came first inside the block, or it was too late). "" if it passes on both.
        """
        transaction = self._current(key)
        if transaction.inclusion is None:
            return ""
        request = transaction.request
        # A call that ends for want of gas leaves its caller a 64th (EIP-150); ours may be four calls deep.
        if transaction.inclusion.gas_used * 64 >= request.gas_limit * 60:
            return "out of gas"
        call = Call(request.to, request.data, bytes, request.value)
        for block in (transaction.inclusion.block_number - 1, transaction.inclusion.block_number):
            try:
                await self._node.read(call, block, self.address)
            except RequestRefused as refusal:
                return refusal.detail
        return ""

    def _plan(self, key: str, intent: str, request: TransactionRequest, nonce: int, fees: Fees) -> Transaction:
        """Planned and signed in one commit, before a byte leaves."""
        now_ns = self._now_ns()
        attempt = self._sign(request, nonce, fees)
        self._note(TransactionPlanned(key=key, intent=intent, nonce=nonce, request=request, planned_ns=now_ns))
        self._note(TransactionSigned(key=key, attempt=attempt))
        self._journal.commit()
        return self._current(key)

    def _sign(self, request: TransactionRequest, nonce: int, fees: Fees, cancels: bool = False) -> Attempt:
        signed = self._wallet.sign(request, nonce, fees, self._chain_id)
        return Attempt(hash=signed.hash, raw=signed.raw, fees=fees, signed_ns=self._now_ns(), cancels=cancels)

    async def _carry_out(self, steps: list[Step], base_fee: int) -> None:
        for step in steps:
            if isinstance(step, Broadcast):
                transaction = self._current(step.key)
                await self._broadcast(transaction, transaction.attempt(step.hash), base_fee)
            elif isinstance(step, RaiseFees):
                await self._raise_fees(self._current(step.key), base_fee)
            else:
                self._note(step)

    async def _mend_gaps(self, seen: Observed) -> None:
        """Nothing of ours is mined while a lower nonce is free: a node that came back with an older state forgot it,
        or one that counted wrongly made us skip it. The former goes out again as the same bytes, so that no second
        form of it can exist; the latter is used up by an empty transaction to ourselves.
        """
        missing = self._ledger.missing_nonces(seen.chain_nonce)[:GAPS_MAX]
        if not missing:
            self._gap_since_ns = 0
            return
        now_ns = self._now_ns()
        self._gap_since_ns = self._gap_since_ns or now_ns
        # One look is no proof that a nonce was never ours: the node may lag behind.
        lasting = now_ns - self._gap_since_ns >= self._resend.overtaken_after_s * SECOND_NS
        for nonce in missing:
            if forgotten := self._ledger.forgotten(nonce):
                assert forgotten.inclusion is not None
                self.counters["forgotten"] += 1
                self._note(TransactionOrphaned(key=forgotten.key, noticed_ns=now_ns))
                await self._broadcast(
                    self._current(forgotten.key), forgotten.attempt(forgotten.inclusion.hash), seen.base_fee
                )
            elif lasting:
                await self._fill(nonce, seen.base_fee)

    async def _fill(self, nonce: int, base_fee: int) -> None:
        empty = TransactionRequest(to=self.address, data=b"", gas_limit=TRANSFER_GAS)
        try:
            fees = self._gas.first_fees(base_fee)
        except RequestRefused:
            return  # A gas spike: whoever waits for this nonce waits a little longer.
        transaction = self._plan(f"fill-{nonce}-{self._now_ns()}", "skipped nonce", empty, nonce, fees)
        self.counters["gaps_filled"] += 1
        await self._broadcast(transaction, transaction.attempts[-1], base_fee)

    async def _raise_fees(self, transaction: Transaction, base_fee: int) -> None:
        newest = transaction.attempts[-1]
        request = transaction.request
        if newest.cancels:
            request = TransactionRequest(to=self.address, data=b"", gas_limit=TRANSFER_GAS)
        if not await self._replace(transaction, request, base_fee, newest.cancels):
            self.counters["stuck_at_fee_cap"] += 1

    async def _replace(
        self, transaction: Transaction, request: TransactionRequest, base_fee: int, cancels: bool
    ) -> bool:
        fees = self._gas.bumped_fees(transaction.attempts[-1].fees, base_fee, request.gas_limit)
        if fees is None:
            return False
        if not cancels:
            # A cancellation is always allowed: it ends a reservation, and it is what is left when the day is used up.
            try:
                self._gas.check_day(request.gas_limit, fees, self._taken_wei(but=transaction.key))
            except RequestRefused as refusal:
                self.counters[refusal.code] += 1
                return False
        attempt = self._sign(request, transaction.nonce, fees, cancels)
        self._note(TransactionSigned(key=transaction.key, attempt=attempt))
        self._journal.commit()
        self.counters["replaced"] += 1
        await self._broadcast(self._current(transaction.key), attempt, base_fee, may_replace=False)
        return True

    async def _broadcast(
        self, transaction: Transaction, attempt: Attempt, base_fee: int, may_replace: bool = True
    ) -> None:
        self._journal.commit()
        try:
            await self._node.send_raw(attempt.raw)
            self.counters["sent"] += 1
        except OutcomeUnknown:
            self.counters["lost_replies"] += 1
        except PeerUnavailable:
            self.counters["node_unavailable"] += 1
            return
        except RequestRefused as refusal:
            self.counters[refusal.code] += 1
            if refusal.code != "already_known":
                newest = self._ledger.open()[-1].key == transaction.key
                steps = after_refusal(transaction, refusal.code, refusal.detail, newest)
                # One replacement per look: if that is refused too, the next look decides anew.
                await self._carry_out(
                    [each for each in steps if may_replace or not isinstance(each, RaiseFees)], base_fee
                )
                self._journal.commit()
                return
        self._note(TransactionSent(key=transaction.key, hash=attempt.hash, sent_ns=self._now_ns()))
        self._journal.commit()

    def _note(self, record: AnyRecord) -> None:
        transaction = self._ledger.apply(record)
        self._journal.append(record)
        self.counters[str(transaction.state)] += 1

    def _taken_wei(self, but: str = "") -> int:
        """Of the day's budget: spent, and reserved by all open transactions but one."""
        transactions = self._ledger.all()
        return spent_wei(transactions, self._now_ns()) + reserved_wei(transactions, but)

    def _current(self, key: str) -> Transaction:
        transaction = self._ledger.get(key)
        if transaction is None:
            raise RequestRefused("unknown_transaction", f"{key} was never submitted by {self.address}")
        return transaction

    async def _look(self) -> tuple[Head, int]:
        return self._looked(await self._node.batch(self._look_requests()))

    def _looked(self, answers: list[Any]) -> tuple[Head, int]:
        block, count = answers
        understand = self._node.understand
        return (
            understand("eth_getBlockByNumber", parse_head, block),
            understand("eth_getTransactionCount", parse_quantity, count),
        )

    def _look_requests(self) -> list[Request]:
        return [("eth_getBlockByNumber", ["latest", False]), ("eth_getTransactionCount", [self.address, "latest"])]

    async def _observe(self, transactions: list[Transaction]) -> Observed:
        """Head, nonce, receipts and pool membership in one round trip, so that they fit each other."""
        hashes = [attempt.hash for transaction in transactions for attempt in transaction.attempts]
        requests = self._look_requests()
        requests += [("eth_getTransactionReceipt", [name]) for name in hashes]
        requests += [("eth_getTransactionByHash", [name]) for name in hashes]
        block, count, *found = await self._node.batch(requests)
        head, chain_nonce = self._looked([block, count])
        receipts, known = found[: len(hashes)], found[len(hashes) :]
        understand = self._node.understand
        included = {
            name: understand("eth_getTransactionReceipt", _inclusion, item)
            for name, item in zip(hashes, receipts, strict=True)
            if item
        }
        return Observed(
            head_number=head.number,
            base_fee=head.base_fee,
            chain_nonce=chain_nonce,
            included=included,
            pooled=frozenset(name for name, item in zip(hashes, known, strict=True) if item),
        )


def _inclusion(item: dict[str, Any]) -> Inclusion:
    receipt = parse_receipt(item)
    return Inclusion(
        hash=receipt.transaction_hash,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        succeeded=receipt.succeeded,
        gas_used=receipt.gas_used,
        gas_price=receipt.gas_price,
    )
