"""What a wallet's transactions cost in gas over a rolling day, from the ledger alone: it survives restarts with it.

Spent is what receipts say of everything mined, reverted and cancelling forms included. Reserved is the most that the
open ones may still cost: their gas limit at the highest fee that was signed for them.
"""

from collections.abc import Iterable

from common.chain.transactions import Transaction

DAY_NS = 86_400 * 10**9


def spent_wei(transactions: Iterable[Transaction], now_ns: int) -> int:
    """Wei paid for gas by what was seen mined within the last 24 hours."""
    since_ns = now_ns - DAY_NS
    return sum(
        each.inclusion.gas_used * each.inclusion.gas_price
        for each in transactions
        if each.inclusion is not None and _mined_ns(each) > since_ns
    )


def reserved_wei(transactions: Iterable[Transaction], but: str = "") -> int:
    """Wei that transactions which are neither mined nor over may still cost, one key left out."""
    return sum(
        each.request.gas_limit * max((attempt.fees.max_fee for attempt in each.attempts), default=0)
        for each in transactions
        if each.inclusion is None and not each.is_terminal and each.key != but
    )


def _mined_ns(transaction: Transaction) -> int:
    # Journals of before `noticed_ns` was written have the last sending, which is a little earlier.
    return transaction.mined_ns or transaction.sent_ns or transaction.planned_ns
