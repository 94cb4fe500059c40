"""What the two sides of one trade pay. A fee is charged on what its payer receives, in that asset.

A rebate is paid on what the *other* side receives and in that asset: it is a part of the other side's fee. Paid in
the rebated side's own asset it would make the venue owe an asset in which nobody paid it. Perpetuals know no such
difference: both sides are charged on the notional.
"""

from common.exchange.money import fee_units

Amount = tuple[int, str]
"""(units, asset)."""


def charges(maker_rate: int, taker_rate: int, maker_gets: Amount, taker_gets: Amount) -> tuple[Amount, Amount]:
    """(units, asset) that the maker pays and that the taker pays; negative = a rebate.

    The rates, at 1e-9, must not be negative together. Fees are rounded up and rebates down, so that in each asset the
    venue gets 0 or more.
    """
    maker_units, maker_asset = maker_gets if maker_rate >= 0 else taker_gets
    taker_units, taker_asset = taker_gets if taker_rate >= 0 else maker_gets
    return (fee_units(maker_units, maker_rate), maker_asset), (fee_units(taker_units, taker_rate), taker_asset)
