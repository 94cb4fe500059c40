"""What the LP's records add up to."""

import pytest

from common.model.errors import TransitionInvalid
from services.defi_lp.act_book import ActBook
from services.defi_lp.records import COLLECT, MOVE, ActBegun, ActEnded, ActReopened, Anchored, AnyRecord, ReferenceSet


def mined(number: int, *token_ids: int, block: int = 5, **more: str) -> ActEnded:
    return ActEnded(
        number=number, succeeded=True, transaction_hash=f"0x{number}", block_number=block, block_hash=f"0xb{block}",
        token_ids=token_ids, **more,
    )  # fmt: skip


STORY: list[AnyRecord] = [
    ActBegun(number=1, kind=MOVE, trigger="open"),
    ReferenceSet(base=20.0),
    mined(1, 7, 8, gas_wei="100"),
    Anchored(number=1, delta=20.0, time_ns=1),
    ActBegun(number=2, kind=MOVE, trigger="inventory"),
    mined(2, 9, 10, block=9, gas_wei="50", fees_base="3", fees_quote="4"),
]


def test_a_book_knows_keys_totals_and_what_is_open() -> None:
    book = ActBook(STORY)
    assert (book.reference, book.rebalances, book.next_number, book.pending) == (20.0, 1, 3, [])
    assert book.range_keys == {7: "0x1", 8: "0x1:1", 9: "0x2", 10: "0x2:1"}
    assert (book.gas_wei, book.fees_collected) == (150, (3, 4))
    assert book.unanchored == STORY[-1]
    book.apply(Anchored(number=2, delta=21.0, time_ns=2))
    assert book.unanchored is None


def test_an_undone_block_makes_its_act_pending_again() -> None:
    book = ActBook(STORY)
    book.apply(ActReopened(number=2))
    assert [each.number for each in book.pending] == [2]
    assert (book.rebalances, book.gas_wei, book.fees_collected) == (0, 100, (0, 0))
    book.apply(mined(2, 11, 12, block=10))
    assert book.pending == [] and book.range_keys[11] == "0x2"


def test_a_failed_act_counts_its_gas_and_nothing_else() -> None:
    book = ActBook([*STORY, ActBegun(number=3, kind=COLLECT, trigger="collect")])
    assert [each.number for each in book.pending] == [3]
    book.apply(ActEnded(number=3, succeeded=False, reason="reverted", block_hash="0xc", gas_wei="7"))
    assert book.rebalances == 1 and book.gas_wei == 157 and not book.pending


@pytest.mark.parametrize(
    "bad",
    [
        ActBegun(number=4, kind=MOVE, trigger="open"),
        ActBegun(number=2, kind=MOVE, trigger="open"),
        mined(2),
        mined(3),
        ActReopened(number=3),
    ],
)
def test_records_that_cannot_follow_are_refused_and_change_nothing(bad: AnyRecord) -> None:
    book = ActBook(STORY)
    with pytest.raises(TransitionInvalid):
        book.apply(bad)
    assert book.next_number == 3 and len(book.ended) == 2
