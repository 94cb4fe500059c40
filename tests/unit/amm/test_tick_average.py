"""The mean tick against the plain definition: the integral of a step function over the window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.amm.tick_average import TickAverage
from common.model.errors import InputInvalid


def test_a_tick_holds_until_the_next_block() -> None:
    average = TickAverage(10)
    average.add(100, 4)
    assert average.mean() is None
    average.add(107, 14)
    assert average.mean() is None, "only seven seconds were seen"
    average.add(110, 99)
    assert average.mean() == (4 * 7 + 14 * 3) / 10
    average.add(115, -1)
    assert average.mean() == (4 * 2 + 14 * 3 + 99 * 5) / 10


def test_a_reorganisation_makes_the_later_blocks_forgotten() -> None:
    average = TickAverage(10)
    for time_s, tick in ((100, 0), (108, 50), (109, 50), (104, 8), (110, 8)):
        average.add(time_s, tick)
    assert average.mean() == (0 * 4 + 8 * 6) / 10


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(-887_272, 887_272)), min_size=1, max_size=40), st.integers(1, 30)
)
def test_it_is_the_integral_over_the_window(blocks: list[tuple[int, int]], window_s: int) -> None:
    average, time_s, ticks = TickAverage(window_s), 1_000, list[int]()
    for gap_s, tick in blocks:
        average.add(time_s, tick)
        seen = ticks[-window_s:]
        assert average.mean() == (sum(seen) / window_s if len(ticks) >= window_s else None)
        ticks += [tick] * gap_s
        time_s += gap_s


def test_no_window_is_refused() -> None:
    with pytest.raises(InputInvalid, match="window_s"):
        TickAverage(0)
