"""What is due for a transaction, decided from what the chain shows: pure, so that every fault can be played.

The shell (writer.py) observes, calls `decide` for each open transaction in the order of nonces, journals the records
and carries out the actions.
"""

from collections.abc import Mapping

import msgspec

from common.chain.transactions import (
    ON_CHAIN,
    AnyRecord,
    Inclusion,
    Transaction,
    TransactionConfirmed,
    TransactionFailed,
    TransactionFinalized,
    TransactionMined,
    TransactionOrphaned,
    TransactionOvertaken,
    TransactionState,
)

SECOND_NS = 10**9


class ResendPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to trust, when to insist. Confirmations count the transaction's own block as one."""

    confirmations: int = 1
    confirmations_final: int = 12
    resend_after_s: float = 1.0
    bump_after_s: float = 15.0
    overtaken_after_s: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.confirmations <= self.confirmations_final:
            raise ValueError("confirmations must be at least 1 and at most confirmations_final")
        if min(self.resend_after_s, self.bump_after_s, self.overtaken_after_s) <= 0:
            raise ValueError("waiting times must be positive")


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the chain showed. `pooled` are forms that the node knows and has not mined."""

    head_number: int
    base_fee: int
    chain_nonce: int
    included: Mapping[str, Inclusion]
    pooled: frozenset[str]


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """Send these very bytes (again)."""

    key: str
    hash: str


class RaiseFees(msgspec.Struct, frozen=True, kw_only=True):
    """Sign the newest form anew with higher fees and send it."""

    key: str


Step = AnyRecord | Broadcast | RaiseFees


def decide(transaction: Transaction, seen: Observed, now_ns: int, policy: ResendPolicy) -> list[Step]:
    """The records that are due and at most one action, in order. Empty = wait."""
    if not transaction.attempts:
        # Signing follows planning without a pause, so a life ended between the two: no byte can have left.
        return [TransactionFailed(key=transaction.key, reason="never signed")]
    inclusion = next((seen.included[each.hash] for each in transaction.attempts if each.hash in seen.included), None)
    if inclusion:
        return _follow_inclusion(transaction, inclusion, seen.head_number, now_ns, policy)
    if transaction.state in ON_CHAIN:
        assert transaction.inclusion is not None
        # A reorganisation drops transactions, it does not put them back into the pool: the same bytes go out again.
        orphaned = TransactionOrphaned(key=transaction.key, noticed_ns=now_ns)
        return [orphaned, _broadcast(transaction, transaction.inclusion.hash)]
    if seen.chain_nonce > transaction.nonce:
        return _suspect_stranger(transaction, now_ns, policy)
    return _insist(transaction, seen, now_ns, policy)


def after_refusal(transaction: Transaction, code: str, detail: str, is_newest: bool) -> list[Step]:
    """What follows from the node's refusal to take a form. `is_newest`: no open transaction has a higher nonce."""
    if code in ("fee_too_low", "replacement_underpriced"):
        return [RaiseFees(key=transaction.key)]
    if code == "nonce_too_low":
        return []  # Perhaps one of our own forms is mined: the next look at the receipts tells.
    if transaction.sent_ns == 0 and is_newest:
        return [TransactionFailed(key=transaction.key, reason=f"{code}: {detail}")]
    # Giving it up would leave a hole below the nonces that follow: it is offered again.
    return []


def _follow_inclusion(
    transaction: Transaction, inclusion: Inclusion, head_number: int, now_ns: int, policy: ResendPolicy
) -> list[Step]:
    key, steps, state = transaction.key, list[Step](), transaction.state
    if state in ON_CHAIN and transaction.inclusion != inclusion:
        steps.append(TransactionOrphaned(key=key, noticed_ns=now_ns))
        state = TransactionState.ORPHANED
    if state not in ON_CHAIN:
        steps.append(TransactionMined(key=key, inclusion=inclusion, noticed_ns=now_ns))
        state = TransactionState.MINED
    depth = head_number - inclusion.block_number + 1
    if depth >= policy.confirmations_final:
        steps.append(TransactionFinalized(key=key))
    elif depth >= policy.confirmations and state is TransactionState.MINED:
        steps.append(TransactionConfirmed(key=key))
    return steps


def _suspect_stranger(transaction: Transaction, now_ns: int, policy: ResendPolicy) -> list[Step]:
    """One look is no proof: a node behind a load balancer may know the nonce before the receipt."""
    if not transaction.overtaken_ns:
        return [TransactionOvertaken(key=transaction.key, noticed_ns=now_ns)]
    if now_ns - transaction.overtaken_ns < policy.overtaken_after_s * SECOND_NS:
        return []
    reason = f"nonce {transaction.nonce} was used by a transaction that is not ours"
    return [TransactionFailed(key=transaction.key, reason=reason)]


def _insist(transaction: Transaction, seen: Observed, now_ns: int, policy: ResendPolicy) -> list[Step]:
    newest = transaction.attempts[-1]
    is_next = transaction.nonce == seen.chain_nonce
    if seen.base_fee > newest.fees.max_fee:
        return [RaiseFees(key=transaction.key)] if is_next else []
    if newest.hash not in seen.pooled:
        waited = now_ns - transaction.sent_ns >= policy.resend_after_s * SECOND_NS
        due = waited or transaction.state is not TransactionState.SENT
        return [_broadcast(transaction, newest.hash)] if due else []
    # Only the lowest nonce can be stuck by its fees; the others wait for it. One that lost its block starts anew: its
    # fees were good enough, and the same bytes are better than another form.
    if is_next and now_ns - max(newest.signed_ns, transaction.orphaned_ns) >= policy.bump_after_s * SECOND_NS:
        return [RaiseFees(key=transaction.key)]
    return []


def _broadcast(transaction: Transaction, transaction_hash: str) -> Broadcast:
    return Broadcast(key=transaction.key, hash=transaction_hash)
