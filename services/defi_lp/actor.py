"""Carries steps out: writes them down, submits them, and finds out what became of them, in this life or the next."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from common.chain.abi import Call
from common.chain.blocks import Receipt
from common.chain.transactions import Transaction, TransactionState
from common.chain.writer import TransactionWriter
from common.model.errors import PeerUnavailable, RequestRefused
from common.strategy.lp_book import LpBook
from common.strategy.lp_records import Amounts, AnyRecord, Gains, StepBegun, StepEnded, StepReopened
from services.defi_lp.contracts import Venue

_DEAD = (TransactionState.FAILED, TransactionState.REPLACED)


class SagaJournal(Protocol):
    """What of common/storage's Journal is needed here."""

    def record(self, record: msgspec.Struct) -> int: ...
    def read_as(self, kinds: Any, after: int = 0) -> Iterator[tuple[int, int, Any]]: ...


class Actor:
    """One step at a time. The step's number names its transaction, so submitting it twice sends it once."""

    def __init__(
        self, writer: TransactionWriter, journal: SagaJournal, venue: Venue, book: LpBook, owner: str,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        self._writer, self._journal, self._venue, self._owner = writer, journal, venue, owner
        self._now_ns = now_ns
        self.book = book

    def note(self, record: AnyRecord) -> None:
        """Into the journal, then into the state. Raises TransitionInvalid if it cannot follow."""
        self._journal.record(record)
        self.book.apply(record)

    async def act(self, saga: int, kind: str, subject: str, call: Call[Any]) -> StepEnded | None:
        """Write down, then submit. Returns its end if it was over at once (refused, the node away), else None."""
        number = self.book.step_count + 1
        self.note(StepBegun(step=number, saga=saga, kind=kind, subject=subject))
        try:
            await self._writer.submit(_key(number), call, f"{kind} {subject}".strip())
            return None
        except RequestRefused as refusal:
            return self._end(number, refusal.code, str(refusal))
        except PeerUnavailable as error:
            return self._end(number, "unavailable", str(error))

    async def look(self) -> list[StepEnded]:
        """Advance the transactions; returns the steps that ended just now. Raises PeerUnavailable."""
        if self.book.pending or self._writer.open():
            await self._writer.advance()
        self._reopen()
        ended = []
        for begun in self.book.pending:
            end = await self._end_of(begun.step)
            if end is not None:
                self.note(end)
                ended.append(end)
        return ended

    async def forget(self, steps: list[int]) -> list[StepEnded]:
        """Of these steps, those whose block the chain no longer has, though it was called final, have not been.

        A transaction that is still followed is left alone: it goes out again by itself. Raises PeerUnavailable.
        """
        ended = []
        for step in steps:
            transaction = self._writer.get(_key(step))
            if transaction is None or not transaction.is_terminal or await self._writer.receipt(_key(step)):
                continue
            self.note(StepReopened(step=step))
            ended.append(self._end(step, "forgotten", "the chain went back behind it"))
        return ended

    def transaction_hash(self, step: int) -> str:
        """The newest form of a step's transaction, or "" before there is one."""
        transaction = self._writer.get(_key(step))
        return transaction.attempts[-1].hash if transaction and transaction.attempts else ""

    @property
    def own_nonce(self) -> int | None:
        """One above the highest nonce of ours that was mined, 0 before the first; None while any is under way."""
        mined = self._writer.mined()
        if any(each.inclusion is None for each in self._writer.open()):
            return None
        return max((each.nonce + 1 for each in mined), default=0)

    def gas_beside_steps(self, after_block: int, to_block: int) -> int:
        """Wei paid for transactions that are no step: those that only use up a nonce that was skipped."""
        return sum(
            each.inclusion.gas_used * each.inclusion.gas_price
            for each in self._writer.mined()
            if each.inclusion and not each.key.startswith(_PREFIX)
            and after_block < each.inclusion.block_number <= to_block
        )  # fmt: skip

    def _end(self, step: int, code: str, reason: str) -> StepEnded:
        end = StepEnded(step=step, succeeded=False, time_ns=self._now_ns(), code=code, reason=reason)
        self.note(end)
        return end

    def _reopen(self) -> None:
        """Steps whose block is no longer theirs are open again."""
        for end in self.book.ended:
            transaction = self._writer.get(_key(end.step))
            inclusion = transaction.inclusion if transaction else None
            block_hash = inclusion.block_hash if inclusion else ""
            # One that was forgotten is over, unless the writer had to send it again for the sake of a later one.
            undone = end.block_hash and end.block_hash != block_hash
            if undone or (end.code == "forgotten" and self._is_followed(end.step)):
                self.note(StepReopened(step=end.step))

    def _is_followed(self, step: int) -> bool:
        transaction = self._writer.get(_key(step))
        return transaction is not None and not transaction.is_terminal

    async def _end_of(self, step: int) -> StepEnded | None:
        transaction = self._writer.get(_key(step))
        now_ns = self._now_ns()
        if transaction is None:
            # The last life wrote the step down and died before anything was signed: nothing can have been sent.
            reason = "never submitted"
            return StepEnded(step=step, succeeded=False, time_ns=now_ns, code="never_submitted", reason=reason)
        if transaction.inclusion is None:
            if transaction.state not in _DEAD:
                return None
            code = "stranger" if "not ours" in transaction.reason else transaction.reason.partition(":")[0]
            return StepEnded(step=step, succeeded=False, time_ns=now_ns, code=code, reason=transaction.reason)
        receipt = await self._writer.receipt(_key(step))
        if receipt is None or receipt.block_hash != transaction.inclusion.block_hash:
            return None  # Undone between two looks: the next one tells.
        return await self._mined_end(step, transaction, receipt)

    async def _mined_end(self, step: int, transaction: Transaction, receipt: Receipt) -> StepEnded:
        code, reason = "", ""
        if not transaction.succeeded:
            code = "canceled" if transaction.is_canceled else "reverted"
            why = "" if transaction.is_canceled else await self._writer.revert_reason(_key(step))
            reason = f"{code}: {why}" if why else code
        adapter = self._venue.adapter
        return StepEnded(
            step=step, succeeded=transaction.succeeded, time_ns=self._now_ns(), code=code, reason=reason,
            transaction_hash=receipt.transaction_hash, block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            minted=adapter.opened(receipt.logs), burned=adapter.closed(receipt.logs), gains=self._gains(receipt),
        )  # fmt: skip

    def _gains(self, receipt: Receipt) -> Gains:
        adapter = self._venue.adapter
        pair = adapter.pools[self._venue.home]

        def amounts(told: tuple[int, int]) -> Amounts:
            return Amounts.of(*pair.unorder(*told))

        return Gains(
            principal=amounts(adapter.principal(receipt.logs)), fees=amounts(adapter.fees(receipt.logs)),
            deposited=amounts(adapter.deposited(receipt.logs)), swapped=amounts(adapter.swapped(receipt.logs)),
            gas_wei=str(receipt.gas_used * receipt.gas_price),
        )  # fmt: skip


_PREFIX = "lp-"


def _key(step: int) -> str:
    return f"{_PREFIX}{step}"
