"""Shares of a fund (a vault or a liquidity pool): what a payment buys, what they are worth, what a payout burns.

A fund has `supply` shares and `equity` units of its asset. The formulas are OpenZeppelin's ERC-4626 with a decimals
offset of 6: they count VIRTUAL_SHARES shares and one unit that nobody owns. So a share has six decimals more than a
unit, and a donation before somebody else's deposit goes to the virtual shares too, instead of all to the donor.
A payment buys the floor and a payout burns the ceiling, so no payment lowers `price`.

The virtual part moves a mint by less than VIRTUAL_SHARES, which is one hundred-millionth of a whole share, as long as
the payment is not larger than the equity: whoever pays 1500 into a fund of 1500 with 1000 shares gets 1000.00000000.
"""

VIRTUAL_SHARES = 10**6
VIRTUAL_UNITS = 1
SHARES_PER_UNIT = VIRTUAL_SHARES // VIRTUAL_UNITS
"""What one unit buys from an empty fund."""

SHARES_MAX = 2**63 * SHARES_PER_UNIT - 1
"""A fund never has more; its shares do not fit 64 bits, so they are decimal text where 64 bits end."""

_DIGITS_MAX = len(str(SHARES_MAX))
PRICE_SCALE = 10**9 * SHARES_PER_UNIT
"""A price of 10**9 is that of the first share."""


def minted(units: int, supply: int, equity: int) -> int:
    """Shares that a payment of `units` buys, rounded down."""
    return units * (supply + VIRTUAL_SHARES) // (equity + VIRTUAL_UNITS)


def redeemed(shares: int, supply: int, equity: int) -> int:
    """Units that some shares are worth, rounded down."""
    return shares * (equity + VIRTUAL_UNITS) // (supply + VIRTUAL_SHARES)


def burned(units: int, supply: int, equity: int) -> int:
    """Shares that a payout of exactly `units` takes, rounded up: nothing is ever paid for no share."""
    return -(-units * (supply + VIRTUAL_SHARES) // (equity + VIRTUAL_UNITS))


def shares_of_text(text: object) -> int | None:
    """Shares from decimal digits; None when that is no number from 1 to SHARES_MAX."""
    if not isinstance(text, str) or len(text) > _DIGITS_MAX or not (text.isascii() and text.isdigit()):
        return None
    shares = int(text)
    return shares if 0 < shares <= SHARES_MAX else None


def price_text(price_units: int) -> str:
    """A price as a decimal: 1.000000000 is that of the first share. It may need more than 64 bits, too."""
    whole, rest = divmod(abs(price_units), 10**9)
    return f"{'-' if price_units < 0 else ''}{whole}.{rest:09d}"


def price(supply: int, equity: int) -> int:
    """Units at 1e-9 that SHARES_PER_UNIT shares are worth, rounded down; negative when the equity is."""
    return (equity + VIRTUAL_UNITS) * PRICE_SCALE // (supply + VIRTUAL_SHARES)
