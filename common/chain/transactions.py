"""A wallet's transactions as plain data: records of a journal, and the state that they add up to.

planned -> signed -> sent -> mined -> confirmed -> final
                      ^        |          |
                      |     orphaned <----+        (a reorganisation took its block; the same bytes go out again)
                      +--------+
planned -> failed         the process died before it was signed: nothing can have left
signed/sent -> failed     the node refused it for good, or a stranger used its nonce
mined -> ... -> failed    it reverted, and that is final
mined -> ... -> replaced  our own cancellation took its nonce, and that is final
final, failed, replaced -> orphaned   the chain forgot even what was final, and a later nonce of ours waits for it

`apply` is the only way from one state to the next; `transaction_rules.decide` says which record or action is due.
"""

import enum
from collections.abc import Iterable

import msgspec

from common.chain.wallet import Fees, TransactionRequest
from common.model.errors import TransitionInvalid


class TransactionState(enum.StrEnum):
    """Where a transaction is. The last three are terminal: only a chain that forgets its own past undoes them."""

    PLANNED = "planned"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    CONFIRMED = "confirmed"
    ORPHANED = "orphaned"
    FINAL = "final"
    REPLACED = "replaced"
    FAILED = "failed"


TERMINAL = frozenset({TransactionState.FINAL, TransactionState.REPLACED, TransactionState.FAILED})
ON_CHAIN = frozenset({TransactionState.MINED, TransactionState.CONFIRMED})


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One signed form of a transaction. All forms share its nonce, so the chain takes at most one of them."""

    hash: str
    raw: bytes
    fees: Fees
    signed_ns: int
    cancels: bool = False


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Which form was mined, where, and with what success."""

    hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    gas_price: int


