"""Carries acts out: writes them down, submits them, and finds out what became of them, in this life or the next."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from common.chain.abi import Call
from common.chain.blocks import Receipt
from common.chain.clmm import Purpose
from common.chain.transactions import Transaction, TransactionState
from common.chain.writer import TransactionWriter
from common.model.errors import PeerUnavailable, RequestRefused
from services.defi_lp.act_book import ActBook
from services.defi_lp.contracts import Venue
from services.defi_lp.records import APPROVE, ActBegun, ActEnded, ActReopened, AnyRecord

_DEAD = (TransactionState.FAILED, TransactionState.REPLACED)


class ActJournal(Protocol):
    """What of common/storage's Journal is needed here."""

    def record(self, record: msgspec.Struct) -> int: ...
    def read_as(self, kinds: Any, after: int = 0) -> Iterator[tuple[int, int, Any]]: ...


class Actor:
    """One act at a time. The act's number names its transaction, so submitting it twice sends it once."""

    def __init__(self, writer: TransactionWriter, journal: ActJournal, venue: Venue, book: ActBook) -> None:
        self._writer, self._journal, self._venue = writer, journal, venue
        self.book = book

    def note(self, record: AnyRecord) -> None:
        """Into the journal, then into the state."""
        self._journal.record(record)
        self.book.apply(record)

    async def act(self, kind: str, trigger: str, call: Call[Any]) -> ActEnded | None:
        """Write down, then submit. Returns its end if it was over at once (refused, the node away), else None."""
        number = self.book.next_number
        self.note(ActBegun(number=number, kind=kind, trigger=trigger))
        try:
            await self._writer.submit(_key(number), call, f"{kind}: {trigger}")
            return None
        except (RequestRefused, PeerUnavailable) as error:
            end = ActEnded(number=number, succeeded=False, reason=str(error))
            self.note(end)
            return end

    async def approve(self, token: str, amount: int) -> ActEnded | None:
        """Let the position manager take up to `amount`."""
        (call,) = self._venue.adapter.approve(Purpose.LIQUIDITY, token, amount)
        return await self.act(APPROVE, "allowance", call)

    async def look(self) -> list[ActEnded]:
        """Advance the transactions; returns the acts that ended just now. Raises PeerUnavailable."""
        if self.book.pending or self._writer.open():
            await self._writer.advance()
        self._reopen()
        ended = []
        for begun in self.book.pending:
            end = await self._end_of(begun)
            if end is not None:
                self.note(end)
                ended.append(end)
        return ended

    def _reopen(self) -> None:
        """Acts whose block is no longer theirs are open again."""
        for end in self.book.mined:
            transaction = self._writer.get(_key(end.number))
            inclusion = transaction.inclusion if transaction else None
            if inclusion is None or inclusion.block_hash != end.block_hash:
                self.note(ActReopened(number=end.number))

    async def _end_of(self, begun: ActBegun) -> ActEnded | None:
        transaction = self._writer.get(_key(begun.number))
        if transaction is None:
            # The last life wrote the act down and died before anything was signed: nothing can have been sent.
            return ActEnded(number=begun.number, succeeded=False, reason="never submitted")
        if transaction.inclusion is None:
            if transaction.state in _DEAD:
                return ActEnded(number=begun.number, succeeded=False, reason=transaction.reason)
            return None
        receipt = await self._writer.receipt(_key(begun.number))
        if receipt is None or receipt.block_hash != transaction.inclusion.block_hash:
            return None  # Undone between two looks: the next one tells.
        return await self._mined_end(begun.number, transaction, receipt)

    async def _mined_end(self, number: int, transaction: Transaction, receipt: Receipt) -> ActEnded:
        reason = "" if transaction.succeeded else await self._why(number, transaction)
        adapter = self._venue.adapter
        fees_base, fees_quote = adapter.pools[self._venue.home].unorder(*adapter.fees(receipt.logs))
        return ActEnded(
            number=number, succeeded=transaction.succeeded, reason=reason,
            transaction_hash=receipt.transaction_hash, block_number=receipt.block_number,
            block_hash=receipt.block_hash,
            token_ids=adapter.opened(receipt.logs),
            fees_base=str(fees_base), fees_quote=str(fees_quote), gas_wei=str(receipt.gas_used * receipt.gas_price),
        )  # fmt: skip

    async def _why(self, number: int, transaction: Transaction) -> str:
        if transaction.is_canceled:
            return "canceled"
        return f"reverted: {await self._writer.revert_reason(_key(number))}"


def _key(number: int) -> str:
    return f"lp-{number}"
