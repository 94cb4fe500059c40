"""What the two sides of one trade pay. A fee is charged on what its payer receives, in that asset.

A rebate is paid on what the *other* side receives and in that asset: it is a part of the other side's fee. Paid in
the rebated side's own asset it would make the venue owe an asset in which nobody paid it.
"""

from common.exchange.money import fee_units


def charges(
    buyer: int, seller: int, base_units: int, quote_units: int, base: str, quote: str
) -> tuple[tuple[int, str], tuple[int, str]]:
    """(units, asset) of the buyer, who receives the base, and of the seller, who receives the quote.

    `buyer` and `seller` are their rates at 1e-9; together they must not be negative. Fees are rounded up and rebates,
    which are negative, down: in each asset the sum is 0 or more.
    """
    bought, sold = (base_units, base), (quote_units, quote)
    return _charge(buyer, bought, sold), _charge(seller, sold, bought)


def _charge(rate: int, own: tuple[int, str], other: tuple[int, str]) -> tuple[int, str]:
    units, asset = own if rate >= 0 else other
    return fee_units(units, rate), asset
