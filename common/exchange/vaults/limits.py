"""A vault's own risk limits: what an order may lead to when it and all others of its side fill."""

from collections.abc import Collection, Iterable

import msgspec

from common.exchange.admission import is_whole
from common.exchange.events import RejectReason
from common.exchange.vaults.records import LEVERAGE_SCALE, RiskLimits


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """One market of a vault: signed lots, open order lots by side, and units of a lot at the mark price.

    `parted_lots` are those that were split off the position; orders do not reach them.
    """

    symbol: str
    lots: int
    bid_lots: int
    ask_lots: int
    lot_units: int
    parted_lots: int = 0

    @property
    def worst_lots(self) -> int:
        """The larger |position| of all bids or all asks filled."""
        return max(abs(self.lots + self.bid_lots), abs(self.lots - self.ask_lots)) + self.parted_lots

    @property
    def worst_units(self) -> int:
        """Notional of that at the mark price."""
        return self.worst_lots * self.lot_units


def order_refusal(limits: RiskLimits, before: Exposure, after: Exposure, others: Iterable[Exposure], equity: int) -> (
    RejectReason | None
):  # fmt: skip
    """Why an order that makes `before` `after` may not come in. One that makes nothing worse always may."""
    if after.worst_lots <= before.worst_lots:
        return None
    if limits.symbols and after.symbol not in limits.symbols:
        return RejectReason.SYMBOL_NOT_ALLOWED
    lots_max = limits.position_lots_max.get(after.symbol, 0)
    if lots_max and after.worst_lots > lots_max:
        return RejectReason.POSITION_TOO_LARGE
    if not limits.gross_notional_units_max and not limits.leverage_max:
        return None
    gross = after.worst_units + sum(each.worst_units for each in others)
    if limits.gross_notional_units_max and gross > limits.gross_notional_units_max:
        return RejectReason.NOTIONAL_TOO_LARGE
    if limits.leverage_max and gross * LEVERAGE_SCALE > limits.leverage_max * equity:
        return RejectReason.LEVERAGE_TOO_HIGH
    return None


def is_drawn_down(limits: RiskLimits, peak_price: int, price: int) -> bool:
    """True when the share price has fallen from its peak by the drawdown limit."""
    return limits.drawdown_bps_max > 0 and price * 10_000 <= peak_price * (10_000 - limits.drawdown_bps_max)


def limits_fit(limits: RiskLimits, markets: Collection[str]) -> bool:
    """True when limits are whole numbers of at least 0 about markets that there are."""
    numbers = [limits.leverage_max, limits.gross_notional_units_max, *limits.position_lots_max.values()]
    symbols = [*limits.position_lots_max, *limits.symbols]
    whole = all(is_whole(each, 0) for each in numbers) and is_whole(limits.drawdown_bps_max, 0, 10_000)
    return whole and all(symbol in markets for symbol in symbols)
