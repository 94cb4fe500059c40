"""When nothing may be sent any more: the chain shows what we did not do, or we fail again and again. Pure."""

import msgspec

from common.strategy.lp_book import LpBook
from common.strategy.lp_saga import SagaRules

NFT_LEFT, FOREIGN_NONCE, REPEATED_FAILURES = "nft_left", "foreign_nonce", "repeated_failures"
BROKEN_ACCOUNTING, NO_GAS_MONEY = "broken_accounting", "no_gas_money"


class Alarm(msgspec.Struct, frozen=True):
    """A reason to halt, one word, and what a person must know."""

    reason: str
    detail: str


class GuardView(msgspec.Struct, frozen=True, kw_only=True):
    """`strays`: NFTs that our own transactions say are ours and are not, each with what became of it. `chain_nonce`:
    transactions of the wallet that are mined; `own_nonce`: how many we know of, None while some are under way.
    """

    strays: dict[int, str]
    chain_nonce: int
    own_nonce: int | None


def find_alarm(book: LpBook, seen: GuardView, rules: SagaRules) -> Alarm | None:
    """Why to halt now, or None. It stays until a resume accepts it."""
    if seen.strays:
        told = "; ".join(f"NFT {token_id} {fate}" for token_id, fate in sorted(seen.strays.items()))
        return Alarm(NFT_LEFT, f"{told}, and no transaction of ours did that")
    if seen.own_nonce is not None and seen.chain_nonce > seen.own_nonce:
        foreign = seen.chain_nonce - seen.own_nonce
        return Alarm(FOREIGN_NONCE, f"{foreign} of the wallet's {seen.chain_nonce} transactions are not ours")
    if book.failures_in_row >= rules.failures_max:
        return Alarm(
            REPEATED_FAILURES, f"{book.failures_in_row} steps in a row failed, the last: {_last_failure(book)}"
        )
    return _accounting_alarm(book)


def gas_alarm(native_wei: int, needed_wei: int) -> Alarm | None:
    """No coin for the next transaction. It needs no resume: it clears itself when the balance is back."""
    if native_wei >= needed_wei:
        return None
    return Alarm(NO_GAS_MONEY, f"the wallet has {native_wei} wei, the next transaction may cost {needed_wei}")


def _accounting_alarm(book: LpBook) -> Alarm | None:
    for saga in book.latest_sagas:
        settlement = saga.end.settlement if saga.end else None
        if saga.begun.saga > book.resumed_at_saga and settlement and settlement.lost:
            base, quote = settlement.unexplained.pair
            lost = f"base {base}, quote {quote}, native {settlement.unexplained_wei} (raw)"
            return Alarm(BROKEN_ACCOUNTING, f"{saga.begun.intent} {saga.begun.saga} leaves unexplained: {lost}")
    return None


def _last_failure(book: LpBook) -> str:
    ends = [end for saga in book.latest_sagas for end in saga.ends.values() if not end.succeeded]
    return max(ends, key=lambda end: end.step).reason if ends else "unknown"
