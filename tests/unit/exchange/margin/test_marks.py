"""The derived mark price."""

import pytest

from common.exchange.margin.marks import derived_mark


@pytest.mark.parametrize(
    ("bid", "ask", "last", "mark"),
    [
        (10_010, 10_020, 10_000, 10_010),  # the last trade is below the book: the bid
        (10_010, 10_020, 10_015, 10_015),
        (10_010, 10_020, 10_090, 10_020),
        (0, 0, 0, 10_000),  # nothing to see: the oracle
        (0, 10_020, 10_050, 10_020),  # the oracle stands in for the bid
        (10_400, 10_500, 10_450, 10_100),  # never further from the oracle than the band
        (9_000, 9_100, 9_050, 9_900),
    ],
)
def test_median_within_the_band(bid: int, ask: int, last: int, mark: int) -> None:
    assert derived_mark(10_000, bid, ask, last, 100) == mark


def test_one_trade_alone_moves_no_mark() -> None:
    assert derived_mark(10_000, 9_999, 10_001, 14_000, 5_000) == 10_001


def test_band_is_rounded_inward() -> None:
    # 1 % of 10050 is 100.5
    assert derived_mark(10_050, 11_000, 11_000, 11_000, 100) == 10_150
    assert derived_mark(10_050, 9_000, 9_000, 9_000, 100) == 9_950
