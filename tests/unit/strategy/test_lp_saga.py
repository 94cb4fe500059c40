"""What a saga does next, step by step."""

import pytest

from common.strategy.lp_book import LpBook, Saga
from common.strategy.lp_records import (
    ABANDONED,
    APPROVE,
    CLOSE,
    COLLECT,
    DONE,
    FAILED,
    MINT,
    MOVE,
    OPEN,
    REBALANCE,
    REVOKE,
    SWAP,
    WITHDRAW,
    Amounts,
    Purse,
    SagaBegun,
    StepBegun,
    StepEnded,
    SwapRefused,
)
from common.strategy.lp_saga import (
    SUBJECTS,
    Act,
    Finish,
    RefuseSwap,
    SagaRules,
    SagaView,
    Wait,
    next_move,
    plan,
)

SECOND = 10**9
RULES = SagaRules(held_s_max=60, retry_s=2)
NOTHING, EVERYTHING = dict.fromkeys(SUBJECTS, 0), dict.fromkeys(SUBJECTS, 10**9)
PURSE = Purse(block_number=1, block_hash="0x1", tokens=Amounts(), native_wei="0")
GATE = "no fresh CeFi mid"


def view(**more: object) -> SagaView:
    given = {"block_number": 100, "ranges": 2, "allowances": EVERYTHING, "deposits": (5, 6)} | more
    return SagaView(**given)  # type: ignore[arg-type]


def saga(intent: str, *steps: tuple[str, str], swaps: bool = False, refused: bool = False) -> Saga:
    """A saga with so many (kind, code) steps; "" succeeded, "?" is under way. Each ends at its own second."""
    book = LpBook([SagaBegun(saga=1, intent=intent, trigger="t", steps=(), purse=PURSE, time_ns=0, swaps=swaps)])
    for number, (kind, code) in enumerate(steps, 1):
        book.apply(StepBegun(step=number, saga=1, kind=kind))
        if code != "?":
            block = 10 + number if code in ("", "reverted") else 0
            book.apply(
                StepEnded(
                    step=number, succeeded=not code, time_ns=number * SECOND, code=code, reason=f"{code}: told",
                    block_number=block, block_hash=f"0x{block}" if block else "",
                )
            )  # fmt: skip
    if refused:
        book.apply(SwapRefused(saga=1, reason="told"))
    return book.sagas[1]


def move(told: Saga, now_s: float = 30.0, **more: object) -> object:
    return next_move(told, view(**more), int(now_s * SECOND), RULES)


@pytest.mark.parametrize("intent", [OPEN, REBALANCE])
def test_allowances_come_first_then_everything_in_one_transaction(intent: str) -> None:
    short = EVERYTHING | {"base:manager": 0, "quote:manager": 0}
    assert move(saga(intent), allowances=short) == Act(APPROVE, "base:manager")
    half = EVERYTHING | {"quote:manager": 0}
    assert move(saga(intent, (APPROVE, "")), allowances=half) == Act(APPROVE, "quote:manager")
    assert move(saga(intent, (APPROVE, ""), (APPROVE, ""))) == Act(MOVE)
    assert move(saga(intent, (MOVE, ""))) == Finish(DONE)


def test_what_is_left_of_an_allowance_is_revoked_before_a_larger_one_is_given() -> None:
    """Tokens like USDT refuse to change an allowance that is not zero."""
    short = EVERYTHING | {"quote:manager": 5}
    assert move(saga(OPEN), allowances=short) == Act(REVOKE, "quote:manager")
    assert move(saga(OPEN, (REVOKE, "")), allowances=short | {"quote:manager": 0}) == Act(APPROVE, "quote:manager")
    assert move(saga(OPEN, (REVOKE, "reverted")), allowances=short) == Finish(FAILED, "reverted: told")
    assert plan(OPEN, view(allowances=short)) == ("revoke quote:manager", "approve quote:manager", MOVE)


def test_nothing_is_decided_while_a_step_is_under_way_or_newer_than_what_was_read() -> None:
    assert move(saga(OPEN, (MOVE, "?"))) == Wait()
    assert move(saga(OPEN, (MOVE, "")), block_number=10) == Wait()


def test_a_failed_move_ends_the_saga_and_one_that_was_never_submitted_is_planned_anew() -> None:
    assert move(saga(OPEN, (MOVE, "reverted"))) == Finish(FAILED, "reverted: told")
    assert move(saga(OPEN, (MOVE, "never_submitted")), now_s=1.0) == Act(MOVE)


