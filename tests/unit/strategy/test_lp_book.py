"""What the LP's records add up to."""

import pytest

from common.model.errors import TransitionInvalid
from common.strategy.lp_book import LpBook
from common.strategy.lp_records import (
    COLLECT,
    DONE,
    MOVE,
    OPEN,
    REBALANCE,
    Amounts,
    Anchored,
    AnyRecord,
    CommandEnded,
    CommandTaken,
    Gains,
    Halted,
    Purse,
    ReferenceSet,
    SagaBegun,
    SagaEnded,
    StepBegun,
    StepEnded,
    StepReopened,
)

PURSE = Purse(block_number=1, block_hash="0xb1", tokens=Amounts.of(5, 6), native_wei="7")


def begun(saga: int, intent: str, command_id: str = "") -> SagaBegun:
    return SagaBegun(
        saga=saga, intent=intent, trigger=intent, steps=(MOVE,), purse=PURSE, time_ns=saga, command_id=command_id
    )


def mined(
    step: int, *minted: int, burned: tuple[int, ...] = (), block: int = 5, gains: Gains | None = None
) -> StepEnded:
    return StepEnded(
        step=step, succeeded=True, time_ns=step, transaction_hash=f"0x{step}", block_number=block,
        block_hash=f"0xb{block}", minted=minted, burned=burned, gains=gains or Gains(gas_wei="100"),
    )  # fmt: skip


def ended(saga: int) -> SagaEnded:
    return SagaEnded(saga=saga, outcome=DONE, time_ns=saga)


STORY: list[AnyRecord] = [
    begun(1, OPEN),
    ReferenceSet(base=20.0),
    StepBegun(step=1, saga=1, kind=MOVE),
    mined(1, 7, 8),
    Anchored(step=1, delta=20.0, time_ns=1),
    ended(1),
    begun(2, REBALANCE),
    StepBegun(step=2, saga=2, kind=MOVE),
    mined(2, 9, 10, burned=(7, 8), block=9, gains=Gains(fees=Amounts.of(3, 4), gas_wei="50")),
    ended(2),
]


def test_a_book_knows_keys_totals_and_what_is_open() -> None:
    book = LpBook(STORY)
    assert (book.reference, book.rebalances, book.active, book.pending) == (20.0, 1, None, [])
    assert book.range_keys == {7: "0x1", 8: "0x1:1", 9: "0x2", 10: "0x2:1"}
    assert set(book.standing) == {9, 10}
    assert (book.gains.gas_wei, book.gains.fees.pair) == ("150", (3, 4))
    assert book.unanchored == STORY[8]
    book.apply(Anchored(step=2, delta=21.0, time_ns=2))
    assert book.unanchored is None


def test_an_undone_block_opens_its_step_and_its_saga_again() -> None:
    book = LpBook(STORY)
    book.apply(StepReopened(step=2))
    assert [each.step for each in book.pending] == [2]
    assert book.active is not None and book.active.begun.saga == 2
    assert (book.rebalances, book.gains.gas_wei, set(book.standing)) == (0, "100", {7, 8})
    book.apply(mined(2, 11, 12, burned=(7, 8), block=10))
    book.apply(ended(2))
    assert book.active is None and set(book.standing) == {11, 12} and book.range_keys[11] == "0x2"


def test_failures_in_a_row_count_only_what_failed_by_its_own_fault() -> None:
    book = LpBook([*STORY, begun(3, COLLECT)])
    for step, code in ((3, "reverted"), (4, "unavailable"), (5, "never_submitted"), (6, "reverted")):
        book.apply(StepBegun(step=step, saga=3, kind=COLLECT))
        book.apply(StepEnded(step=step, succeeded=False, time_ns=step, code=code))
    assert book.failures_in_row == 2
    book.apply(Halted(reason="repeated_failures", detail="", time_ns=0))
    book.apply(CommandTaken(command_id="r", action="resume", operator="me", time_ns=0, nonce=9, given_up=(9,)))
    assert (book.failures_in_row, book.halt, book.nonce, set(book.standing)) == (0, None, 9, {10})


def test_open_and_close_stand_and_a_command_for_one_saga_waits_until_it_begins() -> None:
    book = LpBook(STORY)
    book.apply(CommandTaken(command_id="a", action="close", operator="me", time_ns=0))
    assert not book.wants_open and book.wanted is None
    book.apply(CommandTaken(command_id="b", action="open", operator="me", time_ns=0))
    book.apply(CommandTaken(command_id="c", action="rebalance", operator="me", time_ns=0))
    assert book.wants_open and book.wanted is not None and book.wanted.command_id == "c"
    book.apply(begun(3, REBALANCE, command_id="c"))
    assert book.wanted is None and [each.command_id for each in book.open_commands] == ["a", "b", "c"]
    book.apply(CommandEnded(command_id="a", outcome="superseded", detail="", time_ns=1))
    assert [each.command_id for each in book.open_commands] == ["b", "c"]


@pytest.mark.parametrize(
    "bad",
    [
        begun(4, OPEN),
        begun(2, OPEN),
        ended(2),
        ended(3),
        StepBegun(step=3, saga=2, kind=MOVE),
        StepBegun(step=2, saga=2, kind=MOVE),
        mined(2),
        mined(3),
        StepReopened(step=3),
        CommandEnded(command_id="x", outcome=DONE, detail="", time_ns=0),
    ],
)
def test_records_that_cannot_follow_are_refused_and_change_nothing(bad: AnyRecord) -> None:
    book = LpBook(STORY)
    with pytest.raises(TransitionInvalid):
        book.apply(bad)
    assert book.step_count == 2 and len(book.sagas) == 2 and book.active is None


def test_only_one_saga_is_under_way() -> None:
    book = LpBook([*STORY, begun(3, COLLECT)])
    with pytest.raises(TransitionInvalid):
        book.apply(begun(4, COLLECT))
