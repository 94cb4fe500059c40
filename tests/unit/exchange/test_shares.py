"""Shares of funds: the numbers of the traps that naive share accounting falls into."""

import pytest

from common.exchange.shares import (
    PRICE_SCALE,
    SHARES_PER_UNIT,
    VIRTUAL_SHARES,
    burned,
    minted,
    price,
    redeemed,
)


def test_a_share_starts_at_one_millionth_of_a_unit() -> None:
    assert minted(1000, 0, 0) == 1000 * SHARES_PER_UNIT
    assert redeemed(1000 * SHARES_PER_UNIT, 1000 * SHARES_PER_UNIT, 1000) == 1000
    assert price(0, 0) == price(1000 * SHARES_PER_UNIT, 1000) == 10**9
    assert PRICE_SCALE == 10**9 * VIRTUAL_SHARES


def test_trap_5_whoever_joins_a_profit_pays_for_it() -> None:
    """A paid 1000, open profit +500, B pays 1500: B has 1000 of 2000 whole shares, at raw units and at 1e-8."""
    for units in (1, 10**8):
        first = minted(1000 * units, 0, 0)
        second = minted(1500 * units, first, 1500 * units)
        per_share = units * SHARES_PER_UNIT
        assert (first // per_share, second // per_share, (first + second) // per_share) == (1000, 1000, 2000)
        # In hundred-millionths of a share (one unit of money each) too: the virtual part moves less than one of them.
        assert second // SHARES_PER_UNIT == 1000 * units
        # A payout rounds down, so a round trip costs at most one unit.
        assert redeemed(second, first + second, 3000 * units) == 1500 * units - 1


def test_trap_14_a_donation_before_a_deposit_costs_the_donor() -> None:
    """Attacker mints 1 and donates 10,000,000; without virtual shares the victim's 19,999,999 lose 4,999,999."""
    attacker = minted(1, 0, 0)
    victim = minted(19_999_999, attacker, 10_000_001)
    supply, equity = attacker + victim, 30_000_000
    assert redeemed(victim, supply, equity) == 19_999_998
    assert redeemed(attacker, supply, equity) == 5_000_001


def test_trap_15_a_payment_can_be_too_small_for_a_share() -> None:
    """S = 1000, A = 2,000,001, 2000 units: whole shares would be 0. Here the six more decimals still buy something."""
    assert 2000 * 1000 // 2_000_001 == 0
    assert minted(2000, 1000 * SHARES_PER_UNIT, 2_000_001) == 1_000_998
    assert minted(1, 0, VIRTUAL_SHARES) == 0


def test_trap_18_products_beyond_64_and_128_bits_stay_exact() -> None:
    units, supply, equity = 2**63 - 1, 2**82 + 1, 2**62 + 3
    shares = minted(units, supply, equity)
    assert shares * (equity + 1) <= units * (supply + VIRTUAL_SHARES) < (shares + 1) * (equity + 1)
    assert shares != float(units) * supply / equity


def test_trap_19_taking_one_unit_burns_at_least_one_share() -> None:
    """S = 3, A = 10, take 1: rounded down it would burn nothing."""
    supply = 3
    assert 1 * supply // 10 == 0
    taken = burned(1, supply, 10)
    assert taken == -(-(supply + VIRTUAL_SHARES) // 11) > 0
    assert burned(1, 0, 10**9) == 1


@pytest.mark.parametrize("equity", [1, 2, 999, 10**6, 10**6 + 1, 3 * 10**14])
@pytest.mark.parametrize("supply", [0, 1, 10**6 - 1, 10**9, 7 * 10**19])
@pytest.mark.parametrize("units", [1, 3, 1000, 10**12])
def test_no_payment_lowers_the_price(units: int, supply: int, equity: int) -> None:
    shares = minted(units, supply, equity)
    value, whole = equity + 1, supply + VIRTUAL_SHARES
    assert (value + units) * whole >= value * (whole + shares)
    assert redeemed(shares, supply + shares, equity + units) <= units
    if units <= equity:
        ended = burned(units, supply, equity)
        assert (value - units) * whole >= value * (whole - ended)
        assert redeemed(ended, supply, equity) >= units
