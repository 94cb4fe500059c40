"""The LP's inventory, and what became of its sagas, as messages."""

import msgspec

from common.accounting.lp_performance import LpWealth
from common.messages import LpAccount, LpInventoryChanged, LpRange, LpSagaEnded
from common.strategy.lp_book import LpBook, Saga
from common.strategy.lp_holdings import Holdings, OwnedRange
from common.strategy.lp_records import BASE, QUOTE, Amounts, SagaEnded, Settlement
from services.defi_lp.reading import Reading

SECOND_NS = 10**9
WEI_PER_ETHER = 10**18
_OF_THE_BLOCK = ("block_number", "block_hash", "block_time_ns", "received_ns", "delta_change", "provisional")


class Publication:
    """Makes messages, remembers the last one of this boot, and how long the inventory has stood still."""

    def __init__(self, chain: str, pool: str, settled_after_blocks: int) -> None:
        self._chain, self._pool, self._settled_after = chain, pool, settled_after_blocks
        self.last: LpInventoryChanged | None = None
        self._changed_at_block = 0

    def is_due(self, message: LpInventoryChanged, keepalive_s: float) -> bool:
        """News at once; no news after a while."""
        if self.last is None or is_news(message, self.last):
            return True
        return message.received_ns - self.last.received_ns >= keepalive_s * SECOND_NS

    def draft(
        self, reading: Reading, book: LpBook, reference: float, now_ns: int, state: str, doing: str = "",
        halted: str = "", wealth: LpWealth | None = None,
    ) -> LpInventoryChanged:  # fmt: skip
        """The message for this block, as a change to `last`. `wealth` tells of deposits and swaps, as last settled."""
        holdings, pair = reading.holdings, reading.holdings.pair
        low, high = holdings.price_bounds or (0.0, 0.0)
        collected = book.gains.fees.pair
        message = LpInventoryChanged(
            chain=self._chain, pool=self._pool,
            block_number=reading.head.number, block_hash=reading.head.hash,
            block_time_ns=reading.head.timestamp_s * SECOND_NS, received_ns=now_ns,
            price=holdings.price, tick=holdings.tick,
            ranges=[_range(holdings, place) for place in range(len(holdings.ranges))],
            idle_base=str(holdings.idle_base), idle_quote=str(holdings.idle_quote),
            base_total=holdings.delta, quote_total=pair.whole_quote(holdings.totals[1]),
            fees_base=pair.whole_base(sum(owned.fees_base for owned in holdings.ranges)),
            fees_quote=pair.whole_quote(sum(owned.fees_quote for owned in holdings.ranges)),
            price_lower=low, price_upper=high,
            delta=holdings.delta, gamma=holdings.gamma, reference=reference, residual=holdings.delta - reference,
            delta_change=holdings.delta - self.last.delta if self.last else 0.0,
            value_quote=holdings.value, provisional=True,
            rebalances=book.rebalances,
            fees_collected_base=pair.whole_base(collected[0]), fees_collected_quote=pair.whole_quote(collected[1]),
            gas_spent_native=int(book.gains.gas_wei) / WEI_PER_ETHER, state=state, doing=doing, halted=halted,
            deposited_base=wealth.deposited_base if wealth else 0.0,
            deposited_quote=wealth.deposited_quote if wealth else 0.0,
            swapped_base=wealth.swapped_base if wealth else 0.0, swapped_quote=wealth.swapped_quote if wealth else 0.0,
        )  # fmt: skip
        return self._settle(message)

    def saga_ended(self, saga: Saga, end: SagaEnded) -> LpSagaEnded:
        """What became of an intention, with the account of every token."""
        settlement = end.settlement
        assert settlement is not None, "every saga that ends is settled"
        begun, ends = saga.begun, saga.ends
        return LpSagaEnded(
            chain=self._chain, pool=self._pool, saga=begun.saga, intent=begun.intent, trigger=begun.trigger,
            outcome=end.outcome, reason=end.reason,
            steps=[each.kind if ends[each.step].succeeded else f"{each.kind}!" for each in saga.steps],
            command_id=begun.command_id, ended_ns=end.time_ns, accounts=_accounts(settlement),
            exact=settlement.is_exact, comparable=settlement.comparable,
        )  # fmt: skip

    def _settle(self, message: LpInventoryChanged) -> LpInventoryChanged:
        """Provisional until the same inventory has stood for enough blocks to outlive a reorganisation."""
        if self.last is None or is_news(message, self.last) or message.block_number < self._changed_at_block:
            self._changed_at_block = message.block_number
        stood = message.block_number - self._changed_at_block
        return msgspec.structs.replace(message, provisional=stood < self._settled_after)


def is_news(message: LpInventoryChanged, before: LpInventoryChanged) -> bool:
    """Whether anything but the block's own name differs."""
    return any(
        getattr(message, name) != getattr(before, name)
        for name in LpInventoryChanged.__struct_fields__
        if name not in _OF_THE_BLOCK
    )


def _range(holdings: Holdings, place: int) -> LpRange:
    owned: OwnedRange = holdings.ranges[place]
    base, quote = holdings.amounts[place]
    return LpRange(
        key=owned.key, token_id=str(owned.token_id),
        tick_lower=owned.range.tick_lower, tick_upper=owned.range.tick_upper, liquidity=str(owned.range.liquidity),
        amount_base=str(base), amount_quote=str(quote),
        fees_base=str(owned.fees_base), fees_quote=str(owned.fees_quote),
    )  # fmt: skip


def _accounts(settlement: Settlement) -> list[LpAccount]:
    before, after, gains = settlement.before, settlement.after, settlement.gains

    def account(token: str) -> LpAccount:
        def of(amounts: Amounts) -> str:
            return amounts.base if token == BASE else amounts.quote

        return LpAccount(
            token=token, before=of(before.tokens), after=of(after.tokens), principal=of(gains.principal),
            fees=of(gains.fees), deposited=of(gains.deposited), swapped=of(gains.swapped),
            unexplained=of(settlement.unexplained),
        )  # fmt: skip

    native = LpAccount(
        token="native", before=before.native_wei, after=after.native_wei, gas=gains.gas_wei,
        unexplained=settlement.unexplained_wei,
    )  # fmt: skip
    return [account(BASE), account(QUOTE), native]
