"""Where a quote's prices stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.exchange.quotes.prices import has_moved, keeps_spread, prices_around, room, skewed_middle


def test_trap_38_the_half_spread_is_rounded_up() -> None:
    assert prices_around(1001, 10) == (1000, 1002), "floor would lock at 1001"


def test_trap_39_a_new_middle_keeps_the_spread() -> None:
    for mid in (100_000, 500):
        bid, ask = prices_around(mid, 10)
        assert keeps_spread(bid, ask, 10)
    assert prices_around(500, 10) == (499, 501)


@given(st.integers(2, 2**62), st.integers(0, 19_999), st.integers(0, 19_999))
def test_trap_41_no_middle_overflows_or_comes_too_close(mid: int, spread: int, minimum: int) -> None:
    bid, ask = prices_around(mid, max(spread, minimum))
    assert mid - bid == ask - mid
    assert (ask - bid) * 10_000 >= max(spread, minimum) * mid
    if ask > bid:
        assert keeps_spread(bid, ask, minimum)


@pytest.mark.parametrize(
    ("bid", "ask", "spread", "kept"),
    [(1000, 1000, 0, False), (1001, 1000, 0, False), (999, 1001, 20, True), (999, 1001, 21, False), (1, 2, 6666, True)],
)
def test_spread_is_measured_around_the_middle(bid: int, ask: int, spread: int, kept: bool) -> None:
    assert keeps_spread(bid, ask, spread) is kept


def test_skew_leans_against_what_is_held() -> None:
    assert skewed_middle(10_000, 50, 100, 40) == 9_980
    assert skewed_middle(10_000, -50, 100, 40) == 10_020
    assert skewed_middle(10_000, 0, 100, 40) == 10_000
    assert skewed_middle(10_000, 10**9, 100, 40) == 9_960, "no farther than at the limit"


@given(st.integers(1, 10**12), st.integers(-(10**9), 10**9), st.integers(1, 10**9), st.integers(0, 9_999))
def test_skew_is_symmetric_and_bounded(mid: int, held: int, most: int, skew: int) -> None:
    down, up = skewed_middle(mid, held, most, skew), skewed_middle(mid, -held, most, skew)
    assert down + up == 2 * mid
    assert abs(down - mid) * 10_000 <= skew * mid


def test_a_side_shrinks_to_what_may_be_held() -> None:
    assert room(5, 0, 10, 1) == 5
    assert room(5, 8, 10, 1) == 2
    assert room(5, 12, 10, 1) == 0
    assert room(5, 12, 10, -1) == 5
    assert room(50, -8, 10, -1) == 2


def test_a_move_is_measured_against_where_it_was() -> None:
    assert not has_moved(10_000, 10_000, 0)
    assert has_moved(10_000, 10_001, 0)
    assert not has_moved(10_000, 10_009, 10)
    assert has_moved(10_000, 10_010, 10)
    assert has_moved(10_000, 9_990, 10)