def test_a_gate_holds_and_after_a_while_the_saga_is_given_up_unchanged() -> None:
    assert move(saga(OPEN), price_gate=GATE) == Wait(f"move: {GATE}")
    assert move(saga(OPEN), now_s=60.0, price_gate=GATE) == Finish(ABANDONED, f"move: {GATE}")
    assert move(saga(OPEN), deposits=(0, 0)) == Finish(ABANDONED, "move: too little to mint")
    assert move(saga(OPEN), now_s=999.0, gas_gate="dear") == Wait("dear")


def test_closing_is_never_given_up_and_leaves_no_allowance() -> None:
    assert move(saga(CLOSE), now_s=10**6, price_gate=GATE) == Wait(f"withdraw: {GATE}")
    assert move(saga(CLOSE)) == Act(WITHDRAW)
    left = NOTHING | {"quote:router": 1, "base:manager": 2}
    assert move(saga(CLOSE, (WITHDRAW, "")), ranges=0, allowances=left) == Act(REVOKE, "base:manager")
    assert move(saga(CLOSE, (WITHDRAW, "")), ranges=0, allowances=NOTHING, price_gate=GATE) == Finish(DONE)


def test_a_failed_withdrawal_is_tried_again_after_pauses_that_double() -> None:
    once, twice = saga(CLOSE, (WITHDRAW, "reverted")), saga(CLOSE, (WITHDRAW, "reverted"), (WITHDRAW, "reverted"))
    assert isinstance(move(once, now_s=2.9), Wait) and move(once, now_s=3.0) == Act(WITHDRAW)
    assert isinstance(move(twice, now_s=5.9), Wait) and move(twice, now_s=6.0) == Act(WITHDRAW)


def test_a_collection_needs_ranges_and_is_made_once() -> None:
    assert move(saga(COLLECT), price_gate=GATE) == Act(COLLECT)
    assert move(saga(COLLECT), ranges=0) == Finish(ABANDONED, "there is no range to collect from")
    assert move(saga(COLLECT, (COLLECT, ""))) == Finish(DONE)
    assert move(saga(COLLECT, (COLLECT, "reverted"))) == Finish(FAILED, "reverted: told")


def test_a_rebalance_by_swap_withdraws_sells_and_mints() -> None:
    sells = {"sells": ("base", 7)}
    assert move(saga(REBALANCE, swaps=True), **sells) == Act(WITHDRAW)
    out = saga(REBALANCE, (WITHDRAW, ""), swaps=True)
    poor = EVERYTHING | {"base:router": 6}
    assert move(out, ranges=0, allowances=poor, **sells) == Act(REVOKE, "base:router")
    assert move(out, ranges=0, allowances=poor | {"base:router": 0}, **sells) == Act(APPROVE, "base:router")
    assert move(out, ranges=0, **sells) == Act(SWAP)
    sold = saga(REBALANCE, (WITHDRAW, ""), (SWAP, ""), swaps=True)
    assert move(sold, ranges=0, **sells) == Act(MINT)
    minted = saga(REBALANCE, (WITHDRAW, ""), (SWAP, ""), (MINT, ""), swaps=True)
    assert move(minted, **sells) == Finish(DONE)


def test_a_swap_that_cannot_be_is_left_out_and_what_is_there_is_minted() -> None:
    sells = {"sells": ("base", 7), "ranges": 0}
    refused = saga(REBALANCE, (WITHDRAW, ""), (SWAP, "reverted"), swaps=True)
    assert move(refused, **sells) == RefuseSwap("reverted: told")
    held = saga(REBALANCE, (WITHDRAW, ""), swaps=True)
    assert move(held, now_s=60.9, price_gate=GATE, **sells) == Wait(f"swap: {GATE}")
    assert move(held, now_s=61.0, price_gate=GATE, **sells) == RefuseSwap(f"swap: {GATE}")
    without = saga(REBALANCE, (WITHDRAW, ""), (SWAP, "reverted"), swaps=True, refused=True)
    assert move(without, **sells) == Act(MINT)
    dear = saga(REBALANCE, (WITHDRAW, ""), (SWAP, "fee_cap"), swaps=True)
    assert move(dear, **sells) == Act(SWAP), "cheaper gas is waited for"


def test_plans_for_people() -> None:
    assert plan(OPEN, view(ranges=0, allowances=NOTHING)) == ("approve base:manager", "approve quote:manager", MOVE)
    assert plan(REBALANCE, view()) == (MOVE,)
    assert plan(REBALANCE, view(), swaps=True) == (WITHDRAW, SWAP, MINT)
    assert plan(CLOSE, view(allowances=NOTHING | {"base:manager": 1})) == (WITHDRAW, "revoke base:manager")
    assert plan(COLLECT, view()) == (COLLECT,)
