"""Bankruptcy prices and amounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.exchange.margin.bankruptcy import bankruptcy_price, bearable_lots, first_lots, share
from common.exchange.money import RATE_SCALE


def test_equity_is_gone_at_the_bankruptcy_price() -> None:
    # 10 lots at 100 with 50 of equity: gone 5 ticks away.
    assert bankruptcy_price(10, 100, 50, 1) == 95
    assert bankruptcy_price(-10, 100, 50, 1) == 105


def test_between_two_ticks_it_is_the_better_one() -> None:
    assert bankruptcy_price(10, 100, 49, 1) == 96
    assert bankruptcy_price(-10, 100, 49, 1) == 104


def test_a_bankrupt_account_would_need_a_price_better_than_the_mark() -> None:
    assert bankruptcy_price(10, 100, -50, 1) == 105
    assert bankruptcy_price(-10, 100, -50, 1) == 95


def test_rich_account_may_sell_at_any_price() -> None:
    assert bankruptcy_price(10, 100, 10**6, 1) == 1


amounts = st.integers(1, 10**6)


@given(
    lots=amounts, mark=amounts, equity=st.integers(0, 10**12), unit=st.integers(1, 10**4),
    fee=st.integers(0, RATE_SCALE // 100), sells=st.booleans(),
)  # fmt: skip
def test_closing_there_with_its_fee_leaves_nothing_missing(
    lots: int, mark: int, equity: int, unit: int, fee: int, sells: bool
) -> None:
    signed = lots if sells else -lots

    def left(price: int) -> int:
        paid = -(-lots * price * unit * fee // RATE_SCALE)
        return equity + signed * (price - mark) * unit - paid

    price = bankruptcy_price(signed, mark, equity, unit, fee)
    if price > 1:
        assert left(price) >= 0
        assert left(price - (1 if sells else -1)) <= 0


@pytest.mark.parametrize(("notional", "lots"), [(100_000, 101), (100_001, 21)])
def test_only_above_the_bound_a_fifth_goes_first(notional: int, lots: int) -> None:
    assert first_lots(101, notional, 100_000) == lots
    assert first_lots(-101, notional, 100_000) == lots


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(1, 100), min_size=1, max_size=10))
def test_shares_add_up_to_the_amount_exactly(amount: int, parts: list[int]) -> None:
    left, whole = amount, sum(parts)
    taken = list[int]()
    for part in parts:
        taken.append(share(left, part, whole))
        left, whole = left - taken[-1], whole - part
    assert (left, whole) == (0, 0) and sum(taken) == amount


def test_a_third_of_a_thousand() -> None:
    assert (share(1000, 1, 3), 1000 - share(1000, 1, 3)) == (333, 667)


def test_nobody_is_made_bankrupt_by_the_bankruptcy_of_others() -> None:
    # 10 lots lose 100 against the mark; 35 of equity bear three of them.
    assert bearable_lots(35, 100, 10) == 3
    assert bearable_lots(1_000, 100, 10) == 10
    assert bearable_lots(0, 100, 10) == 0 and bearable_lots(-5, 100, 10) == 0
    assert bearable_lots(-5, 0, 10) == 10, "closing at the mark or better costs nothing"
