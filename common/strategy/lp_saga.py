"""What the saga under way does next: decided from the chain's truth and the journal, never from memory.

    open       (approve)* move
    rebalance  (approve)* move                                  one transaction: never a moment without a position
               withdraw (approve) swap (approve)* mint          if it swaps; a refused swap is left out
    collect    collect
    close      withdraw (revoke)*                               never given up

An allowance that is too small, but not zero, is revoked before it is approved: tokens like USDT refuse to change one.

Every step is planned anew when its time comes, with the prices and allowances of that moment. One that was submitted
is resolved by its number and never sent again under another one before its end is known. A move or a mint that fails
ends the saga: the tokens are where they were, and the keeper's own rules say when to try anew.
"""

import msgspec

from common.strategy.lp_book import Saga
from common.strategy.lp_records import (
    ABANDONED,
    APPROVE,
    BASE,
    CLOSE,
    COLLECT,
    DONE,
    FAILED,
    MANAGER,
    MINT,
    MOVE,
    QUOTE,
    REVOKE,
    ROUTER,
    SWAP,
    WITHDRAW,
    Amounts,
    Gains,
    Purse,
    Settlement,
)

SECOND_NS = 10**9
_PAUSE_DOUBLINGS_MAX = 6
SUBJECTS = tuple(f"{token}:{spender}" for spender in (MANAGER, ROUTER) for token in (BASE, QUOTE))
"""Every allowance that this program may give."""


class SagaRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds. `failures_max`: steps in a row that fail by their own fault before the keeper halts. `held_s_max`: how
    long a gate may hold a saga that has not changed anything yet, or its swap. `retry_s` doubles with each failure.
    """

    failures_max: int = 8
    held_s_max: float = 120.0
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        for name in ("failures_max", "held_s_max", "retry_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


class SagaView(msgspec.Struct, frozen=True, kw_only=True):
    """The chain as of one block, and what a step would be if it were planned now.

    `ranges`: how many of ours stand. `allowances` by subject, raw. `deposits`: (base, quote) that a move or a mint
    would take now, (0, 0) = nothing worth minting. `sells`: the (token, amount) of a swap, None = there is nothing to
    swap. `price_gate`: why nothing may be sent now whose amounts hang on the price; `gas_gate`: why nothing at all.
    """

    block_number: int
    ranges: int
    allowances: dict[str, int]
    deposits: tuple[int, int] = (0, 0)
    sells: tuple[str, int] | None = None
    price_gate: str = ""
    gas_gate: str = ""


class Act(msgspec.Struct, frozen=True):
    """Begin a step of this kind."""

    kind: str
    subject: str = ""


class Finish(msgspec.Struct, frozen=True):
    """The saga ends."""

    outcome: str
    reason: str = ""


class RefuseSwap(msgspec.Struct, frozen=True):
    """The saga goes on without its swap."""

    reason: str


class Wait(msgspec.Struct, frozen=True):
    """Nothing now; the reason is "" while a step is simply under way."""

    reason: str = ""


Next = Act | Finish | RefuseSwap | Wait


def next_move(saga: Saga, seen: SagaView, now_ns: int, rules: SagaRules) -> Next:
    """What the saga does now."""
    if saga.pending is not None or seen.block_number < saga.block_number:
        return Wait()
    following = _following(saga, seen, now_ns, rules)
    if not isinstance(following, Act):
        return following
    if now_ns < _retry_at(saga, rules):
        return Wait(f"{following.kind}: pausing after a failure")
    return Wait(seen.gas_gate) if seen.gas_gate else following


def plan(intent: str, seen: SagaView, swaps: bool = False) -> tuple[str, ...]:
    """The steps that a saga will probably take, for people and for the journal."""
    if intent == COLLECT:
        return (COLLECT,)
    if intent == CLOSE:
        revokes = [f"{REVOKE} {subject}" for subject in SUBJECTS if seen.allowances.get(subject)]
        return (*([WITHDRAW] if seen.ranges else []), *revokes)
    approvals = [
        f"{kind} {subject}"
        for subject in _shorts(seen)
        for kind in ([REVOKE, APPROVE] if seen.allowances.get(subject) else [APPROVE])
    ]
    if not swaps:
        return (*approvals, MOVE)
    return (*([WITHDRAW] if seen.ranges else []), SWAP, *approvals, MINT)


def settle(before: Purse, after: Purse, gains: Gains, comparable: bool) -> Settlement:
    """The wallet's change against what the steps explain, to the raw unit."""
    grown = [now - then for now, then in zip(after.tokens.pair, before.tokens.pair, strict=True)]
    base, quote = (got - told for got, told in zip(grown, gains.tokens, strict=True))
    native = int(after.native_wei) - int(before.native_wei) + int(gains.gas_wei)
    return Settlement(
        before=before, after=after, gains=gains, unexplained=Amounts.of(base, quote), unexplained_wei=str(native),
        comparable=comparable,
    )  # fmt: skip


