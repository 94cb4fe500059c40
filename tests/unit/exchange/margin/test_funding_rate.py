"""Premium, funding rate and payments against worked numbers."""

import pytest

from common.exchange.margin.funding_rate import (
    HOURLY_RATE_MAX,
    funding_rate,
    hourly_payment,
    impact_price,
    mean,
    premium,
)
from common.exchange.money import RATE_SCALE, UNITS_PER_ASSET

PERCENT = RATE_SCALE // 100


def test_one_percent_premium_pays_95_hundredths() -> None:
    assert funding_rate(PERCENT) == 95 * PERCENT // 100


def test_ten_at_ten_thousand_pay_118_75_an_hour() -> None:
    value = 10 * 10_000 * UNITS_PER_ASSET
    assert hourly_payment(value, funding_rate(PERCENT)) == 11_875 * UNITS_PER_ASSET // 100
    assert hourly_payment(-value, funding_rate(PERCENT)) == -11_875 * UNITS_PER_ASSET // 100


@pytest.mark.parametrize(
    ("premium_rate", "rate"),
    [
        (0, 100_000),  # the interest alone, 0.01 %: 1.25e-5 an hour, which parts per million could not say
        (100_000, 100_000),  # a premium like the interest
        (400_000, 100_000),  # the interest pulls back by no more than 0.05 %
        (700_000, 200_000),
        (-PERCENT, -95 * PERCENT // 100),  # -1 % + clamp(0.01 % + 1 %, 0.05 %)
    ],
)
def test_interest_closes_gaps_up_to_the_clamp(premium_rate: int, rate: int) -> None:
    assert funding_rate(premium_rate) == rate


@pytest.mark.parametrize("sign", [1, -1])
def test_an_hour_never_pays_more_than_four_percent(sign: int) -> None:
    rate = funding_rate(sign * 90 * PERCENT)
    assert rate == sign * 32 * PERCENT
    assert hourly_payment(RATE_SCALE, rate) == sign * HOURLY_RATE_MAX


def test_rounding_is_against_both_sides() -> None:
    rate = funding_rate(0)
    assert hourly_payment(1_000_001, rate) == 13  # 12.5000125 paid
    assert hourly_payment(-1_000_001, rate) == -12  # the same received: one unit stays as dust
    assert hourly_payment(0, rate) == 0


def test_a_position_smaller_than_a_unit_of_funding_still_pays_one() -> None:
    # Rates in parts per million would make this hour free for ever.
    assert hourly_payment(1, funding_rate(0)) == 1
    assert hourly_payment(-1, funding_rate(0)) == 0


def test_impact_price_is_the_average_over_whole_lots() -> None:
    levels = [(100, 3), (99, 10)]
    assert impact_price(levels, 300) == (300, 3)
    assert impact_price(levels, 301) == (399, 4)
    assert impact_price(levels, 1290) == (1290, 13)
    assert impact_price(levels, 1291) is None
    assert impact_price([], 1) is None


def test_premium_looks_at_the_side_that_left_the_index() -> None:
    assert premium(100, (1010, 10), (1030, 10)) == PERCENT
    assert premium(100, (970, 10), (980, 10)) == -2 * PERCENT
    assert premium(100, (990, 10), (1010, 10)) == 0
    assert premium(100, None, (980, 10)) == -2 * PERCENT
    assert premium(100, (1010, 10), None) == PERCENT
    assert premium(100, None, None) == 0


def test_both_directions_round_towards_zero() -> None:
    # 1/3 tick away on 100: 3333333.33 at 1e-9.
    assert premium(100, (301, 3), None) == 3_333_333
    assert premium(100, None, (299, 3)) == -3_333_333
    assert mean(-10, 3) == -3 and mean(10, 3) == 3
