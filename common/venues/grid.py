"""Decimal texts of a venue to integers on an instrument's grid, exactly and fast."""

from decimal import Decimal
from enum import Enum

from common.model.errors import MessageInvalid
from common.model.instrument import Instrument

CACHED_TEXTS_MAX = 32_768


class OffGrid(Enum):
    """What becomes of a number between two steps."""

    REFUSED = "refused"
    ROUNDED_DOWN = "rounded down, but to one step at least"
    MARKED = "marked with -1"


class Steps(dict[str, int]):
    """`steps[text]`: how many steps a decimal text is. Raises MessageInvalid below zero and for no number.

    Venues repeat the same few thousand texts, so every text parsed is kept (at most CACHED_TEXTS_MAX): a repeated one
    costs a dict look-up, and no float ever touches a price.
    """

    def __init__(self, step: Decimal, what: str, where: str, off_grid: OffGrid = OffGrid.REFUSED) -> None:
        super().__init__()
        self._what, self._where, self._step, self._off_grid = what, where, step, off_grid
        numerator, denominator = step.as_integer_ratio()
        self._decimals = max(0, -int(step.normalize().as_tuple().exponent))
        self._unit = int(numerator * 10**self._decimals // denominator)

    def __missing__(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        if len(text) > 40 or not (whole and digits.isascii() and digits.isdigit()):
            raise self.refusal(text)
        kept, rest = fraction[: self._decimals], fraction[self._decimals :].strip("0")
        steps, remainder = divmod(int(whole + kept.ljust(self._decimals, "0")), self._unit)
        if remainder or rest:
            steps = self._settle(steps, text)
        if len(self) >= CACHED_TEXTS_MAX:
            self.clear()
        self[text] = steps
        return steps

    def refusal(self, text: str) -> MessageInvalid:
        """The error that names this grid."""
        return MessageInvalid(self._what, self._where, f"a decimal multiple of {self._step}", text[:60])

    def _settle(self, steps: int, text: str) -> int:
        if self._off_grid is OffGrid.REFUSED:
            raise self.refusal(text)
        return max(steps, 1) if self._off_grid is OffGrid.ROUNDED_DOWN else -1


class Grid:
    """Both grids of one instrument: `ticks[price text]` and `lots[quantity text]`, for our own orders: all exact."""

    __slots__ = ("instrument", "lots", "ticks")

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.ticks = Steps(instrument.tick_size, "price", instrument.venue_symbol)
        self.lots = Steps(instrument.lot_size, "quantity", instrument.venue_symbol)


class PublicGrid(Grid):
    """The same for everybody's orders. Venues change tick and lot sizes, and orders from before keep resting.

    Quantities are rounded down, but what exists stays: Binance's ETHUSDT book of 2024-08 holds 2292.22972 under a lot
    size of 0.0001. Levels at prices between our ticks are left out: two of them may not share one tick.
    """

    __slots__ = ()

    def __init__(self, instrument: Instrument) -> None:
        super().__init__(instrument)
        self.ticks = Steps(instrument.tick_size, "price", instrument.venue_symbol, OffGrid.MARKED)
        self.lots = Steps(instrument.lot_size, "quantity", instrument.venue_symbol, OffGrid.ROUNDED_DOWN)

    def level(self, price: str, quantity: str) -> tuple[int, int]:
        """One pair of texts. Raises MessageInvalid also for a price between ticks."""
        ticks = self.ticks[price]
        if ticks < 0:
            raise self.ticks.refusal(price)
        return ticks, self.lots[quantity]

    def levels(self, pairs: list[tuple[str, str]]) -> list[tuple[int, int]]:
        """Pairs of texts, less those at prices between ticks."""
        ticks, lots = self.ticks, self.lots
        return [(price, lots[quantity]) for text, quantity in pairs if (price := ticks[text]) >= 0]