class Record(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of the journal's records. `key` is the caller's own name for the transaction."""

    key: str


class TransactionPlanned(Record, frozen=True, kw_only=True):
    """Decided. `intent` is the caller's text, kept and not read here."""

    intent: str
    nonce: int
    request: TransactionRequest
    planned_ns: int


class TransactionSigned(Record, frozen=True, kw_only=True):
    """A form of it exists; from here on it may reach the chain."""

    attempt: Attempt


class TransactionSent(Record, frozen=True, kw_only=True):
    """A form left for the node: it was accepted, or the answer was lost."""

    hash: str
    sent_ns: int


class TransactionMined(Record, frozen=True, kw_only=True):
    """A form stands in a block of the present chain. `noticed_ns` is when we saw it."""

    inclusion: Inclusion
    noticed_ns: int = 0


class TransactionConfirmed(Record, frozen=True, kw_only=True):
    """Enough blocks stand on it to act on it."""


class TransactionOrphaned(Record, frozen=True, kw_only=True):
    """Its block is no longer part of the chain. What was never in a block cannot be orphaned."""

    noticed_ns: int = 0


class TransactionOvertaken(Record, frozen=True, kw_only=True):
    """The chain has used its nonce, and none of its forms has a receipt. Fails if that stays so."""

    noticed_ns: int


class TransactionFinalized(Record, frozen=True, kw_only=True):
    """Enough blocks stand on it to forget about it."""


class TransactionFailed(Record, frozen=True, kw_only=True):
    """It will never be mined."""

    reason: str


AnyRecord = (
    TransactionPlanned
    | TransactionSigned
    | TransactionSent
    | TransactionMined
    | TransactionConfirmed
    | TransactionOrphaned
    | TransactionOvertaken
    | TransactionFinalized
    | TransactionFailed
)


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One intent of the wallet and all that is known of it. `sent_ns` 0 = no byte of it ever left; `mined_ns` when it
    was seen in its block, `orphaned_ns` when it was last seen to have lost one.
    """

    key: str
    intent: str
    nonce: int
    request: TransactionRequest
    planned_ns: int
    state: TransactionState = TransactionState.PLANNED
    attempts: tuple[Attempt, ...] = ()
    inclusion: Inclusion | None = None
    sent_ns: int = 0
    mined_ns: int = 0
    orphaned_ns: int = 0
    overtaken_ns: int = 0
    reason: str = ""

    @property
    def is_terminal(self) -> bool:
        """Nothing can change it any more."""
        return self.state in TERMINAL

    @property
    def is_canceled(self) -> bool:
        """What was mined is our cancellation."""
        included = self.inclusion
        return included is not None and any(each.cancels and each.hash == included.hash for each in self.attempts)

    @property
    def succeeded(self) -> bool:
        """It is on the present chain (perhaps not finally) and did what was intended."""
        return self.inclusion is not None and self.inclusion.succeeded and not self.is_canceled

    def attempt(self, transaction_hash: str) -> Attempt:
        """The form with this hash; raises TransitionInvalid if it is none of ours."""
        for each in self.attempts:
            if each.hash == transaction_hash:
                return each
        raise TransitionInvalid(f"{self.key}: {transaction_hash} is none of its forms")


_ALLOWED_FROM: dict[type[Record], frozenset[TransactionState]] = {
    TransactionSigned: frozenset(TransactionState) - TERMINAL - ON_CHAIN,
    TransactionSent: frozenset({TransactionState.SIGNED, TransactionState.SENT, TransactionState.ORPHANED}),
    TransactionMined: frozenset({TransactionState.SIGNED, TransactionState.SENT, TransactionState.ORPHANED}),
    TransactionConfirmed: frozenset({TransactionState.MINED}),
    TransactionOrphaned: ON_CHAIN | TERMINAL,
    TransactionOvertaken: frozenset({TransactionState.SIGNED, TransactionState.SENT, TransactionState.ORPHANED}),
    TransactionFinalized: ON_CHAIN,
    TransactionFailed: frozenset(TransactionState) - TERMINAL - ON_CHAIN,
}


def apply(transaction: Transaction | None, record: AnyRecord) -> Transaction:
    """The transaction after a record; raises TransitionInvalid if the record cannot follow."""
    if isinstance(record, TransactionPlanned):
        if transaction is not None:
            raise TransitionInvalid(f"{record.key} is planned already")
        return Transaction(
            key=record.key,
            intent=record.intent,
            nonce=record.nonce,
            request=record.request,
            planned_ns=record.planned_ns,
        )
    name = type(record).__name__
    if transaction is None:
        raise TransitionInvalid(f"{name} for {record.key}, which was never planned")
    if transaction.state not in _ALLOWED_FROM[type(record)]:
        raise TransitionInvalid(f"{name} cannot follow {transaction.state} ({record.key})")
    return _applied(transaction, record)


def _applied(transaction: Transaction, record: AnyRecord) -> Transaction:
    change = msgspec.structs.replace
    match record:
        case TransactionSigned(attempt=attempt):
            state = TransactionState.SENT if transaction.sent_ns else TransactionState.SIGNED
            return change(transaction, state=state, attempts=(*transaction.attempts, attempt))
        case TransactionSent(hash=name, sent_ns=sent_ns):
            transaction.attempt(name)
            return change(transaction, state=TransactionState.SENT, sent_ns=sent_ns)
        case TransactionMined(inclusion=inclusion, noticed_ns=noticed_ns):
            transaction.attempt(inclusion.hash)
            return change(
                transaction, state=TransactionState.MINED, inclusion=inclusion, mined_ns=noticed_ns, overtaken_ns=0
            )
        case TransactionConfirmed():
            return change(transaction, state=TransactionState.CONFIRMED)
        case TransactionOrphaned(noticed_ns=noticed_ns):
            if transaction.inclusion is None:
                raise TransitionInvalid(f"{transaction.key} is orphaned but was never mined")
            return change(
                transaction, state=TransactionState.ORPHANED, inclusion=None, orphaned_ns=noticed_ns, reason=""
            )
        case TransactionOvertaken(noticed_ns=noticed_ns):
            return change(transaction, overtaken_ns=noticed_ns)
        case TransactionFinalized():
            return change(transaction, state=_final_state(transaction), reason=_final_reason(transaction))
        case TransactionFailed(reason=reason):
            return change(transaction, state=TransactionState.FAILED, reason=reason)
    raise TransitionInvalid(f"{type(record).__name__} is not applied to a transaction")


def _final_state(transaction: Transaction) -> TransactionState:
    if transaction.is_canceled:
        return TransactionState.REPLACED
    return TransactionState.FINAL if transaction.succeeded else TransactionState.FAILED


def _final_reason(transaction: Transaction) -> str:
    return "" if transaction.succeeded or transaction.is_canceled else "reverted"


class Ledger:
    """All transactions of one wallet, by the caller's keys."""

    def __init__(self, records: Iterable[AnyRecord] = ()) -> None:
        self._transactions: dict[str, Transaction] = {}
        for record in records:
            self.apply(record)

    def apply(self, record: AnyRecord) -> Transaction:
        """Take a record in; raises TransitionInvalid and changes nothing if it cannot follow."""
        transaction = apply(self._transactions.get(record.key), record)
        self._transactions[record.key] = transaction
        return transaction

    def get(self, key: str) -> Transaction | None:
        """The transaction of this name, or None if it was never planned."""
        return self._transactions.get(key)

    def all(self) -> list[Transaction]:
        """Every transaction of every life."""
        return list(self._transactions.values())

    def open(self) -> list[Transaction]:
        """All that are not terminal, by nonce: the order in which they must reach the chain."""
        live = (each for each in self._transactions.values() if not each.is_terminal)
        return sorted(live, key=lambda each: each.nonce)

    def mined(self) -> list[Transaction]:
        """All that were seen in a block and not orphaned since, in the order in which they were planned."""
        return [each for each in self._transactions.values() if each.inclusion]

    def forgotten(self, nonce: int) -> Transaction | None:
        """The newest terminal transaction that once was mined with this nonce, or None."""
        mined = (each for each in self._transactions.values() if each.nonce == nonce and each.inclusion)
        return next((each for each in reversed(list(mined)) if each.is_terminal), None)

    def missing_nonces(self, chain_nonce: int) -> list[int]:
        """Nonces that the chain has not used, below one that is open, and that no open transaction has."""
        taken = {each.nonce for each in self.open()}
        return [nonce for nonce in range(chain_nonce, max(taken, default=0)) if nonce not in taken]

    def next_nonce(self, chain_nonce: int) -> int:
        """The next free nonce. `chain_nonce` is the number of mined transactions as the chain counts them.

        Terminal ones do not count: either the chain has counted them, or they never reached it.
        """
        return max([chain_nonce, *(each.nonce + 1 for each in self.open())])
