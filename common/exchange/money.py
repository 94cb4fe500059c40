"""Exact money: integers at 1e-8 of an asset, so that balances, notionals and fees are never rounded by a float."""

from decimal import Decimal
from math import ceil
from typing import Final

from common.model.errors import OrderInvalid
from common.model.instrument import Instrument

UNITS_PER_ASSET: Final = 10**8
RATE_SCALE: Final = 10**9
UNITS_MAX: Final = 2**63 - 1
"""Of an asset in all, and of one position's notional: snapshots and messages hold 64 bits."""

SMALL_MAX: Final = 2**62 - 1
"""Compiled code compares with this much at once, and with more by way of objects."""


class Scale:
    """How ticks and lots of one instrument become units of its assets."""

    __slots__ = ("base", "is_perpetual", "lot_units", "notional_units_min", "quote", "tick_lot_units")

    def __init__(self, instrument: Instrument, is_perpetual: bool = False) -> None:
        self.base, self.quote, self.is_perpetual = instrument.base, instrument.quote, is_perpetual
        self.lot_units = _whole(instrument.lot_size, "lot_size", instrument.symbol)
        notional_step = instrument.tick_size * instrument.lot_size
        self.notional_units_min = ceil(instrument.notional_min * UNITS_PER_ASSET)
        self.tick_lot_units = _whole(notional_step, "tick_size x lot_size", instrument.symbol)

    def base_units(self, lots: int) -> int:
        """Units of the base asset in some lots."""
        return lots * self.lot_units

    def quote_units(self, ticks: int, lots: int) -> int:
        """Units of the quote asset that some lots cost at a price."""
        return ticks * lots * self.tick_lot_units


def rate_from_bps(bps: Decimal) -> int:
    """Basis points as an integer at 1e-9. Raises ValueError when that is not exact or not below 100 %."""
    rate = bps * RATE_SCALE / 10_000
    if rate != int(rate) or abs(rate) >= RATE_SCALE:
        raise ValueError(f"a fee of {bps} bps is no multiple of 1e-9 below 1")
    return int(rate)


def rated_up(units: int, rate: int) -> int:
    """Units x a rate at 1e-9, rounded up."""
    # In two parts: so compiled code makes no objects to multiply, which it does from 2**30 on.
    whole = units // RATE_SCALE
    return whole * rate + ((units - whole * RATE_SCALE) * rate + RATE_SCALE - 1) // RATE_SCALE


def fee_units(received_units: int, rate: int) -> int:
    """Fee on an amount, rounded against whoever pays or receives it: a fee up, a rebate down."""
    return rated_up(received_units, rate)


def units_from_text(amount: str | Decimal) -> int:
    """Decimal amount of an asset in units. Raises ValueError when it is negative or finer than 1e-8."""
    units = Decimal(amount) * UNITS_PER_ASSET
    if not units.is_finite() or units < 0 or units != int(units):
        raise ValueError(f"{amount!r} is no amount of at least 0 in steps of 1e-8")
    return int(units)


def units_text(units: int) -> str:
    """Units as a decimal with all eight places, the way Binance writes amounts."""
    whole, rest = divmod(abs(units), UNITS_PER_ASSET)
    return f"{'-' if units < 0 else ''}{whole}.{rest:08d}"


def _whole(amount: Decimal, what: str, where: str) -> int:
    units = amount * UNITS_PER_ASSET
    if units != int(units):
        raise OrderInvalid(what, where, "a multiple of 1e-8", str(amount))
    return int(units)
