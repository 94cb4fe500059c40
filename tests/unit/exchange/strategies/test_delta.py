"""The hedge that an excess asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.exchange.strategies.delta import Hedge, wanted_hedge
from common.model.order import Side


@pytest.mark.parametrize(
    ("excess", "is_working", "wanted"),
    [
        (0, False, None),
        (100, False, None),
        (101, False, Hedge(side=Side.SELL, lots=10)),
        (-101, False, Hedge(side=Side.BUY, lots=10)),
        (60, True, Hedge(side=Side.SELL, lots=6)),
        (-9, True, None),
        (10_000, False, Hedge(side=Side.SELL, lots=50)),
    ],
)
def test_a_hedge_begins_beyond_the_band_and_goes_on_to_the_target(
    excess: int, is_working: bool, wanted: Hedge | None
) -> None:
    assert wanted_hedge(excess, 100, 10, 1, 50, is_working) == wanted


@given(st.integers(-(10**6), 10**6), st.integers(0, 1000), st.integers(1, 50), st.booleans())
def test_a_hedge_never_passes_the_target(excess: int, band: int, lot: int, is_working: bool) -> None:
    hedge = wanted_hedge(excess, band, lot, 1, 10**9, is_working)
    after = excess if hedge is None else excess + hedge.side.sign * hedge.lots * lot
    assert after * excess >= 0
    assert abs(after) <= abs(excess)
    assert abs(after) <= max(band, lot - 1)
