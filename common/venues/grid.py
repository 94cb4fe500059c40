"""Decimal texts of a venue to integers on an instrument's grid, exactly and fast."""

from decimal import Decimal

from common.model.errors import MessageInvalid
from common.model.instrument import Instrument

CACHED_TEXTS_MAX = 32_768


class Steps(dict[str, int]):
    """`steps[text]`: how many steps a decimal text is. Raises MessageInvalid below zero, for no number and, unless
    `rounding`, off the grid. Rounding goes down, but what exists stays at least one step.

    Venues repeat the same few thousand texts, so every text parsed is kept (at most CACHED_TEXTS_MAX): a repeated one
    costs a dict look-up, and no float ever touches a price.
    """

    def __init__(self, step: Decimal, what: str, where: str, rounding: bool = False) -> None:
        super().__init__()
        self._what, self._where, self._step, self._rounding = what, where, step, rounding
        numerator, denominator = step.as_integer_ratio()
        self._decimals = max(0, -int(step.normalize().as_tuple().exponent))
        self._unit = int(numerator * 10**self._decimals // denominator)

    def __missing__(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        if len(text) > 40 or not (whole and digits.isascii() and digits.isdigit()):
            raise self._refusal(text)
        kept, rest = fraction[: self._decimals], fraction[self._decimals :].strip("0")
        steps, remainder = divmod(int(whole + kept.ljust(self._decimals, "0")), self._unit)
        if remainder or rest:
            if not self._rounding:
                raise self._refusal(text)
            steps = max(steps, 1)
        if len(self) >= CACHED_TEXTS_MAX:
            self.clear()
        self[text] = steps
        return steps

    def _refusal(self, text: str) -> MessageInvalid:
        return MessageInvalid(self._what, self._where, f"a decimal multiple of {self._step}", text[:60])


class Grid:
    """Both grids of one instrument: `ticks[price text]` and `lots[quantity text]`.

    `public`: quantities of other people are rounded. Venues refine and coarsen their lot sizes, and orders from before
    keep resting: Binance's own ETHUSDT book of 2024-08 holds 2292.22972 under a lot size of 0.0001.
    """

    __slots__ = ("instrument", "lots", "ticks")

    def __init__(self, instrument: Instrument, public: bool = False) -> None:
        self.instrument = instrument
        self.ticks = Steps(instrument.tick_size, "price", instrument.venue_symbol)
        self.lots = Steps(instrument.lot_size, "quantity", instrument.venue_symbol, rounding=public)

    def level(self, price: str, quantity: str) -> tuple[int, int]:
        """One `(price, quantity)` pair of texts in ticks and lots."""
        return self.ticks[price], self.lots[quantity]

    def levels(self, pairs: list[tuple[str, str]]) -> list[tuple[int, int]]:
        """Pairs of texts in ticks and lots."""
        ticks, lots = self.ticks, self.lots
        return [(ticks[price], lots[quantity]) for price, quantity in pairs]