def _following(saga: Saga, seen: SagaView, now_ns: int, rules: SagaRules) -> Next:
    if saga.begun.intent == COLLECT:
        return _collecting(saga, seen)
    if saga.begun.intent == CLOSE:
        return _closing(seen)
    return _swapping(saga, seen, now_ns, rules) if saga.begun.swaps else _moving(saga, seen, now_ns, rules)


def _collecting(saga: Saga, seen: SagaView) -> Next:
    if saga.has(COLLECT):
        return Finish(DONE)
    if failed := _failure(saga, COLLECT):
        return failed
    return Act(COLLECT) if seen.ranges else Finish(ABANDONED, "there is no range to collect from")


def _closing(seen: SagaView) -> Next:
    if seen.ranges:
        return Wait(f"{WITHDRAW}: {seen.price_gate}") if seen.price_gate else Act(WITHDRAW)
    left = next((subject for subject in SUBJECTS if seen.allowances.get(subject)), None)
    return Act(REVOKE, left) if left else Finish(DONE)


def _moving(saga: Saga, seen: SagaView, now_ns: int, rules: SagaRules) -> Next:
    if saga.has(MOVE):
        return Finish(DONE)
    return _failure(saga, REVOKE, APPROVE, MOVE) or _minting(saga, seen, now_ns, rules, MOVE)


def _swapping(saga: Saga, seen: SagaView, now_ns: int, rules: SagaRules) -> Next:
    if saga.has(MINT):
        return Finish(DONE)
    if seen.ranges:
        return _failure(saga, WITHDRAW) or _gated(saga, seen, now_ns, rules, WITHDRAW) or Act(WITHDRAW)
    if not saga.has(SWAP) and not saga.swap_refused and seen.sells:
        if (failed := _failure(saga, REVOKE, APPROVE, SWAP)) and saga.failures_in_row:
            return RefuseSwap(failed.reason)
        held = _gated(saga, seen, now_ns, rules, SWAP)
        if isinstance(held, Finish):
            return RefuseSwap(held.reason)
        token, amount = seen.sells
        subject = f"{token}:{ROUTER}"
        short = amount > seen.allowances.get(subject, 0)
        return held or (_approval(subject, seen) if short else Act(SWAP))
    # A swap that failed is why the saga goes on without it, and no reason to end it.
    return _failure(saga, MINT) or _minting(saga, seen, now_ns, rules, MINT)


def _minting(saga: Saga, seen: SagaView, now_ns: int, rules: SagaRules, kind: str) -> Next:
    if held := _gated(saga, seen, now_ns, rules, kind):
        return held
    if not any(seen.deposits):
        return Finish(ABANDONED, f"{kind}: too little to mint")
    shorts = _shorts(seen)
    return _approval(shorts[0], seen) if shorts else Act(kind)


def _approval(subject: str, seen: SagaView) -> Act:
    return Act(REVOKE if seen.allowances.get(subject) else APPROVE, subject)


def _gated(saga: Saga, seen: SagaView, now_ns: int, rules: SagaRules, kind: str) -> Finish | Wait | None:
    if not seen.price_gate:
        return None
    reason = f"{kind}: {seen.price_gate}"
    patience_ns = rules.held_s_max * SECOND_NS
    return Finish(ABANDONED, reason) if now_ns - saga.changed_ns >= patience_ns else Wait(reason)


def _failure(saga: Saga, *kinds: str) -> Finish | None:
    """The end of a saga whose newest step, one of these kinds, failed. What was never submitted did not fail."""
    if not saga.steps or (end := saga.newest) is None or end.succeeded or saga.steps[-1].kind not in kinds:
        return None
    return None if end.code == "never_submitted" else Finish(FAILED, end.reason)


def _shorts(seen: SagaView) -> list[str]:
    """The allowances that do not cover the deposits."""
    subjects = (f"{token}:{MANAGER}" for token in (BASE, QUOTE))
    return [
        subject
        for subject, amount in zip(subjects, seen.deposits, strict=True)
        if amount > seen.allowances.get(subject, 0)
    ]


def _retry_at(saga: Saga, rules: SagaRules) -> int:
    """After a failure the next step waits, longer each time. A step that was never submitted is no failure."""
    end = saga.newest
    if end is None or end.succeeded or end.code == "never_submitted":
        return 0
    doublings = min(max(saga.failures_in_row - 1, 0), _PAUSE_DOUBLINGS_MAX)
    return end.time_ns + int(rules.retry_s * 2**doublings * SECOND_NS)
