"""What is traded where, and the exact grid of its prices and quantities."""

from decimal import Decimal, InvalidOperation

import msgspec

from common.model.errors import OrderInvalid


class Instrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market of one venue.

    Prices are integers in ticks (`tick_size` quote units each), quantities integers in lots (`lot_size` base units
    each). `symbol` is the project's name ("ETH-USDT"), `venue_symbol` the venue's own ("ETHUSDT").
    """

    venue: str
    symbol: str
    venue_symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    quantity_lots_min: int = 1
    quantity_lots_max: int = 10**12
    notional_min: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for name in ("tick_size", "lot_size"):
            value = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise ValueError(f"{name} must be positive and finite")

    def to_ticks(self, price: str | Decimal) -> int:
        """Price in quote units to ticks; raises OrderInvalid unless it is positive and lies on the grid."""
        return _to_steps(price, self.tick_size, "price", self.venue_symbol)

    def to_lots(self, quantity: str | Decimal) -> int:
        """Quantity in base units to lots; raises OrderInvalid unless it is not negative and lies on the grid."""
        return _to_steps(quantity, self.lot_size, "quantity", self.venue_symbol)

    def price(self, ticks: float) -> float:
        """Ticks to quote units, for models and screens."""
        return ticks * float(self.tick_size)

    def quantity(self, lots: float) -> float:
        """Lots to base units, for models and screens."""
        return lots * float(self.lot_size)

    def price_text(self, ticks: int) -> str:
        """Ticks as the exact decimal that goes to a venue."""
        return f"{ticks * self.tick_size:f}"

    def quantity_text(self, lots: int) -> str:
        """Lots as the exact decimal that goes to a venue."""
        return f"{lots * self.lot_size:f}"

    def notional(self, price_ticks: int, quantity_lots: int) -> Decimal:
        """Exact value in quote units."""
        return price_ticks * self.tick_size * quantity_lots * self.lot_size


def _to_steps(value: str | Decimal, step: Decimal, what: str, where: str) -> int:
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise OrderInvalid(what, where, "a decimal number", value) from None
    if not number.is_finite() or number < 0:
        raise OrderInvalid(what, where, "a finite number of at least 0", value)
    steps, rest = divmod(number, step)
    if rest:
        raise OrderInvalid(what, where, f"a multiple of {step}", value)
    return int(steps)
