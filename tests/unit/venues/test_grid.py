"""Decimal texts to steps."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.model.errors import MessageInvalid
from common.venues.grid import CACHED_TEXTS_MAX, Grid, PublicGrid, Steps
from tests.unit.venues.eth import ETH

STEPS = ("0.01", "0.0001", "0.00000001", "0.05", "0.5", "1", "10", "0.25", "1E-8", "100")


@given(st.integers(0, 10**15), st.sampled_from(STEPS), st.integers(0, 8))
def test_every_multiple_is_read_exactly(number: int, step: str, extra_zeros: int) -> None:
    size = Decimal(step)
    text = f"{number * size:f}"
    if "." in text:
        text += "0" * extra_zeros
    assert Steps(size, "price", "X")[text] == number


@given(st.text(max_size=45))
def test_any_text_is_read_as_decimal_reads_it_or_refused(text: str) -> None:
    try:
        steps = Steps(Decimal("0.01"), "price", "X")[text]
    except MessageInvalid:
        return
    with localcontext(prec=60):  # The default of 28 digits would round the expectation.
        assert steps == Decimal(text) * 100


@pytest.mark.parametrize("text", ["", ".", "-1", "+1", "1e3", "1_0", " 1", "NaN", "0.001", "1.2.3", "٣", "1" * 41])
def test_refused(text: str) -> None:
    with pytest.raises(MessageInvalid):
        Steps(Decimal("0.01"), "price", "X")[text]


def test_other_peoples_quantities_are_rounded_down_but_never_away() -> None:
    public, own = PublicGrid(ETH), Grid(ETH)
    assert public.lots["2292.22972000"] == 22_922_297
    assert public.lots["0.00001"] == 1
    assert public.lots["0.00000000"] == 0
    with pytest.raises(MessageInvalid):
        own.lots["2292.22972000"]


def test_other_peoples_prices_between_ticks_are_left_out_of_a_book_and_are_no_touch() -> None:
    public = PublicGrid(ETH)
    assert public.levels([("1.00", "2"), ("0.995", "3"), ("0.99", "4")]) == [(100, 20_000), (99, 40_000)]
    with pytest.raises(MessageInvalid):
        public.level("0.995", "3")


def test_cache_is_bounded() -> None:
    steps = Steps(Decimal(1), "price", "X")
    for number in range(CACHED_TEXTS_MAX + 10):
        assert steps[str(number)] == number
    assert len(steps) <= CACHED_TEXTS_MAX
