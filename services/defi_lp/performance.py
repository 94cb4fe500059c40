"""The LP's profit by source, from readings and mids; its checkpoints survive a restart."""

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from common.accounting.lp_performance import (
    LpPerformance,
    LpWealth,
    advance_performance,
    begin_performance,
    profit_of,
)
from common.messages import LpPerformanceReported
from common.strategy.lp_book import LpBook
from services.defi_lp.reading import Reading

SECOND_NS = 10**9
WEI_PER_ETHER = 10**18


class PerformanceKept(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A checkpoint. What happens after the newest one is one step for the next life: it closes all the same."""

    performance: LpPerformance


class Checkpoints(Protocol):
    """What of common/storage's Journal is needed here."""

    def record(self, record: msgspec.Struct) -> int: ...
    def read_as(self, kinds: Any, after: int = 0) -> Iterator[tuple[int, int, Any]]: ...
    def trim(self, through: int) -> None: ...


class Performance:
    """Advances with each reading that the book explains, and says what it came to."""

    def __init__(self, journal: Checkpoints, chain: str, pool: str, checkpoint_s: float) -> None:
        self._journal, self._chain, self._pool = journal, chain, pool
        self._checkpoint_ns = int(checkpoint_s * SECOND_NS)
        kept = [record.performance for _, _, record in journal.read_as(PerformanceKept)]
        self._sums: LpPerformance | None = kept[-1] if kept else None
        self._kept_ns = self._block_number = 0
        self._block_hash = ""
        self.wealth: LpWealth | None = self._sums.last if self._sums else None
        self.last: LpPerformanceReported | None = None
        self._is_told = True

    def take(self, reading: Reading, book: LpBook, mid: float | None, now_ns: int) -> None:
        """One turn. Counts once a block, and not while a step is open whose receipt may be missing.

        The native coin is valued at the mid of the base: the base is its wrapped form. Ranges that stand in two pools
        at once are looked at again when they stand in one.
        """
        if book.pending or any(each.pool_id for each in reading.strays):
            return
        self.wealth = wealth_of(reading, book)
        if mid is None or reading.head.hash == self._block_hash:
            return
        if self._sums is None:
            self._sums = begin_performance(self.wealth, mid, now_ns)
        else:
            self._sums = advance_performance(self._sums, self.wealth, mid, mid, now_ns)
        self._block_hash, self._block_number = reading.head.hash, reading.head.number
        # The first one is written at once: what began must not begin anew.
        if now_ns - self._kept_ns >= self._checkpoint_ns:
            self.keep(now_ns)
        self.last = self._report(self._sums, now_ns)
        self._is_told = False

    def news(self) -> LpPerformanceReported | None:
        """What was not told yet."""
        told, self._is_told = self._is_told, True
        return None if told else self.last

    def keep(self, now_ns: int) -> None:
        """Write a checkpoint; older ones go."""
        if self._sums is not None:
            self._kept_ns = now_ns
            self._journal.trim(self._journal.record(PerformanceKept(performance=self._sums)) - 1)

    def _report(self, sums: LpPerformance, now_ns: int) -> LpPerformanceReported:
        told = profit_of(sums)
        return LpPerformanceReported(
            chain=self._chain, pool=self._pool, block_number=self._block_number, block_hash=self._block_hash,
            received_ns=now_ns, since_ns=sums.time_start_ns, price=sums.price,
            value_start=sums.start.value(sums.price_start), value=told.value, profit=told.profit,
            against_hold=told.against_hold, fees=told.fees, impermanent=told.impermanent, market=told.market,
            lvr=told.lvr, swaps=told.swaps, gas=told.gas, hold=told.hold, deposits=told.deposits,
            fee_apr=told.fee_apr,
        )  # fmt: skip


def wealth_of(reading: Reading, book: LpBook) -> LpWealth:
    """Everything owned as of a reading that shows all steps of the book. What the wallet holds beyond what its steps
    brought was paid in by others.
    """
    holdings, pair, gains = reading.holdings, reading.holdings.pair, book.gains
    base, quote = holdings.totals
    owed_base = sum(owned.fees_base for owned in holdings.ranges)
    owed_quote = sum(owned.fees_quote for owned in holdings.ranges)
    collected, swapped, brought = gains.fees.pair, gains.swapped.pair, gains.tokens
    return LpWealth(
        base=pair.whole_base(base), quote=pair.whole_quote(quote),
        fees_base=pair.whole_base(owed_base + collected[0]), fees_quote=pair.whole_quote(owed_quote + collected[1]),
        gas_native=int(gains.gas_wei) / WEI_PER_ETHER,
        deposited_base=pair.whole_base(holdings.idle_base - brought[0]),
        deposited_quote=pair.whole_quote(holdings.idle_quote - brought[1]),
        swapped_base=pair.whole_base(swapped[0]), swapped_quote=pair.whole_quote(swapped[1]),
    )  # fmt: skip
